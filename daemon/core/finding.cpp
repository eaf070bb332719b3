// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/finding.hpp"

namespace ukey {

std::string_view to_string(Severity severity) {
    switch (severity) {
    case Severity::info:
        return "info";
    case Severity::warning:
        return "warning";
    case Severity::error:
        return "error";
    }
    return "error";
}

std::string fill_places(std::string_view text, const std::map<std::string, std::string>& arguments) {
    std::string filled;
    std::size_t position = 0;
    while (position < text.size()) {
        const std::size_t open = text.find('{', position);
        const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) {
            break;
        }
        filled.append(text.substr(position, open - position));
        const auto argument = arguments.find(std::string(text.substr(open + 1, close - open - 1)));
        filled.append(argument != arguments.end() ? std::string_view(argument->second)
                                                  : text.substr(open, close - open + 1));
        position = close + 1;
    }
    filled.append(text.substr(position));
    return filled;
}

boost::json::object to_json(const Finding& finding) {
    const MessageEntry& entry = message_entry(finding.code);
    std::map<std::string, std::string> places = finding.arguments;
    places.emplace("subject", finding.subject);
    boost::json::object arguments;
    for (const auto& [name, value] : finding.arguments) {
        arguments[name] = value;
    }
    return {{"code", finding.code},
            {"severity", to_string(entry.severity)},
            {"subject", finding.subject},
            {"message", fill_places(entry.message, places)},
            {"remedy", fill_places(entry.remedy, places)},
            {"arguments", std::move(arguments)}};
}

} // namespace ukey
