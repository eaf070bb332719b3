// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/authority/subject.hpp"

#include <openssl/obj_mac.h>

namespace ukey::virtual_card {

namespace {

constexpr auto organisation_code_type = "1.2.156.10260.4.1.4";
constexpr std::string_view cfca_prefix = "051";

/// Adds an attribute given in UTF-8, in the encoding asked for.
bool add_attribute(X509_NAME* name, int type, std::string_view value, unsigned long encoding) {
    ASN1_STRING* converted = nullptr;
    const int tag = ASN1_mbstring_copy(&converted, reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), MBSTRING_UTF8, encoding);
    const StringHandle owner(converted);
    return tag > 0 && X509_NAME_add_entry_by_NID(name, type, tag, ASN1_STRING_get0_data(converted),
                                                 ASN1_STRING_length(converted), -1, 0) == 1;
}

std::string common_name(const Subject& subject) {
    if (subject.form == SubjectForm::common_name)
        return subject.name;
    return std::string(cfca_prefix) + "@" + subject.name + "@" + subject.code + "@1";
}

tl::unexpected<Error> failure(const Subject& subject) {
    return fail("virtual_card.subject", "write a subject", subject.name, openssl_reason());
}

} // namespace

Result<NameHandle> make_subject_name(const Subject& subject) {
    const unsigned long encoding =
        subject.encoding == TextEncoding::utf8 ? B_ASN1_UTF8STRING : B_ASN1_BMPSTRING;
    NameHandle name(X509_NAME_new());
    bool done = name && add_attribute(name.get(), NID_countryName, "CN", B_ASN1_PRINTABLESTRING);
    if (subject.code_place == CodePlace::serial_number && !subject.code.empty())
        done = done && add_attribute(name.get(), NID_serialNumber, subject.code, B_ASN1_PRINTABLESTRING);
    done = done && add_attribute(name.get(), NID_commonName, common_name(subject), encoding);
    if (!done)
        return failure(subject);
    return name;
}

Result<ExtensionHandle> make_code_extension(const Subject& subject) {
    if (subject.code.empty() || subject.form == SubjectForm::cfca ||
        subject.code_place != CodePlace::extension)
        return ExtensionHandle();
    const StringHandle code(ASN1_STRING_type_new(V_ASN1_PRINTABLESTRING));
    if (!code || ASN1_STRING_set(code.get(), subject.code.data(), static_cast<int>(subject.code.size())) != 1)
        return failure(subject);
    unsigned char* encoded = nullptr;
    const int size = i2d_ASN1_PRINTABLESTRING(code.get(), &encoded);
    const StringHandle content(ASN1_OCTET_STRING_new());
    const bool set = size > 0 && content && ASN1_OCTET_STRING_set(content.get(), encoded, size) == 1;
    OPENSSL_free(encoded);
    const ObjectHandle type(OBJ_txt2obj(organisation_code_type, 1));
    ExtensionHandle extension(set ? X509_EXTENSION_create_by_OBJ(nullptr, type.get(), 0, content.get())
                                  : nullptr);
    if (!extension)
        return failure(subject);
    return extension;
}

} // namespace ukey::virtual_card
