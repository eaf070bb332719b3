// SPDX-License-Identifier: Apache-2.0
// ssh: PKCS11Provider in ssh_config(5), where the first value that fits a host holds. Root: a file of ours in
// ssh_config.d; a person: at the end of ~/.ssh/config, behind everything that is set for certain hosts.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fnmatch.h>

#include "daemon/core/text.hpp"
#include "tools/setup/lines.hpp"
#include "tools/setup/settings_file.hpp"
#include "tools/setup/setup.hpp"

namespace ukey::ctl {
namespace {

namespace fs = std::filesystem;

const std::string main_file = "/etc/ssh/ssh_config";
const std::string drop_in_folder = "/etc/ssh/ssh_config.d";
const std::string drop_in = drop_in_folder + "/10-ukey.conf";

/// "Keyword value" or "Keyword=value", the value perhaps in quotes.
struct Setting {
    std::string keyword; ///< in lower case
    std::string_view value;
};

Setting parse_line(std::string_view line) {
    line = trim(line);
    const std::size_t end = std::min(line.find_first_of(" \t="), line.size());
    Setting setting{.keyword = std::string(line.substr(0, end)), .value = line.substr(end)};
    std::ranges::transform(setting.keyword, setting.keyword.begin(),
                           [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    setting.value.remove_prefix(std::min(setting.value.find_first_not_of(" \t="), setting.value.size()));
    if (setting.value.size() > 1 && setting.value.front() == '"' && setting.value.back() == '"') {
        setting.value = setting.value.substr(1, setting.value.size() - 2);
    }
    return setting;
}

bool is_provider(const Setting& setting, const std::string& module) {
    return setting.keyword == "pkcs11provider" && same_file(std::string(setting.value), module);
}

/// The text with the filter wherever the module stood, and every other byte as it was.
std::string exchange_provider(std::string_view text, const SetupQuestion& question) {
    return map_lines(text, [&](std::string_view line) -> std::optional<std::string> {
        const Setting setting = parse_line(line);
        std::string changed(line);
        if (is_provider(setting, question.backend)) {
            changed.replace(line.find(setting.value), setting.value.size(), question.filter);
        }
        return changed;
    });
}

bool names_provider(std::string_view text, const std::string& module) {
    while (!text.empty()) {
        if (is_provider(parse_line(take_line(text)), module)) {
            return true;
        }
    }
    return false;
}

bool includes_drop_in(std::string_view text) {
    while (!text.empty()) {
        const Setting setting = parse_line(take_line(text));
        if (setting.keyword == "include" &&
            fnmatch(std::string(setting.value).c_str(), drop_in.c_str(), FNM_PATHNAME) == 0) {
            return true;
        }
    }
    return false;
}

std::string for_every_host(const SetupQuestion& question) {
    return "# Written by ukeyctl setup ssh. To undo it: ukeyctl setup ssh --revert\nHost *\n    "
           "PKCS11Provider " +
           question.filter + "\n";
}

/// What ssh-agent(1) loads is its own matter: by default only modules below these two.
Finding note_on_agent(const SetupQuestion& question) {
    const bool allowed =
        question.filter.starts_with("/usr/lib/") || question.filter.starts_with("/usr/local/lib/");
    return {allowed ? "setup.agent" : "setup.agent_refuses",
            question.filter,
            {{"filter", question.filter}, {"backend", question.backend}}};
}

Outcome<SetupPlan> plan_for_everybody(const SetupQuestion& question) {
    SetupPlan plan;
    auto ours = read_settings(drop_in);
    if (!ours) {
        return tl::unexpected(ours.error());
    }
    plan.edits.push_back({drop_in, *ours, for_every_host(question)});
    std::vector<std::string> others{main_file};
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(drop_in_folder, ignored)) {
        if (file.path().extension() == ".conf" && file.path() != drop_in) {
            others.push_back(file.path());
        }
    }
    std::ranges::sort(others);
    bool included = false;
    for (const std::string& path : others) {
        auto text = read_settings(path);
        if (!text) {
            return tl::unexpected(text.error());
        }
        included = included || (path == main_file && *text && includes_drop_in(**text));
        if (*text && names_provider(**text, question.backend)) {
            plan.edits.push_back({path, *text, exchange_provider(**text, question)});
        }
    }
    if (!included) {
        plan.notes.push_back({"setup.not_included", main_file, {{"object", main_file}, {"path", drop_in}}});
    }
    return plan;
}

Outcome<SetupPlan> plan_for_person(const SetupQuestion& question) {
    const std::string path = question.caller.home + "/.ssh/config";
    auto text = read_settings(path);
    if (!text) {
        return tl::unexpected(text.error());
    }
    std::string after = exchange_provider(text->value_or(""), question);
    if (!names_provider(after, question.filter)) {
        after += after.empty() || after.ends_with('\n') ? "" : "\n";
        after += for_every_host(question);
    }
    return SetupPlan{.edits = {{path, std::move(*text), std::move(after)}}, .notes = {}};
}

Outcome<SetupPlan> plan(const SetupQuestion& question) {
    auto plan = question.caller.root ? plan_for_everybody(question) : plan_for_person(question);
    if (plan) {
        plan->notes.push_back(note_on_agent(question));
    }
    return plan;
}

} // namespace

constinit const SetupTarget setup_ssh{.name = "ssh", .root_only = false, .plan = plan, .may_change = nullptr};

} // namespace ukey::ctl
