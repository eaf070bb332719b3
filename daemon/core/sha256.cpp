// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/sha256.hpp"

#include <memory>
#include <stdexcept>

namespace ukey {
namespace {

using EvpMdHandle = std::unique_ptr<EVP_MD, OpensslDeleter<EVP_MD_free>>;

[[noreturn]] void give_up() {
    throw std::runtime_error("SHA-256 is not available"); // or memory ran out
}

EvpMdContextHandle begin_digest() {
    EvpMdContextHandle context(EVP_MD_CTX_new());
    const EvpMdHandle algorithm(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
    if (!context || !algorithm || EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) != 1) {
        give_up();
    }
    return context;
}

} // namespace

// OpenSSL calls these deprecated and keeps them. For digests of some hundred bytes EVP_Digest* takes a good
// part of the time for its own affairs.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void Sha256::digest(std::string_view first, std::string_view second, char* digest) {
    if (SHA256_Init(&context_) != 1 || SHA256_Update(&context_, first.data(), first.size()) != 1 ||
        SHA256_Update(&context_, second.data(), second.size()) != 1 ||
        SHA256_Final(reinterpret_cast<unsigned char*>(digest), &context_) != 1) {
        give_up();
    }
}
#pragma GCC diagnostic pop

RunningSha256::RunningSha256() : context_(begin_digest()) {}

void RunningSha256::append(std::string_view piece) {
    if (EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) != 1) {
        give_up();
    }
}

std::string RunningSha256::finish() {
    std::string digest(Sha256::bytes, '\0');
    if (EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) != 1) {
        give_up();
    }
    return digest;
}

} // namespace ukey
