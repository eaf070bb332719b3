// SPDX-License-Identifier: Apache-2.0
#include "tools/words.hpp"

#include <algorithm>
#include <array>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

struct Word {
    std::string_view protocol;
    std::string_view shown;
};

constexpr auto words = std::to_array<Word>({
    // admission
    {"allow", N_("may log in")},
    {"warn", N_("needs attention")},
    {"deny", N_("refused")},
    // modes
    {"observe", N_("observe (nothing is refused)")},
    {"enforce", N_("enforce (the rules are applied)")},
    // severities
    {"info", N_("note")},
    {"warning", N_("warning")},
    {"error", N_("error")},
    // states of a module
    {"starting", N_("starting")},
    {"running", N_("running")},
    {"failed", N_("failed")},
    {"waiting", N_("waiting to start again")},
    // checks
    {"ok", N_("in order")},
    {"skipped", N_("not checked")},
    {"unknown", N_("unknown")},
    // three values
    {"yes", N_("yes")},
    {"no", N_("no")},
    // how a session ended
    {"logout", N_("logged out")},
    {"sessions_closed", N_("sessions closed")},
    {"finalized", N_("module closed")},
    {"process_exit", N_("program ended")},
    {"key_removed", N_("key pulled out")},
    {"suspend", N_("computer suspended")},
    {"daemon_stopped", N_("service stopped")},
    {"unclean", N_("end not seen")},
    // evidence
    {"attested", N_("attested")},
    {"observed", N_("observed")},
    {"late", N_("told late")},
    // criterion
    {"met", N_("met")},
    {"not_seen_here", N_("not seen here")},
    {"own_logins", N_("by its own logins")},
    {"answered_for", N_("by its superior's logins")},
    {"too_few_logins_seen_here", N_("too few logins seen here")},
    // kinds of organisation
    {"committee", N_("committee")},
    {"general_branch", N_("general branch")},
    {"branch", N_("branch")},
    {"other", N_("other")},
    // trust
    {"trusted", N_("trusted")},
    {"untrusted", N_("not trusted")},
    {"not_checked", N_("no CA to check against")},
    // types of configuration keys
    {"text", N_("text")},
    {"number", N_("number")},
    {"yes/no", N_("yes/no")},
    {"list of paths", N_("list of paths")},
    {"table", N_("table")},
    {"path", N_("path")},
});

constexpr auto good_words = std::to_array<std::string_view>({"allow", "ok", "running", "met", "trusted"});
constexpr auto doubtful_words = std::to_array<std::string_view>(
    {"warn", "warning", "starting", "waiting", "not_seen_here", "not_checked"});
constexpr auto bad_words = std::to_array<std::string_view>({"deny", "error", "failed", "untrusted"});

} // namespace

std::string word(std::string_view protocol_word) {
    const auto found = std::ranges::find(words, protocol_word, &Word::protocol);
    return found != words.end() ? translate(found->shown) : std::string(protocol_word);
}

Cell mark(std::string_view protocol_word) {
    if (std::ranges::count(good_words, protocol_word) != 0) {
        return {"✔", Paint::good};
    }
    if (std::ranges::count(doubtful_words, protocol_word) != 0) {
        return {"!", Paint::warning};
    }
    if (std::ranges::count(bad_words, protocol_word) != 0) {
        return {"✘", Paint::bad};
    }
    return {"·", Paint::faint};
}

} // namespace ukey::ctl
