// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/revocation_list.hpp"

#include <algorithm>
#include <array>

#include <openssl/err.h>

#include "daemon/core/x509.hpp"

namespace ukey {
namespace {

IssuingPointHandle issuing_point(const X509_CRL* list) {
    return IssuingPointHandle(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, nullptr, nullptr)));
}

/// RFC 5280 §5.2: the list can be judged alone. A critical extension that is not understood forbids its use.
bool is_complete(const X509_CRL* list) {
    for (int index = X509_CRL_get_ext_by_critical(list, 1, -1); index >= 0;
         index = X509_CRL_get_ext_by_critical(list, 1, index)) {
        const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_CRL_get_ext(list, index)));
        if (nid != NID_issuing_distribution_point && nid != NID_authority_key_identifier &&
            nid != NID_crl_number) {
            return false;
        }
    }
    if (X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) >= 0) {
        return false;
    }
    if (X509_CRL_get_ext_by_NID(list, NID_issuing_distribution_point, -1) < 0) {
        return true;
    }
    const IssuingPointHandle point = issuing_point(list);
    ERR_clear_error();
    return point && point->indirectCRL <= 0 && point->onlyattr <= 0 && point->onlysomereasons == nullptr;
}

std::string key_fingerprint(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    X509_PUBKEY* const key = X509_get_X509_PUBKEY(certificate);
    unsigned char* der = nullptr;
    const int der_bytes = i2d_X509_PUBKEY(key, &der);
    const OpensslBytes owner(der);
    if (der_bytes <= 0 || EVP_Digest(der, static_cast<std::size_t>(der_bytes), digest.data(), &length,
                                     EVP_sha256(), nullptr) != 1) {
        return {};
    }
    return {reinterpret_cast<const char*>(digest.data()), length};
}

/// The full names (URIs, mostly) of a distribution point; null when it has none.
const GENERAL_NAMES* full_names(const DIST_POINT_NAME* name) {
    return name != nullptr && name->type == 0 ? name->name.fullname : nullptr;
}

bool share_a_name(const GENERAL_NAMES* left, const GENERAL_NAMES* right) {
    if (left == nullptr || right == nullptr) {
        return false;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(left); ++i) {
        for (int j = 0; j < sk_GENERAL_NAME_num(right); ++j) {
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(left, i), sk_GENERAL_NAME_value(right, j)) == 0) {
                return true;
            }
        }
    }
    return false;
}

} // namespace

std::optional<RevocationList> RevocationList::parse(std::string_view der) {
    const auto* position = reinterpret_cast<const unsigned char*>(der.data());
    CrlHandle list(d2i_X509_CRL(nullptr, &position, static_cast<long>(der.size())));
    if (!list) {
        ERR_clear_error();
        return std::nullopt;
    }
    RevocationList parsed(std::move(list));
    parsed.der_ = der;
    parsed.complete_ = is_complete(parsed.list_.get());
    return parsed;
}

void RevocationList::remember_issuer(const X509* issuer) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(list_.get()), X509_get_subject_name(issuer)) == 0 &&
        is_signed_by(issuer)) {
        issuer_keys_.push_back(key_fingerprint(issuer));
    }
}

Revocation RevocationList::check(const X509* certificate, const X509* issuer, Timestamp moment) const {
    if (!complete_ ||
        X509_NAME_cmp(X509_CRL_get_issuer(list_.get()), X509_get_issuer_name(certificate)) != 0 ||
        !is_current(moment)) {
        return Revocation::unknown;
    }
    if (std::ranges::find(issuer_keys_, key_fingerprint(issuer)) == issuer_keys_.end() &&
        !is_signed_by(issuer)) {
        return Revocation::unknown;
    }
    X509_REVOKED* entry = nullptr;
    // 1: revoked; 2: taken off the list again (removeFromCRL)
    if (X509_CRL_get0_by_serial(list_.get(), &entry, X509_get0_serialNumber(certificate)) == 1) {
        return Revocation::revoked;
    }
    return covers(certificate) ? Revocation::good : Revocation::unknown;
}

bool RevocationList::is_signed_by(const X509* issuer) const {
    // RFC 5280 §4.2.1.3: a key whose use is restricted needs cRLSign.
    if ((X509_get_key_usage(const_cast<X509*>(issuer)) & KU_CRL_SIGN) == 0) {
        return false;
    }
    EVP_PKEY* const key = X509_get0_pubkey(issuer);
    if (key == nullptr) {
        ERR_clear_error();
        return false;
    }
    bool verified = false;
    if (X509_CRL_get_signature_nid(list_.get()) == NID_SM2_with_SM3) {
        const ASN1_BIT_STRING* signature = nullptr;
        X509_CRL_get0_signature(list_.get(), &signature, nullptr);
        verified = verify_signature(key, NID_SM2_with_SM3, signed_bytes(der_), signature);
    } else {
        verified = X509_CRL_verify(list_.get(), key) == 1;
    }
    ERR_clear_error();
    return verified;
}

bool RevocationList::is_current(Timestamp moment) const {
    std::time_t now = to_time(moment);
    const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list_.get());
    const bool begun = X509_cmp_time(X509_CRL_get0_lastUpdate(list_.get()), &now) < 0;
    return begun && (next == nullptr || X509_cmp_time(next, &now) > 0);
}

/// Large CAs cut their list into parts; a part says nothing about the certificates of another distribution
/// point.
bool RevocationList::covers(const X509* certificate) const {
    const IssuingPointHandle point = issuing_point(list_.get());
    if (!point) {
        return true;
    }
    const bool is_ca = (X509_get_extension_flags(const_cast<X509*>(certificate)) & EXFLAG_CA) != 0;
    if ((point->onlyCA > 0 && !is_ca) || (point->onlyuser > 0 && is_ca)) {
        return false;
    }
    if (point->distpoint == nullptr) {
        return true;
    }
    const DistributionPointsHandle points(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
    for (int index = 0; points && index < sk_DIST_POINT_num(points.get()); ++index) {
        if (share_a_name(full_names(point->distpoint),
                         full_names(sk_DIST_POINT_value(points.get(), index)->distpoint))) {
            return true;
        }
    }
    return false;
}

} // namespace ukey
