// SPDX-License-Identifier: Apache-2.0
// What the filter module passes everything on to, as its own configuration file says.
#pragma once

#include <string>
#include <vector>

namespace ukey::ctl {

struct FilterConfiguration {
    std::string file;    ///< /etc/ukeyd/pkcs11.conf, or what UKEY_PKCS11_CONF names
    std::string backend; ///< `module` of the filter without a name; empty: none, or the file cannot be read
    std::vector<std::string> named_backends; ///< `module` of each section [NAME], for ukey-pkcs11-NAME.so
};

/// Reads `module` as pkcs11/module/configuration.cpp does.
FilterConfiguration load_filter_configuration();

} // namespace ukey::ctl
