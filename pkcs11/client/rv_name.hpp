// SPDX-License-Identifier: Apache-2.0
// Names of PKCS#11 return values. Needs no PKCS#11 header and nothing but the standard library: the filter
// uses it too.
#pragma once

#include <string>

namespace ukey::pkcs11 {

/// "CKR_PIN_LOCKED"; "CKR_VENDOR_DEFINED+0x2f" for a vendor's own value; "0x1ff" for one that no standard
/// has.
std::string rv_name(unsigned long rv);

} // namespace ukey::pkcs11
