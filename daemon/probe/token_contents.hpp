// SPDX-License-Identifier: Apache-2.0
// Reads a token's certificates and public keys in one session, without a login.
#pragma once

#include <cstddef>

#include "daemon/core/token.hpp"
#include "pkcs11/client/slot.hpp"

namespace ukey::probe {

/// Label, manufacturer, model, serial and flags; nothing that needs a session.
TokenReport describe_token(const pkcs11::TokenInfo& info);

CallError to_call_error(const Error& error);

/// Fills certificates, public_keys and, where something could not be read, read_error (the first error; what
/// could be read stays). `budget_bytes`: encoded size that may be added, see contents_max_bytes. Blocks like
/// the module.
void read_contents(const pkcs11::Slot& slot, std::size_t budget_bytes, TokenReport& token);

/// What a token's contents take in a frame, at most.
std::size_t encoded_contents_bytes(const TokenReport& token);

} // namespace ukey::probe
