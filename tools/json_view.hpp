// SPDX-License-Identifier: Apache-2.0
// Looking into the daemon's answers for display: what is missing or of another type reads as empty, so that a
// newer or older daemon's answer is still shown as far as it is understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "tools/failure.hpp"

namespace ukey::ctl {

/// Text fit for a terminal: control characters become U+FFFD (a token's label is anyone's to choose).
std::string text_of(const boost::json::object& object, std::string_view name);
/// The text as it came.
std::string raw_text(const boost::json::object& object, std::string_view name);
std::optional<std::int64_t> number_of(const boost::json::object& object, std::string_view name);
std::optional<bool> flag_of(const boost::json::object& object, std::string_view name);
/// References stay valid as long as `object` does.
const boost::json::object& object_of(const boost::json::object& object, std::string_view name);
const boost::json::array& list_of(const boost::json::object& object, std::string_view name);
const boost::json::object& as_object(const boost::json::value& value);
/// The texts of a list, joined.
std::string joined_texts(const boost::json::object& object, std::string_view name,
                         std::string_view separator);
/// A number, a text or a flag as text; "" for anything else.
std::string scalar_text(const boost::json::value& value);
/// {name: text} as places for a message.
Places places_of(const boost::json::object& arguments);

} // namespace ukey::ctl
