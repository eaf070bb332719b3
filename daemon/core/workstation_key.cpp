// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/workstation_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <system_error>

#include <openssl/pem.h>

#include "daemon/core/certificate.hpp"
#include "daemon/core/durable_file.hpp"

namespace ukey {
namespace {

/// An Ed25519 key in PEM has 119 bytes.
constexpr std::size_t key_file_max_bytes = 4096;
/// Of the name that a new key has until it is whole.
constexpr const char* fresh_suffix = ".new";
/// RFC 8410 §4: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }, up to the 32 bytes of the key.
constexpr std::array<unsigned char, 12> spki_prefix{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

tl::unexpected<Error> unusable(const std::string& path, std::string reason) {
    return fail("workstation.key_unusable", "load the workstation's key", path, std::move(reason));
}

tl::unexpected<Error> system_failure(const std::string& path) {
    return fail("state.unusable", "use the workstation's key", path,
                std::error_code(errno, std::generic_category()).message());
}

const unsigned char* unsigned_data(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Result<std::string> read_private(const Descriptor& file, const std::string& path) {
    struct stat status {};
    if (fstat(file.number(), &status) != 0) {
        return system_failure(path);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return unusable(path, "others may read it");
    }
    if (status.st_uid != geteuid()) {
        return unusable(path, "it is another user's");
    }
    std::string text(key_file_max_bytes, '\0');
    const ssize_t length = ::read(file.number(), text.data(), text.size());
    if (length < 0) {
        return system_failure(path);
    }
    text.resize(static_cast<std::size_t>(length));
    return text;
}

} // namespace

WorkstationKey::WorkstationKey(PkeyHandle key)
    : key_(std::move(key)), public_key_(ed25519_public_key_bytes, '\0') {
    std::size_t length = public_key_.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(public_key_.data()),
                                    &length) != 1 ||
        length != ed25519_public_key_bytes) {
        throw std::runtime_error("an Ed25519 key without its public half");
    }
    fingerprint_ = key_fingerprint(public_key_);
}

WorkstationKey WorkstationKey::generate() {
    PkeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key) {
        throw std::runtime_error("no Ed25519 key could be made");
    }
    return WorkstationKey(std::move(key));
}

Result<WorkstationKey> WorkstationKey::load(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (file.number() < 0) {
        return system_failure(path);
    }
    auto text = read_private(file, path);
    if (!text) {
        return tl::unexpected(text.error());
    }
    auto key = from_pem(*text, path);
    OPENSSL_cleanse(text->data(), text->size());
    return key;
}

Result<WorkstationKey> WorkstationKey::from_pem(std::string_view pem, const std::string& origin) {
    const BioHandle memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PkeyHandle key(memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_ED25519) {
        return unusable(origin, "there is no Ed25519 key in it");
    }
    return WorkstationKey(std::move(key));
}

Secret WorkstationKey::to_pem() const {
    const BioHandle memory(BIO_new(BIO_s_secmem()));
    if (!memory ||
        PEM_write_bio_PrivateKey(memory.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        throw std::runtime_error("an Ed25519 key could not be written as text");
    }
    unsigned char* text = nullptr;
    const long length = BIO_get_mem_data(memory.get(), &text);
    return Secret(std::span(text, static_cast<std::size_t>(length)));
}

Result<void> WorkstationKey::save(const std::string& path) const {
    // Whole or not at all: under another name first, and never in the place of one that is there.
    const std::string fresh = path + fresh_suffix;
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.number() < 0) {
        return system_failure(fresh);
    }
    const Secret pem = to_pem();
    const std::string_view text(reinterpret_cast<const char*>(pem.bytes().data()), pem.size());
    if (!write_all(file, text) || fsync(file.number()) != 0 || ::link(fresh.c_str(), path.c_str()) != 0 ||
        ::unlink(fresh.c_str()) != 0 || !sync_folder_of(path)) {
        return system_failure(path);
    }
    return {};
}

Result<WorkstationKey> WorkstationKey::load_or_create(const std::string& path) {
    ::unlink((path + fresh_suffix).c_str()); // left by a start that was cut short: a second name for the key
    if (std::error_code error; std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
        return load(path);
    }
    WorkstationKey key = generate();
    if (const auto saved = key.save(path); !saved) {
        return tl::unexpected(saved.error());
    }
    return key;
}

Result<void> WorkstationKey::keep_as_next(const std::string& path) const {
    const std::string next = next_key_path(path);
    ::unlink(next.c_str());
    ::unlink((next + fresh_suffix).c_str());
    return save(next);
}

Result<void> WorkstationKey::put_next_in_place(const std::string& path) {
    if (::rename(next_key_path(path).c_str(), path.c_str()) != 0 || !sync_folder_of(path)) {
        return system_failure(path);
    }
    return {};
}

void WorkstationKey::forget_next(const std::string& path) {
    ::unlink(next_key_path(path).c_str());
}

std::string next_key_path(const std::string& path) {
    return path + ".next";
}

std::string WorkstationKey::sign(std::string_view text) const {
    const EvpMdContextHandle context(EVP_MD_CTX_new());
    std::string signature(ed25519_signature_bytes, '\0');
    std::size_t length = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                       unsigned_data(text), text.size()) != 1 ||
        length != signature.size()) {
        throw std::runtime_error("Ed25519 could not sign");
    }
    return signature;
}

std::string key_fingerprint(std::string_view public_key) {
    std::string spki(reinterpret_cast<const char*>(spki_prefix.data()), spki_prefix.size());
    return sha256_hex(spki.append(public_key));
}

bool verify_ed25519(std::string_view public_key, std::string_view text, std::string_view signature) {
    if (public_key.size() != ed25519_public_key_bytes || signature.size() != ed25519_signature_bytes) {
        return false;
    }
    const PkeyHandle key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, unsigned_data(public_key), public_key.size()));
    const EvpMdContextHandle context(EVP_MD_CTX_new());
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), unsigned_data(signature), signature.size(), unsigned_data(text),
                            text.size()) == 1;
}

} // namespace ukey
