// SPDX-License-Identifier: Apache-2.0
// Organisations with their affiliation, and the one administrator each must have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/china_date.hpp"

namespace ukey {

struct Administrator {
    std::string name;
    /// Digits as written, a text: leading zeros and length matter.
    std::string mobile;

    bool operator==(const Administrator&) const = default;
};

/// What kind of organisation it is: whether the grassroots criteria apply to it.
enum class OrganisationKind {
    committee,      // 党委, 党工委, 工委
    general_branch, // 总支
    branch,         // 支部
    other,
};

std::string_view to_string(OrganisationKind kind);
/// Accepts the English words above and 党委 / 党工委 / 工委 / 党总支 / 总支 / 党支部 / 支部 / 其他.
std::optional<OrganisationKind> parse_organisation_kind(std::string_view text);

struct Organisation {
    /// The platform's code; text (leading zeros count). It identifies the organisation here.
    std::string code;
    /// Full names (全称) from the root to this organisation, the last one is its own. After NFC.
    std::vector<std::string> path;
    OrganisationKind kind = OrganisationKind::branch;
    /// Code of the assessed unit it is counted under, "01" … "50"; empty: none.
    std::string assessed_unit;
    bool key_required = true;
    bool mobile_terminal = false;
    /// Code of the organisation whose logins count for this one while the platform does not cover it; empty:
    /// none.
    std::string answered_for_by;
    std::optional<Administrator> administrator;
    /// First day that it exists, and first day that it does not any more; nullopt: not known, or still there.
    std::optional<ChinaDate> founded{};
    std::optional<ChinaDate> dissolved{};

    const std::string& name() const { return path.back(); }
    bool operator==(const Organisation&) const = default;
};

/// Whether it counts in the month: the criteria are assessed at the month's end.
bool exists_at_end_of(const ChinaMonth& month, const Organisation& organisation);

/// The separator of a path in one cell: the notice writes 重庆市委 - 沙坪坝区委 - 区委党校 - 教工支部. A
/// hyphen (full-width, ASCII, or the dash that Word makes of it) or a slash separates where it has white
/// space on both sides; a name may have a bare hyphen inside. Only in a text without any such separator is a
/// bare slash one. Names are trimmed and may come out empty; " - " is written.
std::vector<std::string> split_path(std::string_view text);
std::string join_path(const std::vector<std::string>& path);

/// A mainland mobile number: 11 digits, first 1, second 3-9; spaces and hyphens between are accepted.
bool is_valid_mobile(std::string_view mobile);

} // namespace ukey
