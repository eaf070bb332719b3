// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"

#include <fmt/format.h>

#include "daemon/core/text.hpp"

namespace ukey::ctl {

std::string raw_text(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string text_of(const boost::json::object& object, std::string_view name) {
    return to_printable_utf8(raw_text(object, name));
}

std::optional<std::int64_t> number_of(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_number()) {
        return std::nullopt;
    }
    boost::system::error_code error;
    const auto number = value->to_number<std::int64_t>(error);
    return error ? std::nullopt : std::optional(number);
}

std::optional<bool> flag_of(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

const boost::json::object& as_object(const boost::json::value& value) {
    static const boost::json::object empty;
    return value.is_object() ? value.get_object() : empty;
}

const boost::json::object& object_of(const boost::json::object& object, std::string_view name) {
    static const boost::json::value nothing;
    const boost::json::value* value = object.if_contains(name);
    return as_object(value != nullptr ? *value : nothing);
}

const boost::json::array& list_of(const boost::json::object& object, std::string_view name) {
    static const boost::json::array empty;
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->get_array() : empty;
}

std::string joined_texts(const boost::json::object& object, std::string_view name,
                         std::string_view separator) {
    std::string joined;
    for (const boost::json::value& element : list_of(object, name)) {
        joined += joined.empty() ? std::string_view() : separator;
        joined += to_printable_utf8(scalar_text(element));
    }
    return joined;
}

std::string scalar_text(const boost::json::value& value) {
    if (value.is_string()) {
        return std::string(value.get_string());
    }
    return value.is_number() || value.is_bool() ? boost::json::serialize(value) : std::string();
}

Places places_of(const boost::json::object& arguments) {
    Places places;
    for (const auto& [name, value] : arguments) {
        places[name] = to_printable_utf8(scalar_text(value));
    }
    return places;
}

} // namespace ukey::ctl
