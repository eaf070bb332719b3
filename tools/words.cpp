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
    // why a login is not attested
    {"always_authenticate", N_("the key asks for its PIN at every signature")},
    {"ambiguous_record", N_("the record is not unambiguous")},
    {"incomplete", N_("a member is missing")},
    {"key_absent", N_("the key was not plugged in")},
    {"no_certificate", N_("the key has no signing certificate")},
    {"no_key", N_("the certificate's private key was not found")},
    {"no_mechanism", N_("the module offers no suitable signature")},
    {"non_repudiation", N_("the key is for non-repudiation only")},
    {"not_answered", N_("the program's filter did not answer; it may be of an older version")},
    {"other_key", N_("it is about another key")},
    {"other_organisation", N_("the key was bound to another organisation meanwhile")},
    {"other_program", N_("another program answered than asked")},
    {"protected_path", N_("the PIN is entered at the reader")},
    {"rekeyed", N_("the key is not the one that was bound")},
    {"several_keys", N_("more than one private key has the certificate's id")},
    {"repeated", N_("it is a copy of an earlier login's")},
    {"slow", N_("the key's last signature took too long")},
    {"unknown_nonce", N_("its question was never asked, or answered before")},
    {"unknown_scheme", N_("its kind of signature is not known")},
    {"untrusted_certificate", N_("its certificate was not trusted, valid and unrevoked then")},
    {"unusable_certificate", N_("its certificate cannot be used")},
    {"wrong_place", N_("it was made for another place in the ledger, or for another ledger")},
    {"wrong_time", N_("the login's time does not fit the time when the service was asked")},
    {"wrong_signature", N_("the signature is wrong")},
    // criterion
    {"met", N_("met")},
    {"not_seen_here", N_("not seen here")},
    {"own_logins", N_("by its own logins")},
    {"answered_for", N_("by its superior's logins")},
    {"too_few_logins_seen_here", N_("too few logins seen here")},
    {"too_few_logins", N_("too few logins")},
    {"founded_within_month", N_("founded in this month")},
    {"kind", N_("not asked of its kind")},
    {"not_assessed", N_("under no assessed unit")},
    {"not_met", N_("not met")},
    {"cannot_tell", N_("cannot tell")},
    {"not_required", N_("not required")},
    {"workstation.missing", N_("a workstation's records are missing")},
    {"workstation.incomplete", N_("a workstation's records are incomplete")},
    {"coverage.service_away", N_("the service was away")},
    {"coverage.filter_version", N_("an older filter was in use")},
    {"coverage.pin_state", N_("the key was used past the filter")},
    {"coverage.modules_changed", N_("a module was not watched")},
    {"clock.uncertain", N_("the clock was wrong")},
    {"logins.by_mobile_terminal", N_("works by mobile terminal")},
    // kinds of organisation
    {"committee", N_("committee")},
    {"general_branch", N_("general branch")},
    {"branch", N_("branch")},
    {"other", N_("other")},
    // trust
    {"trusted", N_("trusted")},
    {"revoked", N_("revoked")},
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
    {"warn", "warning", "starting", "waiting", "not_seen_here", "cannot_tell", "not_checked"});
constexpr auto bad_words =
    std::to_array<std::string_view>({"deny", "error", "failed", "untrusted", "not_met"});

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
