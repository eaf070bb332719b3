// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/private_key.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/card/virtual_ukey/card/file.hpp"

namespace ukey::virtual_card {

namespace {

constexpr int rsa_size_bits = 2048;
constexpr std::size_t rsa_size_bytes = rsa_size_bits / 8;
constexpr mode_t private_file_mode = 0600;

std::optional<KeyAlgorithm> algorithm_of(const EVP_PKEY* key) {
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) == rsa_size_bits)
        return KeyAlgorithm::rsa_2048;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256)
        return KeyAlgorithm::p_256;
    return std::nullopt;
}

KeyContextHandle context_of(const KeyHandle& key) {
    return KeyContextHandle(EVP_PKEY_CTX_new(key.get(), nullptr));
}

/// A public key of the same curve as `own`, from an uncompressed point; null when it is not on the curve.
KeyHandle peer_key(const EVP_PKEY* own, ByteView point) {
    KeyHandle peer(EVP_PKEY_new());
    if (!peer || EVP_PKEY_copy_parameters(peer.get(), own) != 1 ||
        EVP_PKEY_set1_encoded_public_key(peer.get(), point.data(), point.size()) != 1)
        return nullptr;
    return peer;
}

} // namespace

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
    KeyHandle key(algorithm == KeyAlgorithm::rsa_2048 ? EVP_RSA_gen(rsa_size_bits) : EVP_EC_gen("P-256"));
    if (!key)
        return fail("virtual_card.key", "generate a key", "", openssl_reason());
    return PrivateKey(std::move(key), algorithm);
}

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& path) {
    const auto content = read_file(path);
    if (!content)
        return tl::unexpected(content.error());
    const BioHandle bio(BIO_new_mem_buf(content->data(), static_cast<int>(content->size())));
    KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    if (!key)
        return fail("virtual_card.key", "read a private key", path.string(), openssl_reason());
    const auto algorithm = algorithm_of(key.get());
    if (!algorithm)
        return fail("virtual_card.key", "read a private key", path.string(), "neither RSA 2048 nor P-256");
    return PrivateKey(std::move(key), *algorithm);
}

Result<void> PrivateKey::save(const std::filesystem::path& path) const {
    const BioHandle bio(BIO_new(BIO_s_secmem()));
    if (!bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return fail("virtual_card.key", "write a private key", path.string(), openssl_reason());
    const char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return replace_file(path, {text, static_cast<std::size_t>(size)}, private_file_mode);
}

std::optional<Bytes> PrivateKey::rsa_private_operation(ByteView block) const {
    if (algorithm_ != KeyAlgorithm::rsa_2048 || block.size() != rsa_size_bytes)
        return std::nullopt;
    const auto context = context_of(key_);
    Bytes out(rsa_size_bytes);
    std::size_t size = out.size();
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
        EVP_PKEY_decrypt(context.get(), out.data(), &size, block.data(), block.size()) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    out.resize(size);
    return out;
}

std::optional<Bytes> PrivateKey::ecdsa_sign(ByteView digest) const {
    if (algorithm_ != KeyAlgorithm::p_256 || digest.empty())
        return std::nullopt;
    const auto context = context_of(key_);
    Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())));
    std::size_t size = out.size();
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    out.resize(size);
    return out;
}

std::optional<Bytes> PrivateKey::ecdh(ByteView point) const {
    if (algorithm_ != KeyAlgorithm::p_256)
        return std::nullopt;
    const auto peer = peer_key(key_.get(), point);
    const auto context = context_of(key_);
    Bytes out(32);
    std::size_t size = out.size();
    if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        EVP_PKEY_derive(context.get(), out.data(), &size) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    out.resize(size);
    return out;
}

} // namespace ukey::virtual_card
