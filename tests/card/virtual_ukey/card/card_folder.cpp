// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/card_folder.hpp"

#include "tests/card/virtual_ukey/card/file.hpp"
#include "tests/card/virtual_ukey/card/pem_file.hpp"

namespace ukey::virtual_card {

namespace fs = std::filesystem;

namespace {

constexpr auto state_file = "state.json";
constexpr mode_t state_file_mode = 0600;
constexpr KeySlot slots[] = {KeySlot::authentication, KeySlot::key_management};

Bytes der_of(const X509* certificate) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509(certificate, &encoded);
    if (size <= 0)
        return {};
    Bytes der(encoded, encoded + size);
    OPENSSL_free(encoded);
    return der;
}

std::string slot_name(KeySlot slot) {
    const auto byte = static_cast<std::uint8_t>(slot);
    return to_hex({&byte, 1});
}

} // namespace

fs::path CardFolder::key_path(KeySlot slot) const {
    return path_ / (slot_name(slot) + ".key.pem");
}

fs::path CardFolder::certificate_path(KeySlot slot) const {
    return path_ / (slot_name(slot) + ".pem");
}

bool CardFolder::holds_card() const {
    return fs::exists(path_ / state_file);
}

Result<void> CardFolder::create(const CardState& state) const {
    if (holds_card())
        return fail("virtual_card.exists", "make a card", path_.string(), "the folder holds a card already");
    std::error_code error;
    fs::create_directories(path_, error);
    if (!error)
        fs::permissions(path_, fs::perms::owner_all, error);
    if (error)
        return fail("io.failed", "make a card", path_.string(), error.message());
    return save_state(state);
}

Result<CardState> CardFolder::load_state() const {
    const auto text = read_file(path_ / state_file);
    if (!text)
        return tl::unexpected(text.error());
    return decode_card_state(*text);
}

Result<void> CardFolder::save_state(const CardState& state) const {
    return replace_file(path_ / state_file, encode_card_state(state), state_file_mode);
}

Result<Credentials> CardFolder::load_credentials() const {
    Credentials credentials;
    for (const KeySlot slot : slots) {
        if (!fs::exists(key_path(slot)))
            continue;
        auto key = PrivateKey::load(key_path(slot));
        if (!key)
            return tl::unexpected(key.error());
        Credential credential{std::move(*key), {}};
        if (fs::exists(certificate_path(slot))) {
            const auto certificate = read_certificate(certificate_path(slot));
            if (!certificate)
                return tl::unexpected(certificate.error());
            credential.certificate = der_of(certificate->get());
        }
        credentials.emplace(slot, std::move(credential));
    }
    return credentials;
}

} // namespace ukey::virtual_card
