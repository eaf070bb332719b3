// SPDX-License-Identifier: Apache-2.0
// NSS: what Firefox, Thunderbird and Chromium keep their modules with, in the file pkcs11.txt of each
// database. modutil, NSS's own tool, makes the new text, on a copy: so it can be shown first, and put in
// place in one step.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "daemon/core/text.hpp"
#include "tools/setup/lines.hpp"
#include "tools/setup/run_tool.hpp"
#include "tools/setup/settings_file.hpp"
#include "tools/setup/setup.hpp"

namespace ukey::ctl {
namespace {

namespace fs = std::filesystem;

const std::string system_database = "/etc/pki/nssdb";
const std::string file_name = "pkcs11.txt";
constexpr const char* our_name = "U-Key";
/// Where Debian has it; the search path is the caller's to choose.
const std::string modutil = "/usr/bin/modutil";

/// One module of pkcs11.txt: blocks of `key=value` lines with an empty line between.
struct Stanza {
    std::string library;
    std::string name;
};

std::vector<Stanza> read_stanzas(std::string_view text) {
    std::vector<Stanza> stanzas(1);
    while (!text.empty()) {
        const std::string_view line = trim(take_line(text));
        if (line.empty()) {
            stanzas.emplace_back();
        } else if (line.starts_with("library=")) {
            stanzas.back().library = line.substr(8);
        } else if (line.starts_with("name=")) {
            stanzas.back().name = line.substr(5);
        }
    }
    return stanzas;
}

/// A folder of our own below the one for temporary files, removed with what is in it.
class ScratchFolder {
  public:
    ScratchFolder() {
        std::string pattern = "/tmp/ukeyctl-XXXXXX";
        if (mkdtemp(pattern.data()) != nullptr) {
            path_ = pattern;
        }
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove_all(path_, ignored);
        }
    }
    ScratchFolder(const ScratchFolder&) = delete; // owns the folder
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    const std::string& path() const { return path_; } ///< empty: it could not be made

  private:
    std::string path_;
};

/// pkcs11.txt as modutil leaves it when it has taken the module out and put the filter in.
Outcome<std::string> text_by_modutil(const std::string& text, const std::vector<Stanza>& out,
                                     const SetupQuestion& question) {
    if (access(modutil.c_str(), X_OK) != 0) {
        return fail_with("setup.missing", {{"object", modutil}, {"package", "libnss3-tools"}});
    }
    const ScratchFolder scratch;
    const std::string copy = scratch.path() + "/" + file_name;
    if (scratch.path().empty() || !(std::ofstream(copy) << text << std::flush)) {
        return fail_with("file.unwritable", {{"object", "/tmp"}, {"reason", "mkdtemp"}});
    }
    std::vector<std::vector<std::string>> commands;
    commands.reserve(out.size() + 1);
    for (const Stanza& stanza : out) {
        commands.push_back({"-delete", stanza.name});
    }
    commands.push_back({"-add", our_name, "-libfile", question.filter});
    for (std::vector<std::string>& command : commands) {
        command.insert(command.begin(), {modutil, "-force", "-dbdir", "sql:" + scratch.path()});
        const ToolEnd end = run_tool(command);
        if (end.exit_code != 0) {
            return fail_with("setup.tool_failed",
                             {{"tool", modutil}, {"reason", to_printable_utf8(trim(end.output))}});
        }
    }
    return read_settings(copy).map([](const std::optional<std::string>& made) { return made.value_or(""); });
}

/// Adds what is to be done with the database in that folder, if there is one.
Outcome<void> plan_database(const std::string& folder, const SetupQuestion& question, SetupPlan& plan) {
    const std::string path = folder + "/" + file_name;
    auto text = read_settings(path);
    if (!text || !*text) {
        return text ? Outcome<void>() : Outcome<void>(tl::unexpected(text.error()));
    }
    std::vector<Stanza> bare;
    bool filtered = false;
    bool by_p11_kit = false;
    for (const Stanza& stanza : read_stanzas(**text)) {
        filtered = filtered || same_file(stanza.library, question.filter);
        by_p11_kit = by_p11_kit || fs::path(stanza.library).filename() == "p11-kit-proxy.so";
        if (!stanza.library.empty() && same_file(stanza.library, question.backend)) {
            bare.push_back(stanza);
        }
    }
    if (filtered && bare.empty()) {
        plan.edits.push_back({path, **text, **text});
        return {};
    }
    if (by_p11_kit && bare.empty()) { // twice in one program would be too much
        plan.notes.push_back({"setup.through_p11_kit", path, {{"object", path}}});
        return {};
    }
    auto after = text_by_modutil(**text, bare, question);
    if (!after) {
        return tl::unexpected(after.error());
    }
    plan.edits.push_back({path, std::move(*text), std::move(*after)});
    return {};
}

/// The folders that a profiles.ini of Mozilla's names.
std::vector<std::string> mozilla_profiles(const std::string& folder) {
    std::vector<std::string> profiles;
    const auto text = read_settings(folder + "/profiles.ini");
    std::string_view rest = text && *text ? std::string_view(**text) : std::string_view();
    while (!rest.empty()) {
        const std::string_view line = trim(take_line(rest));
        if (line.starts_with("Path=")) {
            profiles.push_back((fs::path(folder) / line.substr(5)).string()); // an absolute one stands alone
        }
    }
    return profiles;
}

std::vector<std::string> databases_of(const SetupCaller& caller) {
    if (caller.root) {
        return {system_database};
    }
    std::vector<std::string> folders{caller.home + "/.pki/nssdb"};
    for (const char* program : {"/.mozilla/firefox", "/.thunderbird"}) {
        const auto profiles = mozilla_profiles(caller.home + program);
        folders.insert(folders.end(), profiles.begin(), profiles.end());
    }
    return folders;
}

/// What runs in a box of its own does not see the filter's file.
void note_boxes(const SetupCaller& caller, SetupPlan& plan) {
    for (const char* box :
         {"/snap/firefox", "/snap/chromium", "/snap/thunderbird", "/.var/app/org.mozilla.firefox",
          "/.var/app/org.chromium.Chromium", "/.var/app/org.mozilla.Thunderbird"}) {
        std::error_code ignored;
        if (!caller.root && fs::exists(caller.home + box, ignored)) {
            plan.notes.push_back({"setup.sandboxed", caller.home + box, {{"object", caller.home + box}}});
        }
    }
}

Outcome<SetupPlan> plan(const SetupQuestion& question) {
    SetupPlan plan;
    for (const std::string& folder : databases_of(question.caller)) {
        if (const auto planned = plan_database(folder, question, plan); !planned) {
            return tl::unexpected(planned.error());
        }
    }
    if (plan.edits.empty() && plan.notes.empty()) {
        plan.notes.push_back(
            question.caller.root
                ? Finding{"setup.no_system_database", system_database, {{"object", system_database}}}
                : Finding{"setup.no_database", "", {}});
    }
    note_boxes(question.caller, plan);
    return plan;
}

/// A link such as "127.0.1.1:+1234" or "host-1234": whether that process lives.
bool names_living_process(const std::string& link) {
    std::error_code error;
    const std::string target = fs::read_symlink(link, error);
    const std::size_t digits = target.find_last_not_of("0123456789");
    if (error || digits == std::string::npos || digits + 1 == target.size()) {
        return false;
    }
    const long pid = std::strtol(target.c_str() + digits + 1, nullptr, 10);
    return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

/// Mozilla's programs hold a lock on this file as long as they use the profile.
bool is_locked(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const bool locked = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(file);
    return locked;
}

/// A running browser has the old list, and Mozilla's write it back.
Outcome<void> may_change(const std::string& path) {
    const fs::path folder = fs::path(path).parent_path();
    bool running = is_locked(folder / ".parentlock") || names_living_process(folder / "lock");
    if (folder.parent_path().filename() == ".pki") {
        const fs::path settings = folder.parent_path().parent_path() / ".config";
        for (const char* browser : {"chromium", "google-chrome"}) {
            running = running || names_living_process(settings / browser / "SingletonLock");
        }
    }
    return running ? fail_with("setup.browser_running", {{"object", folder.string()}}) : Outcome<void>();
}

} // namespace

constinit const SetupTarget setup_nss{
    .name = "nss", .root_only = false, .plan = plan, .may_change = may_change};

} // namespace ukey::ctl
