// SPDX-License-Identifier: Apache-2.0
// A registry file: organisations and their administrators as CSV, as offices exchange it
// (docs/formats/registry-csv.md).
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/organisation.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// One row of a registry file, with the line it came from.
struct RegistryRow {
    std::size_t line = 0;
    Organisation organisation;
};

enum class RegistryField {
    path,
    code,
    kind,
    assessed_unit,
    key_required,
    mobile_terminal,
    answered_for_by,
    administrator,
    mobile,
    founded,
    dissolved,
};

/// A column by its English and its Chinese name; either is understood in the first row, in any order.
struct RegistryColumn {
    std::string_view english;
    std::string_view chinese;
    bool required;
};

/// In the order of RegistryField. `assessed_unit` may be a code or a short name of the list.
inline constexpr auto registry_columns = std::to_array<RegistryColumn>({
    {"path", "隶属关系", true},
    {"code", "组织代码", true},
    {"kind", "类别", false},
    {"assessed_unit", "考核单位", false},
    {"key_required", "应配UK", false},
    {"mobile_terminal", "手机终端", false},
    {"answered_for_by", "代为履行", false},
    {"administrator", "管理员姓名", false},
    {"mobile", "联系手机", false},
    {"founded", "成立日期", false},
    {"dissolved", "撤销日期", false},
});

/// "path (隶属关系)" and "FILE:LINE": how messages name a field and a row.
std::string registry_field_name(RegistryField field);
std::string registry_place(std::string_view file, std::size_t line);

/// Reads a registry file's bytes: decoding, CSV, columns, cells. `file` is for messages only.
/// Errors name "file:line" and the field: `registry.missing_column`, `registry.bad_cell`,
/// `text.undecodable`, `csv.*`. The first error ends it: nothing is half read.
Result<std::vector<RegistryRow>> read_registry(std::string_view file, std::string_view bytes);

} // namespace ukey
