// SPDX-License-Identifier: Apache-2.0
// Findings: what is wrong, with what, and what to do. Their texts live in message_table.cpp.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace ukey {

enum class Severity { info, warning, error };

std::string_view to_string(Severity severity);

/// One thing found. The text is made from `code` and `arguments` where it is shown, in the reader's language.
struct Finding {
    std::string code;
    /// What it is about: a key id, a module's name, a USB port, a file.
    std::string subject;
    /// Values for the places {name} in the texts of the code.
    std::map<std::string, std::string> arguments;

    bool operator==(const Finding&) const = default;
};

/// What a code means: the texts are English and are the gettext message ids.
struct MessageEntry {
    std::string_view code;
    Severity severity;
    /// One line with places {name}: what happened.
    std::string_view message;
    /// What to do next; may have places too. Empty when there is nothing to do.
    std::string_view remedy;
    /// Longer explanation for `ukeyctl explain`.
    std::string_view explanation;
};

/// Every code there is, sorted by code.
std::span<const MessageEntry> message_table();

/// The entry of a code, or the entry `internal.unknown_code` when there is none.
const MessageEntry& message_entry(std::string_view code);

/// Turns an English text of the table into the reader's language; the identity in the daemon.
using Translator = std::function<std::string(std::string_view)>;

/// Puts arguments in the places {name} of a text; an unknown place stays as it is.
std::string fill_places(std::string_view text, const std::map<std::string, std::string>& arguments);

/// The JSON shape of docs/formats/channels.md §4, with English texts.
boost::json::object to_json(const Finding& finding);

} // namespace ukey
