// SPDX-License-Identifier: Apache-2.0
// What applications get: the backend's own functions, and the overrides in the places of some.
#pragma once

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/interface_types.hpp"

namespace ukey::filter {

/// Puts every function that `overrides` has in the place of one that the list has: what the backend lacks
/// stays absent.
void override_functions(CK_FUNCTION_LIST& list, const CK_FUNCTION_LIST& overrides);
/// The same for what 3.0 added; `base` is not touched.
void override_functions(FunctionList30& list, const FunctionList30& overrides);

/// Every entry that `overrides` leaves NULL, or that the backend leaves NULL, is the backend's own pointer;
/// the version is the backend's own too. (A backend whose C_GetFunctionList answers with a list of 3.x is
/// shown as 2.40, because this table ends where 2.40 ends.)
CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const CK_FUNCTION_LIST& overrides);

} // namespace ukey::filter
