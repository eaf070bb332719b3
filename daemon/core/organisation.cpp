// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/organisation.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/core/text.hpp"

namespace ukey {
namespace {

/// Bytes of the path separator at the front of the text, 0 if there is none.
std::size_t separator_bytes(std::string_view text) {
    // Hyphen, full-width hyphen, the dashes that word processors make of " - ", minus, slash, full-width
    // slash.
    constexpr std::array<std::string_view, 9> separators = {"-",      "\uFF0D", "\u2010", "\u2013", "\u2014",
                                                            "\u2015", "\u2212", "/",      "\uFF0F"};
    // Only these bytes begin one: a city's registry has millions of others.
    if (constexpr std::string_view first_bytes = "-/\xE2\xEF";
        first_bytes.find(text.front()) == first_bytes.npos) {
        return 0;
    }
    for (const std::string_view separator : separators) {
        if (text.starts_with(separator)) {
            return separator.size();
        }
    }
    return 0;
}

/// Cuts at separators that stand between white space; the ends of the text count as white space.
std::vector<std::string> split_at_spaced_separators(std::string_view text) {
    std::vector<std::string> parts;
    std::size_t part_begin = 0;
    std::size_t position = 0;
    while (position < text.size()) {
        const std::size_t bytes = separator_bytes(text.substr(position));
        if (bytes == 0) {
            ++position;
            continue;
        }
        const std::string_view before = text.substr(part_begin, position - part_begin);
        const std::string_view after = text.substr(position + bytes);
        const bool spaced_before = before.empty() ? position == 0 : trailing_space_bytes(before) > 0;
        const bool spaced_after = after.empty() || leading_space_bytes(after) > 0;
        if (spaced_before && spaced_after) {
            parts.emplace_back(trim(before));
            part_begin = position + bytes;
        }
        position += bytes;
    }
    parts.emplace_back(trim(text.substr(part_begin)));
    return parts;
}

std::vector<std::string> split_at_slashes(std::string_view text) {
    constexpr std::string_view full_width_slash = "\uFF0F";
    std::vector<std::string> parts(1);
    while (!text.empty()) {
        const std::size_t bytes =
            text.starts_with(full_width_slash) ? full_width_slash.size() : std::size_t(text.starts_with('/'));
        if (bytes > 0) {
            parts.emplace_back();
            text.remove_prefix(bytes);
        } else {
            parts.back().push_back(text.front());
            text.remove_prefix(1);
        }
    }
    for (std::string& part : parts) {
        part = std::string(trim(part));
    }
    return parts;
}

} // namespace

std::string_view to_string(OrganisationKind kind) {
    switch (kind) {
    case OrganisationKind::committee:
        return "committee";
    case OrganisationKind::general_branch:
        return "general_branch";
    case OrganisationKind::branch:
        return "branch";
    case OrganisationKind::other:
        return "other";
    }
    return "other";
}

std::optional<OrganisationKind> parse_organisation_kind(std::string_view text) {
    using enum OrganisationKind;
    constexpr auto words = std::to_array<std::pair<std::string_view, OrganisationKind>>({
        {"committee", committee},
        {"党委", committee},
        {"党工委", committee},
        {"工委", committee},
        {"general_branch", general_branch},
        {"党总支", general_branch},
        {"总支", general_branch},
        {"branch", branch},
        {"党支部", branch},
        {"支部", branch},
        {"other", other},
        {"其他", other},
    });
    const auto* const found =
        std::ranges::find(words, trim(text), &std::pair<std::string_view, OrganisationKind>::first);
    return found == words.end() ? std::nullopt : std::optional(found->second);
}

bool exists_at_end_of(const ChinaMonth& month, const Organisation& organisation) {
    const auto before_end = [&](const std::optional<ChinaDate>& date) {
        return date && date->begin() < month.end();
    };
    return (!organisation.founded || before_end(organisation.founded)) && !before_end(organisation.dissolved);
}

std::vector<std::string> split_path(std::string_view text) {
    const std::string_view trimmed = trim(text);
    std::vector<std::string> parts = split_at_spaced_separators(trimmed);
    return parts.size() > 1 ? parts : split_at_slashes(trimmed);
}

std::string join_path(const std::vector<std::string>& path) {
    std::string text;
    for (const std::string& name : path) {
        text += text.empty() ? "" : " - ";
        text += name;
    }
    return text;
}

bool is_valid_mobile(std::string_view mobile) {
    std::string digits;
    for (const char character : mobile) {
        const bool between = !digits.empty() && (character == ' ' || character == '-');
        if (!between) {
            digits.push_back(character);
        }
    }
    const auto is_digit = [](char character) { return character >= '0' && character <= '9'; };
    return digits.size() == 11 && std::ranges::all_of(digits, is_digit) && digits[0] == '1' &&
           digits[1] >= '3' && is_digit(mobile.back());
}

} // namespace ukey
