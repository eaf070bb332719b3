// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/assessed_units.hpp"

#include <algorithm>
#include <vector>

#include "daemon/core/csv.hpp"
#include "embedded/assessed_units_2013.hpp"

namespace ukey {
namespace {

struct AssessedUnit {
    std::string code;
    std::string short_name;
};

const std::vector<AssessedUnit>& assessed_units() {
    static const std::vector<AssessedUnit> units = [] {
        std::vector<AssessedUnit> all;
        const auto rows = parse_csv(embedded::assessed_units_2013);
        for (const CsvRow& row : rows.value()) {
            if (row.line > 1) {
                all.push_back({row.cells.at(0), row.cells.at(1)});
            }
        }
        return all;
    }();
    return units;
}

/// Spreadsheets drop the leading zero of a code.
bool is_code_of(const AssessedUnit& unit, std::string_view text) {
    const std::string_view code = unit.code;
    return text == code || (code.starts_with('0') && text == code.substr(1));
}

} // namespace

std::optional<std::string> assessed_unit_code(std::string_view text) {
    const auto found = std::ranges::find_if(assessed_units(), [&](const AssessedUnit& unit) {
        return is_code_of(unit, text) || text == unit.short_name;
    });
    return found == assessed_units().end() ? std::nullopt : std::optional(found->code);
}

std::string assessed_unit_name(std::string_view code) {
    const auto found = std::ranges::find(assessed_units(), code, &AssessedUnit::code);
    return found == assessed_units().end() ? std::string() : found->short_name;
}

} // namespace ukey
