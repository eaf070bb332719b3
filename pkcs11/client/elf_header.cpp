// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/elf_header.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace ukey::pkcs11 {
namespace {

/// What ELF32 and ELF64 have in common at the same place: e_ident, e_type, e_machine (gABI, "ELF Header").
struct Architecture {
    unsigned char elf_class = 0;
    unsigned char byte_order = 0;
    unsigned machine = 0;

    bool operator==(const Architecture&) const = default;
};

constexpr std::size_t header_bytes = EI_NIDENT + 4;
constexpr std::size_t machine_offset = EI_NIDENT + 2;

std::string machine_name(unsigned machine) {
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_386:
        return "x86";
    case EM_AARCH64:
        return "AArch64";
    case EM_ARM:
        return "ARM";
    case EM_MIPS:
        return "MIPS";
    case EM_LOONGARCH:
        return "LoongArch";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "PowerPC";
    case EM_S390:
        return "S/390";
    case EM_ALPHA: // Sunway (SW64) systems use Alpha's number, or 0x9916.
    case 0x9916:
        return "Sunway or Alpha";
    }
    return "machine " + std::to_string(machine);
}

std::string describe(const Architecture& architecture) {
    return machine_name(architecture.machine) +
           (architecture.elf_class == ELFCLASS32 ? " 32-bit" : " 64-bit") +
           (architecture.byte_order == ELFDATA2MSB ? " big-endian" : "");
}

/// nullopt for a file that is not ELF.
Result<std::optional<Architecture>> read_architecture(const std::string& path) {
    const auto missing = [&path](int error) {
        return fail("module.missing", "look at the module", path, std::generic_category().message(error));
    };
    // O_NONBLOCK: a FIFO in the module's place must not hang us.
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return missing(errno);
    }
    struct stat status {};
    const bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    std::array<unsigned char, header_bytes> header{};
    const ssize_t count = regular ? pread(descriptor, header.data(), header.size(), 0) : 0;
    close(descriptor);
    if (!regular) {
        return fail("module.missing", "look at the module", path, "not a regular file");
    }
    if (count != static_cast<ssize_t>(header.size()) || std::memcmp(header.data(), ELFMAG, SELFMAG) != 0) {
        return std::nullopt;
    }
    const unsigned low = header[machine_offset];
    const unsigned high = header[machine_offset + 1];
    const bool big_endian = header[EI_DATA] == ELFDATA2MSB;
    return Architecture{.elf_class = header[EI_CLASS],
                        .byte_order = header[EI_DATA],
                        .machine = big_endian ? (low << 8U | high) : (high << 8U | low)};
}

} // namespace

Result<void> check_module_file(const std::string& path) {
    if (path.find('/') == std::string::npos) {
        return fail("module.missing", "look at the module", path, "not a path");
    }
    const auto module = read_architecture(path);
    if (!module) {
        return tl::unexpected(module.error());
    }
    const auto own = read_architecture("/proc/self/exe");
    if (*module && own && *own && **module != **own) {
        return fail("module.wrong_architecture", "look at the module", path,
                    describe(**module) + ", not " + describe(**own));
    }
    return {};
}

} // namespace ukey::pkcs11
