// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_check.hpp"

#include <map>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

namespace ukey {
namespace {

/// Hash map keys may be looked up by string_view without a copy.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// The rules across rows. Organisations of the file replace those already known by the same code.
/// Everything is looked up in hash maps: a city's 120,000 rows are checked in linear time.
class RegistryCheck {
  public:
    RegistryCheck(std::string_view file, const std::vector<RegistryRow>& rows,
                  const std::vector<Organisation>& known)
        : file_(file), rows_(rows), known_(known) {}

    Result<void> run() {
        Result<void> done = add_rows();
        if (done) {
            done = add_known();
        }
        if (done) {
            done = check_parents();
        }
        if (done) {
            done = check_abandoned_children();
        }
        if (done) {
            done = check_answering();
        }
        return done;
    }

  private:
    static constexpr std::size_t not_in_file = 0;

    struct Entry {
        const Organisation* organisation = nullptr;
        std::size_t line = not_in_file;
        std::string path_key;
    };

    /// No name has this character (U+001F, unit separator), so equal keys are equal paths.
    static std::string path_key(const std::vector<std::string>& path) {
        std::string key;
        for (const std::string& name : path) {
            key += name;
            key += '\x1F';
        }
        return key;
    }

    static std::string_view parent_key(const Entry& entry) {
        const std::string_view key = entry.path_key;
        return key.substr(0, key.size() - entry.organisation->name().size() - 1);
    }

    tl::unexpected<Error> error(std::string code, std::size_t line, std::string reason) const {
        return fail(std::move(code), "check the registry", registry_place(file_, line), std::move(reason));
    }

    static std::string other_place(const Entry& entry) {
        return entry.line == not_in_file
                   ? fmt::format("the organisation {} that is already known", entry.organisation->code)
                   : fmt::format("line {}", entry.line);
    }

    Result<void> add_rows() {
        entries_.reserve(rows_.size() + known_.size());
        by_code_.reserve(rows_.size() + known_.size());
        by_path_.reserve(rows_.size() + known_.size());
        for (const RegistryRow& row : rows_) {
            entries_.push_back({&row.organisation, row.line, path_key(row.organisation.path)});
            const std::size_t index = entries_.size() - 1;
            if (const auto [code, added] = by_code_.emplace(row.organisation.code, index); !added) {
                return error("registry.duplicate", row.line,
                             fmt::format("{}: “{}” is also in {}", registry_field_name(RegistryField::code),
                                         row.organisation.code, other_place(entries_[code->second])));
            }
            if (const auto [path, added] = by_path_.emplace(entries_[index].path_key, index); !added) {
                return duplicate_path(row.line, row.organisation, entries_[path->second]);
            }
        }
        return {};
    }

    Result<void> add_known() {
        for (const Organisation& organisation : known_) {
            if (by_code_.contains(organisation.code)) {
                continue;
            }
            entries_.push_back({&organisation, not_in_file, path_key(organisation.path)});
            const std::size_t index = entries_.size() - 1;
            by_code_.emplace(organisation.code, index);
            if (const auto [path, added] = by_path_.emplace(entries_[index].path_key, index); !added) {
                const Entry& row = entries_[path->second];
                if (row.line != not_in_file) {
                    return duplicate_path(row.line, *row.organisation, entries_[index]);
                }
            }
        }
        return {};
    }

    tl::unexpected<Error> duplicate_path(std::size_t line, const Organisation& organisation,
                                         const Entry& other) const {
        return error("registry.duplicate", line,
                     fmt::format("{}: “{}” is also the path of {}", registry_field_name(RegistryField::path),
                                 join_path(organisation.path), other_place(other)));
    }

    /// When every parent is there, so is every ancestor.
    Result<void> check_parents() const {
        for (const Entry& entry : entries_) {
            if (entry.line == not_in_file || entry.organisation->path.size() < 2 ||
                by_path_.contains(parent_key(entry))) {
                continue;
            }
            std::vector<std::string> parent = entry.organisation->path;
            parent.pop_back();
            return error("registry.unknown_parent", entry.line,
                         fmt::format("{}: there is no organisation “{}”",
                                     registry_field_name(RegistryField::path), join_path(parent)));
        }
        return {};
    }

    /// A row that gives a known organisation another path must not leave those under the old one without a
    /// superior.
    Result<void> check_abandoned_children() const {
        TextMap<std::size_t> moved_lines; // old path -> line of the row that moves it
        for (const Organisation& organisation : known_) {
            const Entry& current = entries_[by_code_.find(organisation.code)->second];
            if (current.line != not_in_file && current.organisation->path != organisation.path) {
                moved_lines.emplace(path_key(organisation.path), current.line);
            }
        }
        for (const Entry& entry : entries_) {
            if (entry.line != not_in_file || by_path_.contains(parent_key(entry))) {
                continue;
            }
            if (const auto moved = moved_lines.find(parent_key(entry)); moved != moved_lines.end()) {
                return error("registry.unknown_parent", moved->second,
                             fmt::format("{}: the organisation {} is still under the old path",
                                         registry_field_name(RegistryField::path), entry.organisation->code));
            }
        }
        return {};
    }

    std::optional<std::size_t> answers_for(std::size_t index) const {
        const std::string& code = entries_[index].organisation->answered_for_by;
        const auto found = code.empty() ? by_code_.end() : by_code_.find(code);
        return found == by_code_.end() ? std::nullopt : std::optional(found->second);
    }

    Result<void> check_answering() const {
        for (const Entry& entry : entries_) {
            const std::string& code = entry.organisation->answered_for_by;
            if (entry.line != not_in_file && !code.empty() && !by_code_.contains(code)) {
                return error("registry.bad_cell", entry.line,
                             fmt::format("{}: there is no organisation with the code “{}”",
                                         registry_field_name(RegistryField::answered_for_by), code));
            }
        }
        return check_answering_cycles();
    }

    /// Everyone has at most one who answers: follow each chain once. Meeting one's own trace again is a
    /// cycle.
    Result<void> check_answering_cycles() const {
        constexpr std::size_t unvisited = 0;
        std::vector<std::size_t> trace(entries_.size(), unvisited);
        for (std::size_t start = 0; start < rows_.size(); ++start) {
            std::optional<std::size_t> at = start;
            while (at && trace[*at] == unvisited) {
                trace[*at] = start + 1;
                at = answers_for(*at);
            }
            if (at && trace[*at] == start + 1) {
                return answering_cycle(*at);
            }
        }
        return {};
    }

    tl::unexpected<Error> answering_cycle(std::size_t member) const {
        std::size_t at = member;
        do {
            if (entries_[at].line != not_in_file) {
                break; // name a row of the file, which can be corrected
            }
            at = answers_for(at).value_or(member);
        } while (at != member);
        return error("registry.bad_cell", entries_[at].line,
                     fmt::format("{}: {} answers for itself in the end",
                                 registry_field_name(RegistryField::answered_for_by),
                                 entries_[at].organisation->code));
    }

    std::string_view file_;
    const std::vector<RegistryRow>& rows_;
    const std::vector<Organisation>& known_;
    std::vector<Entry> entries_;
    TextMap<std::size_t> by_code_;
    TextMap<std::size_t> by_path_;
};

} // namespace

Result<void> check_registry(std::string_view file, const std::vector<RegistryRow>& rows,
                            const std::vector<Organisation>& known) {
    return RegistryCheck(file, rows, known).run();
}

std::vector<Finding> registry_findings(const std::vector<RegistryRow>& rows) {
    std::vector<Finding> findings;
    for (const RegistryRow& row : rows) {
        const Organisation& organisation = row.organisation;
        const auto& administrator = organisation.administrator;
        const std::map<std::string, std::string> arguments = {{"organisation", join_path(organisation.path)},
                                                              {"line", std::to_string(row.line)}};
        if (!administrator || administrator->name.empty()) {
            findings.push_back({"organisation.no_administrator", organisation.code, arguments});
        }
        if (administrator && !is_valid_mobile(administrator->mobile)) {
            findings.push_back({"organisation.bad_mobile", organisation.code, arguments});
        }
    }
    return findings;
}

} // namespace ukey
