// SPDX-License-Identifier: Apache-2.0
// A U-Key (the shape Key of docs/formats/channels.md §4) as text for people.
#pragma once

#include <string>

#include <boost/json.hpp>

#include "tools/style.hpp"

namespace ukey::ctl {

/// "✔ 可登录", and that nothing is refused when it is only observed.
std::string render_verdict(const boost::json::object& key, const Style& style);

/// The organisation's exact full name, or what is there instead of one.
std::string organisation_line(const boost::json::object& key);

/// Verdict, organisation, token, certificate, PIN, findings with their remedies: some lines.
std::string render_key(const boost::json::object& key, const Style& style);

/// The certificate's further lines, for `key show`.
std::string render_certificate(const boost::json::object& certificate, const Style& style);

/// One row a key.
std::string render_key_table(const boost::json::array& keys, const Style& style);

/// "default PIN!", "locked" …; what is known of the PIN in some words.
std::string pin_words(const boost::json::object& key);

/// "Name: value" with the name padded, an empty value left out.
std::string detail_line(const std::string& name, const std::string& value, std::size_t indent = 2);

} // namespace ukey::ctl
