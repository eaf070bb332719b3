// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/coverage.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include <fmt/ranges.h>

#include "daemon/core/text.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// What a process also has mapped says how it came to its module, and so which setup is its remedy.
struct Loader {
    std::string_view library; ///< how the mapped file's name begins
    std::string_view setup;
};
constexpr auto loaders = std::to_array<Loader>({
    {"libnss3.so", "ukeyctl setup nss"},
    {"libp11-kit.so", "ukeyctl setup p11-kit"},
    {"libpkcs11.so", "ukeyctl setup openssl"},
    {"pkcs11.so", "ukeyctl setup openssl"},
});

std::string file_name(const std::string& path) {
    return std::filesystem::path(path).filename();
}

std::string user_name(uid_t uid) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const bool known = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
    return known ? found->pw_name : std::to_string(uid);
}

/// A name is anyone's to choose: a worker is our own program, and the service or systemd says that it is one.
/// Only root puts processes below system.slice.
bool is_worker(const ProcessMaps& process, const CoverageQuestion& question) {
    const bool our_program =
        WantedFile(question.probe)
            .is({process.executable_identity.value_or(FileIdentity()), process.executable, false}) &&
        !question.probe.empty();
    const bool unit = process.cgroup.find(":/system.slice/") != std::string::npos &&
                      process.cgroup.find("/ukey-probe@") != std::string::npos;
    return our_program && (question.workers.contains(process.pid) || unit);
}

/// A copy of the filter for another backend, ukey-pkcs11-NAME.so.
bool is_named_filter(const MappedFile& file) {
    const std::string name = file_name(file.path);
    return name.starts_with("ukey-pkcs11-") && name.ends_with(".so");
}

std::optional<std::string> content_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream content;
    return stream && content << stream.rdbuf() ? std::optional(content.str()) : std::nullopt;
}

/// Byte for byte what is installed now; nobody copies it again by himself after an upgrade.
bool is_current_copy(const MappedFile& file, const WantedFile& filter) {
    const auto copy = identity_of(file.path) == file.identity ? content_of(file.path) : std::nullopt;
    return !file.deleted && copy && copy == content_of(filter.path());
}

FilterUse filter_use(const ProcessMaps& process, const WantedFile& filter) {
    FilterUse use = FilterUse::none;
    for (const MappedFile& file : process.files) {
        const bool named = is_named_filter(file);
        if (filter.is(file) || (named && is_current_copy(file, filter))) {
            return FilterUse::installed;
        }
        if (named || file_name(file.path) == file_name(filter.path())) {
            use = FilterUse::other;
        }
    }
    return use;
}

std::string setup_for(const ProcessMaps& process) {
    if (file_name(process.executable).starts_with("ssh")) {
        return "ukeyctl setup ssh";
    }
    for (const Loader& loader : loaders) {
        if (std::ranges::any_of(process.files, [&](const MappedFile& file) {
                return file_name(file.path).starts_with(loader.library);
            })) {
            return std::string(loader.setup);
        }
    }
    return "ukeyctl setup --help";
}

Finding finding_on(const ModuleUser& user, std::string code) {
    return {.code = std::move(code),
            .subject = std::to_string(user.pid),
            .arguments = {{"program", user.executable},
                          {"pid", std::to_string(user.pid)},
                          {"uid", std::to_string(user.uid)},
                          {"user", user.user}}};
}

void add_findings(Coverage& coverage, const ModuleUser& user, const ProcessMaps& process,
                  const CoverageQuestion& question) {
    if (user.worker) {
        return;
    }
    if (user.filter == FilterUse::other) {
        coverage.findings.push_back(finding_on(user, "coverage.old_filter"));
    } else if (user.filter == FilterUse::none && !user.backends.empty()) {
        Finding finding = finding_on(user, "coverage.bypass");
        finding.arguments["backend"] = fmt::format("{}", fmt::join(user.backends, ", "));
        finding.arguments["filter"] = question.filter.empty() ? "ukey-pkcs11.so" : question.filter;
        finding.arguments["setup"] = setup_for(process);
        coverage.findings.push_back(std::move(finding));
    }
}

std::vector<WantedFile> backends_of(const CoverageQuestion& question) {
    std::vector<WantedFile> backends;
    for (const std::string& path : question.backends) {
        backends.emplace_back(path);
    }
    return backends;
}

/// Without an installed one, any file of its name.
WantedFile filter_of(const CoverageQuestion& question) {
    return WantedFile(question.filter.empty() ? "ukey-pkcs11.so" : question.filter);
}

} // namespace

std::string_view to_string(FilterUse use) {
    switch (use) {
    case FilterUse::none:
        return "none";
    case FilterUse::installed:
        return "installed";
    case FilterUse::other:
        return "other";
    }
    return "none";
}

Coverage judge_coverage(const CoverageQuestion& question, const ProcessSight& sight, bool as_root,
                        const std::string& caller) {
    Coverage coverage{.users = {},
                      .looked_at = sight.looked_at,
                      .unseen = sight.unseen,
                      .cut_short = sight.cut_short,
                      .as_root = as_root,
                      .caller = caller,
                      .findings = {}};
    const std::vector<WantedFile> backends = backends_of(question);
    const WantedFile filter = filter_of(question);
    for (const ProcessMaps& process : sight.processes) {
        ModuleUser user{.pid = process.pid,
                        .uid = process.uid,
                        .user = user_name(process.uid),
                        .executable = to_printable_utf8(process.executable),
                        .backends = {},
                        .filter = filter_use(process, filter),
                        .worker = is_worker(process, question)};
        for (const WantedFile& backend : backends) {
            if (std::ranges::any_of(process.files, [&](const MappedFile& file) {
                    return backend.is(file) || backend.was(file);
                })) {
                user.backends.push_back(backend.path());
            }
        }
        if (user.filter != FilterUse::none || !user.backends.empty()) {
            add_findings(coverage, user, process, question);
            coverage.users.push_back(std::move(user));
        }
    }
    if (!as_root) {
        coverage.findings.push_back({"coverage.not_seen", caller, {{"user", caller}}});
    } else if (!coverage.complete()) {
        coverage.findings.push_back(
            {"coverage.incomplete",
             "",
             {{"looked_at", std::to_string(sight.looked_at)}, {"unseen", std::to_string(sight.unseen)}}});
    }
    return coverage;
}

Coverage look_at_coverage(const CoverageQuestion& question) {
    // Files of the filter's name, too: one that is not the installed one.
    std::vector<WantedFile> wanted = backends_of(question);
    wanted.push_back(filter_of(question));
    const ProcessSight sight = find_processes(wanted);
    return judge_coverage(question, sight, geteuid() == 0, user_name(geteuid()));
}

boost::json::object to_json(const Coverage& coverage) {
    boost::json::array users;
    for (const ModuleUser& user : coverage.users) {
        users.emplace_back(
            boost::json::object{{"pid", user.pid},
                                {"uid", user.uid},
                                {"user", user.user},
                                {"executable", user.executable},
                                {"backends", boost::json::array(user.backends.begin(), user.backends.end())},
                                {"filter", to_string(user.filter)},
                                {"worker", user.worker}});
    }
    boost::json::array findings;
    for (const Finding& finding : coverage.findings) {
        findings.emplace_back(finding_json(finding));
    }
    return {{"complete", coverage.complete()},
            {"looked_at", coverage.looked_at},
            {"unseen", coverage.unseen},
            {"processes", std::move(users)},
            {"findings", std::move(findings)}};
}

Check check_coverage(const Coverage& coverage) {
    Check check{.name = "coverage", .title = N_("Programs past the filter"), .found = {}, .finding = {}};
    const auto past = std::ranges::count_if(coverage.findings, [](const Finding& finding) {
        return finding.code == "coverage.bypass" || finding.code == "coverage.old_filter";
    });
    check.found = {N_("{past} of {users} programs that use a key"),
                   {{"past", std::to_string(past)}, {"users", std::to_string(coverage.users.size())}}};
    check.state = past > 0 ? CheckState::failed : coverage.complete() ? CheckState::ok : CheckState::unknown;
    if (!coverage.findings.empty()) {
        check.finding = finding_json(coverage.findings.front());
    }
    return check;
}

std::string render_coverage(const Coverage& coverage, const Style& style) {
    Table table({_("Process"), _("User"), _("Program"), _("Loads"), _("Filter")});
    boost::json::array findings;
    for (const ModuleUser& user : coverage.users) {
        const std::string filter = user.worker                           ? _("not needed: a worker")
                                   : user.filter == FilterUse::installed ? _("yes")
                                   : user.filter == FilterUse::other     ? _("another one")
                                                                         : _("no");
        table.add({{std::to_string(user.pid)},
                   {user.user},
                   {user.executable},
                   {fmt::format("{}", fmt::join(user.backends, ", "))},
                   {filter}});
    }
    std::ranges::for_each(coverage.findings,
                          [&](const Finding& one) { findings.emplace_back(finding_json(one)); });
    return (table.empty() ? "" : table.text(style)) + render_findings(findings, style);
}

} // namespace ukey::ctl
