// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/x509.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "daemon/core/text.hpp"

namespace ukey {
namespace {

/// A certificate nests seven levels deep; more is an attack on the stack.
constexpr int der_depth_max = 16;

const unsigned char* as_bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view content(const ASN1_STRING* value) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
            static_cast<std::size_t>(ASN1_STRING_length(value))};
}

/// Header of the DER element at the front of some bytes.
struct DerElement {
    int tag = 0;
    bool constructed = false;
    std::size_t header_bytes = 0;
    std::size_t content_bytes = 0;

    std::size_t bytes() const { return header_bytes + content_bytes; }
};

std::optional<DerElement> read_element(std::string_view bytes) {
    const unsigned char* position = as_bytes(bytes);
    long length = 0;
    int tag = 0;
    int tag_class = 0;
    const int flags = ASN1_get_object(&position, &length, &tag, &tag_class, static_cast<long>(bytes.size()));
    if ((flags & 0x80) != 0 || (flags & 1) != 0) { // an error, or BER's indefinite length
        return std::nullopt;
    }
    return DerElement{tag_class == V_ASN1_UNIVERSAL ? tag : -1, (flags & V_ASN1_CONSTRUCTED) != 0,
                      static_cast<std::size_t>(position - as_bytes(bytes)), static_cast<std::size_t>(length)};
}

/// Makes a T61String of every UTF8String in der[begin, end) that is not UTF-8; both tags are one byte.
bool retag_wrong_utf8(std::string& der, std::size_t begin, std::size_t end, int depth) {
    bool changed = false;
    while (begin < end) {
        const std::string_view rest = std::string_view(der).substr(begin, end - begin);
        const std::optional<DerElement> element = read_element(rest);
        if (!element || depth == der_depth_max) {
            return changed;
        }
        const std::size_t content_begin = begin + element->header_bytes;
        const std::size_t content_end = content_begin + element->content_bytes;
        if (element->constructed) {
            changed |= retag_wrong_utf8(der, content_begin, content_end, depth + 1);
        } else if (element->tag == V_ASN1_UTF8STRING &&
                   !is_valid_utf8(rest.substr(element->header_bytes, element->content_bytes))) {
            der[begin] = V_ASN1_T61STRING;
            changed = true;
        }
        begin = content_end;
    }
    return changed;
}

X509Handle decode(std::string_view der) {
    const unsigned char* position = as_bytes(der);
    return X509Handle(d2i_X509(nullptr, &position, static_cast<long>(der.size())));
}

/// BMPString is UTF-16 in practice, UniversalString is UCS-4; OpenSSL knows both.
std::string wide_text(const ASN1_STRING* value) {
    unsigned char* utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, value);
    const OpensslBytes owner(utf8);
    if (length < 0) {
        ERR_clear_error();
        return to_printable_utf8(content(value));
    }
    return to_printable_utf8({reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length)});
}

/// RFC 2253 §2.4.
std::string escape_value(std::string_view value) {
    constexpr std::string_view special = ",+\"\\<>;";
    std::string escaped;
    for (std::size_t position = 0; position < value.size(); ++position) {
        const char character = value[position];
        const bool first = position == 0;
        const bool last = position + 1 == value.size();
        if (special.find(character) != std::string_view::npos || (first && character == '#') ||
            ((first || last) && character == ' ')) {
            escaped += '\\';
        }
        escaped += character;
    }
    return escaped;
}

std::string attribute_type(const X509_NAME_ENTRY* entry) {
    const ASN1_OBJECT* const object = X509_NAME_ENTRY_get_object(entry);
    const int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) {
        return OBJ_nid2sn(nid);
    }
    std::array<char, 128> oid{};
    OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), object, 1);
    return oid.data();
}

} // namespace

std::string take_openssl_error() {
    const unsigned long code = ERR_peek_error();
    const char* const reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason != nullptr ? reason : "unknown error";
}

ParsedX509 parse_x509(std::string_view der) {
    ParsedX509 parsed;
    const std::optional<DerElement> outer = read_element(der.substr(0, certificate_max_bytes));
    if (!outer || der.size() > certificate_max_bytes ||
        der.find_first_not_of('\0', outer->bytes()) != std::string_view::npos) {
        return parsed;
    }
    parsed.der = der.substr(0, outer->bytes());
    parsed.certificate = decode(parsed.der);
    if (!parsed.certificate) {
        std::string retagged = parsed.der;
        if (retag_wrong_utf8(retagged, 0, retagged.size(), 0)) {
            ERR_clear_error();
            parsed.retagged = true;
            parsed.certificate = decode(retagged);
        }
    }
    if (parsed.certificate) {
        set_sm2_id(parsed.certificate.get());
    }
    return parsed;
}

void set_sm2_id(X509* certificate) {
    // For other algorithms an id would make the verification fail.
    if (X509_get_signature_nid(certificate) != NID_SM2_with_SM3) {
        return;
    }
    Asn1OctetStringHandle id(ASN1_OCTET_STRING_new());
    if (id && ASN1_OCTET_STRING_set(id.get(), as_bytes(sm2_distinguishing_id),
                                    static_cast<int>(sm2_distinguishing_id.size())) == 1) {
        X509_set0_distinguishing_id(certificate, id.release());
    }
}

std::string asn1_text(const ASN1_STRING* value, bool& rescued) {
    const int type = ASN1_STRING_type(value);
    if (type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING) {
        return wide_text(value);
    }
    // UTF-8 in a PrintableString or T61String is a wrong type, but nothing is lost.
    const std::string_view bytes = content(value);
    if (is_valid_utf8(bytes)) {
        return to_printable_utf8(bytes);
    }
    if (const std::optional<std::string> text = from_gb18030(bytes)) {
        rescued = true;
        return to_printable_utf8(*text);
    }
    return type == V_ASN1_T61STRING ? wide_text(value) : to_printable_utf8(bytes);
}

std::string name_text(const X509_NAME* name, bool& rescued) {
    std::string text;
    int previous_set = -1;
    for (int index = X509_NAME_entry_count(name); index-- > 0;) {
        const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(name, index);
        const int set = X509_NAME_ENTRY_set(entry);
        if (!text.empty()) {
            text += set == previous_set ? '+' : ',';
        }
        previous_set = set;
        text +=
            attribute_type(entry) + '=' + escape_value(asn1_text(X509_NAME_ENTRY_get_data(entry), rescued));
    }
    return text;
}

std::optional<Timestamp> to_timestamp(const ASN1_TIME* time) {
    using namespace std::chrono;
    std::tm parts{}; // in UTC: no C library function that knows time zones is asked
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return std::nullopt;
    }
    const year_month_day date(year(parts.tm_year + 1900), month(static_cast<unsigned>(parts.tm_mon + 1)),
                              day(static_cast<unsigned>(parts.tm_mday)));
    if (!date.ok()) {
        return std::nullopt;
    }
    return sys_days(date) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::time_t to_time(Timestamp moment) {
    return std::chrono::floor<std::chrono::seconds>(moment).time_since_epoch().count();
}

std::string_view signed_bytes(std::string_view der) {
    const std::optional<DerElement> outer = read_element(der);
    if (!outer || !outer->constructed) {
        return {};
    }
    const std::string_view inside = der.substr(outer->header_bytes, outer->content_bytes);
    const std::optional<DerElement> first = read_element(inside);
    return first ? inside.substr(0, first->bytes()) : std::string_view{};
}

bool verify_signature(EVP_PKEY* key, int signature_nid, std::string_view bytes,
                      const ASN1_BIT_STRING* signature) {
    int digest_nid = NID_undef;
    int key_nid = NID_undef;
    if (OBJ_find_sigid_algs(signature_nid, &digest_nid, &key_nid) != 1 || digest_nid == NID_undef ||
        EVP_PKEY_is_a(key, OBJ_nid2sn(key_nid)) != 1) {
        // An EC signature's algorithm names the key type id-ecPublicKey, a key's own name for it is "EC".
        const bool elliptic = key_nid == NID_X9_62_id_ecPublicKey && EVP_PKEY_is_a(key, "EC") == 1;
        const bool rsa = key_nid == NID_rsaEncryption && EVP_PKEY_is_a(key, "RSA") == 1;
        if (digest_nid == NID_undef || (!elliptic && !rsa)) {
            return false;
        }
    }
    const EvpMdContextHandle context(EVP_MD_CTX_new());
    const EvpPkeyContextHandle key_context(EVP_PKEY_CTX_new(key, nullptr));
    if (!context || !key_context) {
        return false;
    }
    if (signature_nid == NID_SM2_with_SM3 &&
        EVP_PKEY_CTX_set1_id(key_context.get(), sm2_distinguishing_id.data(),
                             static_cast<int>(sm2_distinguishing_id.size())) <= 0) {
        ERR_clear_error();
        return false;
    }
    EVP_MD_CTX_set_pkey_ctx(context.get(), key_context.get());
    const bool verified =
        EVP_DigestVerifyInit(context.get(), nullptr, EVP_get_digestbynid(digest_nid), nullptr, key) == 1 &&
        EVP_DigestVerify(context.get(), ASN1_STRING_get0_data(signature),
                         static_cast<std::size_t>(ASN1_STRING_length(signature)), as_bytes(bytes),
                         bytes.size()) == 1;
    ERR_clear_error();
    return verified;
}

} // namespace ukey
