// SPDX-License-Identifier: Apache-2.0
#include "tools/program_files.hpp"

#include <initializer_list>

namespace ukey::ctl {
namespace {

std::string first_existing(std::initializer_list<std::filesystem::path> candidates) {
    for (const std::filesystem::path& candidate : candidates) {
        std::error_code ignored;
        if (std::filesystem::is_regular_file(candidate, ignored)) {
            return candidate.lexically_normal().string();
        }
    }
    return {};
}

} // namespace

std::filesystem::path program_folder() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::path() : program.parent_path();
}

std::string find_probe() {
    const auto build = program_folder().parent_path();
    return first_existing({program_folder() / "ukey-probe", build / "daemon/ukey-probe",
                           build / "daemon/probe/ukey-probe", build / "pkcs11/client/ukey-probe",
                           std::filesystem::path(UKEY_LIBEXEC_DIR) / "ukey-probe",
                           std::filesystem::path(UKEY_LIBEXEC_DIR) / "ukeyd/ukey-probe",
                           std::filesystem::path(UKEY_BIN_DIR) / "ukey-probe"});
}

std::string find_filter() {
    const auto build = program_folder().parent_path();
    return first_existing({program_folder() / "ukey-pkcs11.so", build / "pkcs11/module/ukey-pkcs11.so",
                           build / "pkcs11/ukey-pkcs11.so",
                           std::filesystem::path(UKEY_LIB_DIR) / "pkcs11/ukey-pkcs11.so",
                           std::filesystem::path(UKEY_LIB_DIR) / "ukey-pkcs11.so"});
}

} // namespace ukey::ctl
