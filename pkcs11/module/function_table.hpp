// SPDX-License-Identifier: Apache-2.0
// What applications get: the backend's own functions, and the overrides in the places of some.
#pragma once

#include <p11-kit/pkcs11.h>

namespace ukey::filter {

/// Every entry that `overrides` leaves NULL, or that the backend leaves NULL, is the backend's own pointer;
/// the version is the backend's own too. (A backend whose C_GetFunctionList answers with a list of 3.x is
/// shown as 2.40, because this table ends where 2.40 ends.)
CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const CK_FUNCTION_LIST& overrides);

} // namespace ukey::filter
