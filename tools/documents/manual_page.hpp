// SPDX-License-Identifier: Apache-2.0
// Manual pages in roff (man(7)), from the same tables as --help.
#pragma once

#include <string>
#include <string_view>

#include "tools/documents/command_tree.hpp"

namespace ukey::documents {

/// ukeyctl(1), ukeyd(8) and ukeyd.toml(5), in the language that gettext is set to.
std::string ukeyctl_page(const CommandText& ukeyctl);
std::string ukeyd_page(const CommandText& ukeyd);
std::string configuration_page();

/// Text as roff takes it: backslashes and minus signs escaped, no line that looks like a request.
std::string roff_text(std::string_view text);

} // namespace ukey::documents
