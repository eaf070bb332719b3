// SPDX-License-Identifier: Apache-2.0
// The reader's language: gettext, and texts with named places.
#pragma once

#include <string>
#include <string_view>

#include "tools/failure.hpp"

/// Marks a text for xgettext where it is data; _() translates it where it is shown.
#ifndef N_
#define N_(text) text
#endif
// NOLINTNEXTLINE(bugprone-reserved-identifier): gettext's own convention, which xgettext and translators know
#define _(text) ::ukey::ctl::translate(text)

namespace ukey::ctl {

/// Takes language and catalogue from the environment: UKEY_LOCALE_DIR, else the catalogue beside a build
/// tree's program, else the installed one. A locale that this computer has not generated still gets its
/// language, in UTF-8.
void set_up_locale();

/// The text in the reader's language; the text itself when there is no translation.
std::string translate(std::string_view text);

/// Translates, then fills the places {name}. Write it as say(N_("… {name} …"), {{"name", value}}).
std::string say(std::string_view text, const Places& places);

} // namespace ukey::ctl
