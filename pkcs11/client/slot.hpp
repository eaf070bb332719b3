// SPDX-License-Identifier: Apache-2.0
// A slot of a module, and what it says about itself and its token (PKCS#11 2.40 §5.5).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "pkcs11/client/module.hpp"

namespace ukey::pkcs11 {

/// CK_SLOT_INFO. Some vendors' modules fill it without looking: it does not prove that a token answers.
struct SlotInfo {
    std::string description;
    std::string manufacturer;
    /// CKF_TOKEN_PRESENT.
    bool token_present = false;
    /// CKF_REMOVABLE_DEVICE. Without it CKF_TOKEN_PRESENT must always be set (§3.2 CK_SLOT_INFO).
    bool removable = false;
};

/// CK_TOKEN_INFO: an answer to C_GetTokenInfo proves that the token is there.
struct TokenInfo {
    std::string label;
    std::string manufacturer;
    std::string model;
    std::string serial;
    /// The flags that are set, of those that docs/formats/channels.md §2 names: "user_pin_locked" …
    std::set<std::string, std::less<>> flags;
    /// Bytes; 0 and 0 when the module gives none that make sense.
    unsigned long pin_min_bytes = 0;
    unsigned long pin_max_bytes = 0;
};

/// A name for a place in a module; cheap to copy. Methods block like Module's.
class Slot {
  public:
    Slot(std::shared_ptr<Module> module, SlotId id) : module_(std::move(module)), id_(id) {}

    SlotId id() const { return id_; }
    const std::shared_ptr<Module>& module() const { return module_; }

    /// C_GetSlotInfo.
    Result<SlotInfo> info() const;
    /// C_GetTokenInfo. CKR_TOKEN_NOT_PRESENT is an error like others, see failed_with().
    Result<TokenInfo> token_info() const;

  private:
    std::shared_ptr<Module> module_;
    SlotId id_;
};

} // namespace ukey::pkcs11
