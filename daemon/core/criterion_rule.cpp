// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/criterion_rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "daemon/core/certificate.hpp"
#include "daemon/core/ledger_payload.hpp"
#include "embedded/rules_2013_toml.hpp"

namespace ukey {
namespace {

constexpr std::int64_t sessions_required_max = 1000;
/// Far above what a criterion of 100 points can cost; keeps the arithmetic of assess() in 64 bits.
constexpr std::int64_t points_max = 1000;
constexpr const char* context = "read the rule file";

/// What a reader says of a wrong value: the rest of the sentence "KEY …".
using Wrong = std::optional<std::string>;

/// A decimal with at most two digits after the point is the double nearest to a whole number of hundredths,
/// and only such doubles are.
Wrong read_points(const toml::node& node, Points& points) {
    const std::optional<double> number = node.value<double>();
    if (!number || !(*number >= 0 && *number <= points_max)) {
        return fmt::format("must be a number from 0 to {}", points_max);
    }
    points.hundredths = std::llround(*number * 100);
    if (*number != static_cast<double>(points.hundredths) / 100) {
        return "must not have more than two decimals";
    }
    return std::nullopt;
}

Wrong read_text(const toml::node& node, std::string& text) {
    const auto read = node.value_exact<std::string>();
    if (!read || read->empty()) {
        return "must be a text in quotes";
    }
    text = *read;
    return std::nullopt;
}

Wrong read_flag(const toml::node& node, bool& flag) {
    const auto read = node.value_exact<bool>();
    if (!read) {
        return "must be true or false";
    }
    flag = *read;
    return std::nullopt;
}

Wrong read_month(const toml::node& node, ChinaMonth& month) {
    const auto read = ChinaMonth::parse(node.value_or(std::string()));
    if (!read) {
        return "must be a month in quotes, as \"2013-04\"";
    }
    month = *read;
    return std::nullopt;
}

Wrong read_count(const toml::node& node, unsigned& count) {
    const auto read = node.value_exact<std::int64_t>();
    if (!read || *read < 1 || *read > sessions_required_max) {
        return fmt::format("must be a whole number from 1 to {}", sessions_required_max);
    }
    count = static_cast<unsigned>(*read);
    return std::nullopt;
}

/// One of the words that to_string gives to the values.
template <typename Value, std::size_t count>
Wrong read_word(const toml::node& node, const std::array<Value, count>& values, Value& value) {
    const std::string word = node.value_or(std::string());
    std::string words;
    for (const Value candidate : values) {
        if (word == to_string(candidate)) {
            value = candidate;
            return std::nullopt;
        }
        words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", to_string(candidate));
    }
    return "must be one of " + words;
}

template <typename Value, typename ReadOne>
Wrong read_list(const toml::node& node, std::vector<Value>& values, ReadOne read_one) {
    const toml::array* array = node.as_array();
    if (array == nullptr) {
        return "must be a list";
    }
    values.clear();
    for (const toml::node& element : *array) {
        if (Wrong wrong = read_one(element, values.emplace_back())) {
            return "is a list in which each " + *wrong;
        }
    }
    return std::nullopt;
}

Wrong read_kinds(const toml::node& node, std::vector<OrganisationKind>& kinds) {
    using enum OrganisationKind;
    constexpr std::array all{committee, general_branch, branch, other};
    return read_list(node, kinds, [&](const toml::node& element, OrganisationKind& kind) {
        return read_word(element, all, kind);
    });
}

Wrong read_grades(const toml::node& node, std::vector<EvidenceGrade>& grades) {
    using enum EvidenceGrade;
    constexpr std::array all{attested, observed, late};
    return read_list(node, grades, [&](const toml::node& element, EvidenceGrade& grade) {
        return read_word(element, all, grade);
    });
}

/// A key of the file, by its name with the table that it is in.
struct Key {
    std::string_view name;
    bool needed;
    Wrong (*read)(const toml::node& node, CriterionRule& rule);
};

template <Deduction& (*deduction_of)(CriterionRule&)>
constexpr auto read_per_percent = [](const toml::node& node, CriterionRule& rule) {
    return read_points(node, deduction_of(rule).per_percent);
};
template <Deduction& (*deduction_of)(CriterionRule&)>
constexpr auto read_deduction_max =
    [](const toml::node& node, CriterionRule& rule) { return read_points(node, deduction_of(rule).max); };
template <Deduction& (*deduction_of)(CriterionRule&)>
constexpr auto read_criterion_points = [](const toml::node& node, CriterionRule& rule) {
    return read_points(node, deduction_of(rule).points.emplace());
};

Deduction& of_coverage(CriterionRule& rule) {
    return rule.coverage.deduction;
}
Deduction& of_administrators(CriterionRule& rule) {
    return rule.administrators.deduction;
}
Deduction& of_login(CriterionRule& rule) {
    return rule.login.deduction;
}

constexpr auto keys = std::to_array<Key>({
    {"name", true, [](const toml::node& node, CriterionRule& rule) { return read_text(node, rule.name); }},
    {"valid_from", true,
     [](const toml::node& node, CriterionRule& rule) { return read_month(node, rule.valid_from); }},
    {"valid_to", false,
     [](const toml::node& node, CriterionRule& rule) { return read_month(node, rule.valid_to.emplace()); }},
    {"rounding", false,
     [](const toml::node& node, CriterionRule& rule) {
         using enum Rounding;
         return read_word(node, std::array{proportional, started_percent, full_percent}, rule.rounding);
     }},
    {"coverage.points", false, read_criterion_points<of_coverage>},
    {"coverage.deduction_per_percent", true, read_per_percent<of_coverage>},
    {"coverage.deduction_max", true, read_deduction_max<of_coverage>},
    {"coverage.mobile_terminal_covers", false,
     [](const toml::node& node, CriterionRule& rule) {
         return read_flag(node, rule.coverage.mobile_terminal_covers);
     }},
    {"coverage.senior_kinds", true,
     [](const toml::node& node, CriterionRule& rule) {
         return read_kinds(node, rule.coverage.senior_kinds);
     }},
    {"coverage.combine", false,
     [](const toml::node& node, CriterionRule& rule) {
         return read_word(node, std::array{Combination::larger, Combination::sum}, rule.coverage.combine);
     }},
    {"administrators.points", false, read_criterion_points<of_administrators>},
    {"administrators.deduction_per_percent", true, read_per_percent<of_administrators>},
    {"administrators.deduction_max", true, read_deduction_max<of_administrators>},
    {"administrators.kinds", true,
     [](const toml::node& node, CriterionRule& rule) { return read_kinds(node, rule.administrators.kinds); }},
    {"login.points", false, read_criterion_points<of_login>},
    {"login.deduction_per_percent", true, read_per_percent<of_login>},
    {"login.deduction_max", true, read_deduction_max<of_login>},
    {"login.kinds", true,
     [](const toml::node& node, CriterionRule& rule) { return read_kinds(node, rule.login.kinds); }},
    {"login.sessions_required", false,
     [](const toml::node& node, CriterionRule& rule) {
         return read_count(node, rule.login.sessions_required);
     }},
    {"login.grades", true,
     [](const toml::node& node, CriterionRule& rule) { return read_grades(node, rule.login.grades); }},
    {"login.applications", false,
     [](const toml::node& node, CriterionRule& rule) {
         return read_list(node, rule.login.applications, read_text);
     }},
    {"login.delegation", false,
     [](const toml::node& node, CriterionRule& rule) {
         using enum Delegation;
         return read_word(node, std::array{superior, registry, none}, rule.login.delegation);
     }},
    {"login.founded_within_month", false,
     [](const toml::node& node, CriterionRule& rule) -> Wrong {
         const std::string word = node.value_or(std::string());
         rule.login.founded_within_month_required = word == "required";
         return word == "required" || word == "not_required"
                    ? Wrong()
                    : Wrong("must be one of \"not_required\", \"required\"");
     }},
});

/// One file: each key where it stands, then what is missing or contradicts.
class RuleReader {
  public:
    explicit RuleReader(std::string_view file) : file_(file) {}

    Result<CriterionRule> read(const toml::table& document) {
        if (Result<void> done = read_table(document, ""); !done) {
            return tl::unexpected(std::move(done.error()));
        }
        for (const Key& key : keys) {
            if (key.needed && std::ranges::find(read_, key.name) == read_.end()) {
                return error(document, fmt::format("the key “{}” is missing", key.name));
            }
        }
        if (rule_.valid_to && rule_.valid_to->begin() < rule_.valid_from.begin()) {
            return error(document, "valid_to is before valid_from");
        }
        return std::move(rule_);
    }

  private:
    Result<void> read_table(const toml::table& table, std::string_view prefix) {
        for (const auto& [name, node] : table) {
            const std::string full_name = fmt::format("{}{}", prefix, name.str());
            Result<void> done;
            if (prefix.empty() && node.is_table()) {
                done = read_table(*node.as_table(), full_name + ".");
            } else {
                done = read_key(full_name, node);
            }
            if (!done) {
                return done;
            }
        }
        return {};
    }

    Result<void> read_key(const std::string& name, const toml::node& node) {
        const auto* const key = std::ranges::find(keys, name, &Key::name);
        if (key == keys.end()) {
            return error(node, fmt::format("there is no key “{}”", name));
        }
        read_.push_back(key->name);
        if (const Wrong wrong = key->read(node, rule_)) {
            return error(node, fmt::format("{} {}", name, *wrong));
        }
        return {};
    }

    tl::unexpected<Error> error(const toml::node& node, std::string reason) const {
        return fail("config.bad_value", context, fmt::format("{}:{}", file_, node.source().begin.line),
                    std::move(reason));
    }

    std::string_view file_;
    CriterionRule rule_;
    std::vector<std::string_view> read_;
};

} // namespace

std::string_view to_string(Rounding rounding) {
    switch (rounding) {
    case Rounding::proportional:
        return "proportional";
    case Rounding::started_percent:
        return "started_percent";
    case Rounding::full_percent:
        return "full_percent";
    }
    return "proportional";
}

std::string_view to_string(Combination combination) {
    switch (combination) {
    case Combination::larger:
        return "larger";
    case Combination::sum:
        return "sum";
    }
    return "larger";
}

std::string_view to_string(Delegation delegation) {
    switch (delegation) {
    case Delegation::superior:
        return "superior";
    case Delegation::registry:
        return "registry";
    case Delegation::none:
        return "none";
    }
    return "none";
}

Result<void> CriterionRule::check_valid_in(const ChinaMonth& month) const {
    const bool begun = month.begin() >= valid_from.begin();
    const bool over = valid_to && month.begin() > valid_to->begin();
    if (begun && !over) {
        return {};
    }
    return fail("rule.not_valid_then", "apply the rule", month.text(),
                fmt::format("{}, {} – {}", name, valid_from.text(), valid_to ? valid_to->text() : ""));
}

Result<CriterionRule> CriterionRule::parse(std::string_view file, std::string_view text) {
    try {
        auto rule = RuleReader(file).read(toml::parse(text));
        if (rule) {
            rule->sha256 = sha256_hex(text);
        }
        return rule;
    } catch (const toml::parse_error& error) {
        return fail("config.syntax", context, fmt::format("{}:{}", file, error.source().begin.line),
                    std::string(error.description()));
    }
}

Result<CriterionRule> CriterionRule::load(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        return fail("config.unreadable", context, path,
                    std::error_code(errno, std::generic_category()).message());
    }
    return parse(path, text.str());
}

const CriterionRule& CriterionRule::built_in() {
    static const CriterionRule rule = parse("2013.toml", embedded::rules_2013_toml).value();
    return rule;
}

bool counts(std::uint64_t uses, EvidenceGrade grade, std::string_view executable, const CriterionRule& rule) {
    const std::vector<std::string>& applications = rule.login.applications;
    return uses > 0 && std::ranges::find(rule.login.grades, grade) != rule.login.grades.end() &&
           (applications.empty() ||
            std::ranges::find(applications, payload::file_name(executable)) != applications.end());
}

bool counts(const LoginSession& session, const CriterionRule& rule) {
    return counts(session.uses, session.grade, session.executable, rule);
}

} // namespace ukey
