// SPDX-License-Identifier: Apache-2.0
// How a PKCS#11 call's failure is reported: Error{code "pkcs11.call_failed", object = function, reason =
// "CKR_…"}.
#pragma once

#include <string>

#include "daemon/core/result.hpp"
#include "pkcs11/client/rv_name.hpp"

namespace ukey::pkcs11 {

inline tl::unexpected<Error> call_failed(std::string function, unsigned long rv) {
    return fail("pkcs11.call_failed", "call the module", std::move(function), rv_name(rv));
}

/// The module offered more than this software reads: a length or a count beyond its bound. reason = "limit".
inline tl::unexpected<Error> over_limit(std::string function) {
    return fail("pkcs11.call_failed", "call the module", std::move(function), "limit");
}

/// Whether a call failed with this value, by its name.
inline bool failed_with(const Error& error, std::string_view name) {
    return error.reason == name;
}

} // namespace ukey::pkcs11
