// SPDX-License-Identifier: Apache-2.0
// The registry: organisations with their affiliation, and the one administrator each must have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/csv.hpp"
#include "daemon/core/finding.hpp"
#include "daemon/core/result.hpp"

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

    const std::string& name() const { return path.back(); }
    bool operator==(const Organisation&) const = default;
};

/// The separator of a path in one cell: the notice writes 重庆市委 - 沙坪坝区委 - 区委党校 - 教工支部. A
/// hyphen (full-width, ASCII, or the dash that Word makes of it) or a slash separates where it has white
/// space on both sides; a name may have a bare hyphen inside. Only in a text without any such separator is a
/// bare slash one. Names are trimmed and may come out empty; " - " is written.
std::vector<std::string> split_path(std::string_view text);
std::string join_path(const std::vector<std::string>& path);

/// One row of a registry file, with the line it came from.
struct RegistryRow {
    std::size_t line = 0;
    Organisation organisation;
};

/// The registry's columns, English name and Chinese name; either is understood in the first row, in any
/// order. path 隶属关系, code 组织代码, kind 类别, assessed_unit 考核单位, key_required 应配UK,
/// mobile_terminal 手机终端, answered_for_by 代为履行, administrator 管理员姓名, mobile 联系手机. path and
/// code are needed; the others may be missing. `assessed_unit` may be a code or a short name of the list.
struct RegistryColumn {
    std::string_view english;
    std::string_view chinese;
    bool required;
};
std::vector<RegistryColumn> registry_columns();

/// Reads a registry file's bytes: decoding, CSV, columns, cells. `file` is for messages only.
/// Errors name "file:line" and the field: `registry.missing_column`, `registry.bad_cell`,
/// `registry.duplicate`, `text.undecodable`, `csv.*`. The first error ends it: nothing is half read.
Result<std::vector<RegistryRow>> read_registry(std::string_view file, std::string_view bytes);

/// Rules across rows, together with what is already known: unique codes, unique paths, every parent path
/// present (an ancestor that has no row is an error `registry.unknown_parent`), `answered_for_by` known, no
/// cycle of answering. Error with object "file:line".
Result<void> check_registry(std::string_view file, const std::vector<RegistryRow>& rows,
                            const std::vector<Organisation>& known);

/// What is missing but does not forbid the import: `organisation.no_administrator`,
/// `organisation.bad_mobile`.
std::vector<Finding> registry_findings(const std::vector<RegistryRow>& rows);

/// A mainland mobile number: 11 digits, first 1, second 3-9; spaces and hyphens between are accepted.
bool is_valid_mobile(std::string_view mobile);

} // namespace ukey
