// SPDX-License-Identifier: Apache-2.0
// What applications get: the backend's own functions, and the overrides in the places of some.
#pragma once

#include <cstddef>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/interface_types.hpp"

namespace ukey::filter {

/// Every entry that `overrides` leaves NULL, or that the backend leaves NULL, is the backend's own pointer;
/// the version is the backend's own too. (A backend whose C_GetFunctionList answers with a list of 3.x is
/// shown as 2.40, because this table ends where 2.40 ends.)
CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const FunctionList30& overrides);

/// The same in place, for a list of any version that is `list_bytes` long.
void override_functions(void* list, std::size_t list_bytes, const FunctionList30& overrides);

/// Whether each function of `list` that is overridden is `called`'s, which is what the override calls, from
/// the place `begin` on to the place `end`. p11-kit's proxy, for one, makes lists whose functions have slots
/// and sessions of their own. An override that gives a list, and so calls nothing of it, need not agree.
bool overridden_functions_agree(const void* list, const void* called, const FunctionList30& overrides,
                                std::size_t begin, std::size_t end);

} // namespace ukey::filter
