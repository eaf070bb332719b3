// SPDX-License-Identifier: Apache-2.0
// p11-kit: loads each module that a file NAME.module names, once per program (pkcs11.conf(5)). A file of the
// administrator's adds to and overrides the keys of a package's file of the same name.
#include <array>
#include <filesystem>
#include <map>

#include "daemon/core/text.hpp"
#include "tools/setup/lines.hpp"
#include "tools/setup/settings_file.hpp"
#include "tools/setup/setup.hpp"

namespace ukey::ctl {
namespace {

namespace fs = std::filesystem;

const std::string package_folder = "/usr/share/p11-kit/modules";
const std::string administrator_folder = "/etc/pkcs11/modules";
constexpr std::string_view extension = ".module";
/// The only program that p11-kit still loads a hidden module for; the worker itself loads it without p11-kit.
constexpr std::string_view hidden_from_all_but = "ukey-probe";
constexpr std::string_view first_line =
    "# Written by ukeyctl setup p11-kit. To undo it: ukeyctl setup p11-kit --revert\n";

using Keys = std::map<std::string, std::string, std::less<>>;

struct Entry {
    std::string package_file;            ///< empty: there is none
    std::optional<std::string> own_text; ///< of the administrator's file, if there is one
    Keys keys;                           ///< in force

    std::string value(std::string_view key) const {
        const auto found = keys.find(key);
        return found != keys.end() ? found->second : std::string();
    }
    /// p11-kit looks for a bare name in a folder of its own.
    std::string module_path() const {
        const std::string module = value("module");
        return module.empty() || module.starts_with('/') ? module : UKEY_P11_MODULE_DIR "/" + module;
    }
};

void read_keys(std::string_view text, Keys& keys) {
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos && !trim(line).starts_with('#')) {
            keys[std::string(trim(line.substr(0, colon)))] = std::string(trim(line.substr(colon + 1)));
        }
    }
}

std::string own_file(const std::string& name) {
    return administrator_folder + "/" + name + std::string(extension);
}

/// By name, as p11-kit sees them.
Outcome<std::map<std::string, Entry>> read_entries() {
    std::map<std::string, Entry> entries;
    for (const std::string& folder : {package_folder, administrator_folder}) { // the second one overrides
        std::error_code ignored;
        for (const auto& file : fs::directory_iterator(folder, ignored)) {
            if (file.path().extension() != extension) {
                continue;
            }
            // A package's file may be a link; those of the administrator are to be changed.
            auto text = folder == package_folder ? read_settings(fs::weakly_canonical(file.path(), ignored))
                                                 : read_settings(file.path());
            if (!text) {
                return tl::unexpected(text.error());
            }
            Entry& entry = entries[file.path().stem()];
            read_keys(text->value_or(""), entry.keys);
            if (folder == package_folder) {
                entry.package_file = file.path();
            } else {
                entry.own_text = std::move(*text);
            }
        }
    }
    return entries;
}

/// The administrator's file with one key set, and every other line as it was.
std::string with_enable_in(const Entry& entry) {
    const std::string wanted = "enable-in: " + std::string(hidden_from_all_but) + "\n";
    if (!entry.own_text) {
        return std::string(first_line) + "# Only the filter loads this module.\n" + wanted;
    }
    std::string text = map_lines(*entry.own_text, [](std::string_view line) {
        const std::string_view key = trim(line.substr(0, line.find(':')));
        const bool replaced = key == "enable-in" || key == "disable-in"; // p11-kit takes one of the two
        return replaced ? std::nullopt : std::optional<std::string>(line);
    });
    text += text.empty() || text.ends_with('\n') ? "" : "\n";
    return text + wanted;
}

FileEdit hide(const std::string& name, const Entry& entry) {
    const bool hidden = entry.value("enable-in") == hidden_from_all_but;
    return {own_file(name), entry.own_text, hidden ? entry.own_text : with_enable_in(entry)};
}

FileEdit register_filter(const std::map<std::string, Entry>& entries, const std::string& filter,
                         const std::string& priority) {
    const std::string name = "ukey-pkcs11";
    const auto known = entries.find(name);
    std::string text = std::string(first_line) + "module: " + filter + "\n";
    if (!priority.empty()) {
        text += "priority: " + priority + "\n";
    }
    return {own_file(name), known != entries.end() ? known->second.own_text : std::nullopt, text};
}

Outcome<SetupPlan> plan(const SetupQuestion& question) {
    const auto entries = read_entries();
    if (!entries) {
        return tl::unexpected(entries.error());
    }
    SetupPlan plan;
    std::string priority;
    const Entry* filter = nullptr;
    const std::string ours = own_file("ukey-pkcs11");
    for (const auto& [name, entry] : *entries) {
        const std::string path = entry.module_path();
        if (!path.empty() && same_file(path, question.filter)) {
            if (own_file(name) == ours) {
                plan.edits.insert(plan.edits.begin(), {ours, entry.own_text, entry.own_text});
            }
            filter = &entry;
        } else if (!path.empty() && same_file(path, question.backend)) {
            plan.edits.push_back(hide(name, entry));
            priority = entry.value("priority"); // the filter stands where the module stood
        }
    }
    if (filter == nullptr) {
        plan.edits.insert(plan.edits.begin(), register_filter(*entries, question.filter, priority));
    } else if (!filter->package_file.empty() && !filter->own_text) {
        plan.notes.push_back({"setup.by_package", filter->package_file, {{"object", filter->package_file}}});
    }
    return plan;
}

} // namespace

constinit const SetupTarget setup_p11_kit{
    .name = "p11-kit", .root_only = true, .plan = plan, .may_change = nullptr};

} // namespace ukey::ctl
