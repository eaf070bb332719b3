// SPDX-License-Identifier: Apache-2.0
// How an organisation stands in a certificate's subject.
#pragma once

#include <string>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/openssl_handles.hpp"

namespace ukey::virtual_card {

enum class SubjectForm {
    /// CN = name; the code, if any, elsewhere.
    common_name,
    /// CN = 051@name@code@1, as CFCA writes it.
    cfca,
};

enum class TextEncoding { utf8, bmp };

/// Where the code goes when the common name does not carry it.
enum class CodePlace {
    /// An extension of type 1.2.156.10260.4.1.4 holding a PrintableString (GM/T 0015, organisation code).
    extension,
    /// The subject's serialNumber attribute.
    serial_number,
};

struct Subject {
    /// UTF-8.
    std::string name;
    std::string code;
    SubjectForm form = SubjectForm::common_name;
    TextEncoding encoding = TextEncoding::utf8;
    CodePlace code_place = CodePlace::extension;
};

Result<NameHandle> make_subject_name(const Subject& subject);

/// The organisation code extension; null when this subject has none.
Result<ExtensionHandle> make_code_extension(const Subject& subject);

} // namespace ukey::virtual_card
