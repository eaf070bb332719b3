// SPDX-License-Identifier: Apache-2.0
// What the filter module passes everything on to, as its own configuration file says.
#pragma once

#include <optional>
#include <string>

namespace ukey::ctl {

struct FilterConfiguration {
    std::string file;    ///< /etc/ukeyd/pkcs11.conf, or what UKEY_PKCS11_CONF names
    std::string backend; ///< its `module`; empty: none is named, or the file cannot be read
};

/// Reads `module` as pkcs11/module/configuration.cpp does.
FilterConfiguration load_filter_configuration();

} // namespace ukey::ctl
