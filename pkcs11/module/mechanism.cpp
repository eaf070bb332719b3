// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/mechanism.hpp"

#include <algorithm>
#include <array>

namespace ukey::filter {
namespace {

struct Range {
    CK_MECHANISM_TYPE first;
    CK_MECHANISM_TYPE last;
};

// PKCS#11 2.40 (mechanisms, current and historical) and, where the header stops, the numbers of 3.0.
constexpr std::array private_key_mechanisms{
    Range{CKM_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS},
    Range{0x0011, 0x001B},              // CKM_DSA … CKM_DSA_SHA3_512, with gaps that are nobody's
    Range{0x0021, 0x0021},              // CKM_DH_PKCS_DERIVE
    Range{CKM_X9_42_DH_DERIVE, 0x0033}, // … CKM_X9_42_MQV_DERIVE
    Range{CKM_SHA256_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS},
    Range{0x0060, 0x0067}, // CKM_SHA3_256_RSA_PKCS … CKM_SHA3_224_RSA_PKCS_PSS
    Range{CKM_KEA_KEY_DERIVE, CKM_KEA_KEY_DERIVE},
    Range{0x1020, 0x1020},    // CKM_FORTEZZA_TIMESTAMP
    Range{CKM_ECDSA, 0x104A}, // … CKM_ECDSA_SHA3_512
    Range{CKM_ECDH1_DERIVE, CKM_RSA_AES_KEY_WRAP},
    Range{CKM_EDDSA, CKM_EDDSA},
    Range{CKM_GOSTR3410, CKM_GOSTR3410_DERIVE},
    Range{CKM_RSA_PKCS_TPM_1_1, CKM_RSA_PKCS_OAEP_TPM_1_1},
    Range{CKM_VENDOR_DEFINED, ~CK_MECHANISM_TYPE{0}},
};

} // namespace

bool uses_private_key(CK_MECHANISM_TYPE mechanism) noexcept {
    return std::any_of(private_key_mechanisms.begin(), private_key_mechanisms.end(), [=](const Range& range) {
        return mechanism >= range.first && mechanism <= range.last;
    });
}

} // namespace ukey::filter
