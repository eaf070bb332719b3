// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/slot.hpp"

#include <array>

#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/raw.hpp"

namespace ukey::pkcs11 {
namespace {

struct FlagName {
    CK_FLAGS flag;
    const char* name;
};

/// docs/formats/channels.md §2; the security officer's flags are nobody's business here.
constexpr auto flag_names = std::to_array<FlagName>({
    {CKF_LOGIN_REQUIRED, "login_required"},
    {CKF_USER_PIN_INITIALIZED, "user_pin_initialized"},
    {CKF_PROTECTED_AUTHENTICATION_PATH, "protected_authentication_path"},
    {CKF_TOKEN_INITIALIZED, "token_initialized"},
    {CKF_USER_PIN_COUNT_LOW, "user_pin_count_low"},
    {CKF_USER_PIN_FINAL_TRY, "user_pin_final_try"},
    {CKF_USER_PIN_LOCKED, "user_pin_locked"},
    {CKF_USER_PIN_TO_BE_CHANGED, "user_pin_to_be_changed"},
});

/// No PIN is longer; a module that says so has not filled the field.
constexpr CK_ULONG pin_max_plausible_bytes = 255;

} // namespace

Result<SlotInfo> Slot::info() const {
    CK_SLOT_INFO info{};
    const CK_RV rv = functions_of(*module_).C_GetSlotInfo(id_, &info);
    if (rv != CKR_OK) {
        return call_failed("C_GetSlotInfo", rv);
    }
    return SlotInfo{.description = padded_text(info.slotDescription),
                    .manufacturer = padded_text(info.manufacturerID),
                    .token_present = (info.flags & CKF_TOKEN_PRESENT) != 0,
                    .removable = (info.flags & CKF_REMOVABLE_DEVICE) != 0};
}

Result<TokenInfo> Slot::token_info() const {
    CK_TOKEN_INFO info{};
    const CK_RV rv = functions_of(*module_).C_GetTokenInfo(id_, &info);
    if (rv != CKR_OK) {
        return call_failed("C_GetTokenInfo", rv);
    }
    TokenInfo token{.label = padded_text(info.label),
                    .manufacturer = padded_text(info.manufacturerID),
                    .model = padded_text(info.model),
                    .serial = padded_text(info.serialNumber),
                    .flags = {}};
    for (const FlagName& flag : flag_names) {
        if ((info.flags & flag.flag) != 0) {
            token.flags.emplace(flag.name);
        }
    }
    if (info.ulMaxPinLen <= pin_max_plausible_bytes && info.ulMinPinLen <= info.ulMaxPinLen) {
        token.pin_min_bytes = info.ulMinPinLen;
        token.pin_max_bytes = info.ulMaxPinLen;
    }
    return token;
}

} // namespace ukey::pkcs11
