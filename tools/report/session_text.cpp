// SPDX-License-Identifier: Apache-2.0
#include "tools/report/session_text.hpp"

#include <array>

#include "daemon/core/attestation.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/session.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

/// What a grade is worth.
struct Worth {
    std::string_view grade;
    std::string_view proves;
    std::string_view does_not_prove;
};

constexpr std::array worths{
    Worth{"attested",
          N_("The U-Key, unlocked with its PIN, signed the record of this very login, with a question that "
             "this "
             "computer's service had made up a moment before: the key was here then."),
          N_("Which person held it, which program used it, and that nothing else was done with it.")},
    Worth{"observed",
          N_("The service heard of the login while it happened, from a process of this user; user and "
             "process number "
             "are the operating system's word."),
          N_("That the key took part: a process of this user could have claimed it. The program's name is "
             "its own "
             "claim.")},
    Worth{"late", N_("The service was away, and the same process told of the login when it was back."),
          N_("That the key took part, and when the login was: both are the process's own word.")},
};

/// The shape that decode_attestation() reads: a ledger record's payload.
boost::json::object as_payload(const boost::json::object& answer) {
    const boost::json::object& session = object_of(answer, "session");
    boost::json::object payload{{"login", raw_text(session, "login")},
                                {"key", raw_text(session, "key")},
                                {"organisation", raw_text(session, "organisation")},
                                {"uid", number_of(session, "uid").value_or(-1)}};
    payload["attestation"] = object_of(answer, "attestation");
    return payload;
}

std::string end_line(const boost::json::object& session) {
    const std::string ended = text_of(session, "ended_at");
    return ended.empty() ? _("still open") : china_time(ended) + " " + word(text_of(session, "end_reason"));
}

std::string user_line(const boost::json::object& session) {
    const auto number = number_of(session, "uid");
    if (!number) {
        return _("removed, as personal data");
    }
    const std::string uid = std::to_string(*number);
    const std::string user = text_of(session, "user");
    return user.empty() || user == uid ? uid : user + " (" + uid + ")";
}

std::string uses_line(const boost::json::object& session) {
    const std::string uses = std::to_string(number_of(session, "uses").value_or(0));
    const auto counted = flag_of(session, "counted");
    return counted ? uses + (*counted ? _(", counts") : _(", does not count")) : uses;
}

/// A word, or the function and number of a PKCS#11 call that failed.
std::string absent_line(const boost::json::object& attestation) {
    return say(N_("not attested: {reason}"), {{"reason", word(text_of(attestation, "absent"))}});
}

std::string signed_lines(const boost::json::object& attestation, const std::string& place) {
    const auto der = base64_decode(raw_text(attestation, "certificate"));
    const auto certificate = parse_certificate(der.value_or(std::string()), {});
    std::string lines = detail_line(_("Signed by"), certificate ? certificate->subject : std::string());
    lines += detail_line(_("SHA-256"), certificate ? certificate->fingerprint_sha256 : std::string());
    lines += detail_line(_("Signature"), text_of(attestation, "scheme"));
    const std::string record = std::to_string(number_of(attestation, "ledger_seq").value_or(0));
    lines += detail_line(_("After record"),
                         place == "not_in_export"
                             ? say(N_("{record}, which is not in the export"), {{"record", record}})
                             : record);
    const auto milliseconds = number_of(attestation, "duration_us").value_or(0) / 1000;
    return lines + detail_line(_("Took"), std::to_string(milliseconds) + " ms");
}

std::string attestation_lines(const boost::json::object& attestation, const std::string& place,
                              const std::optional<Result<void>>& verified, const Style& style) {
    if (attestation.empty()) {
        return {};
    }
    if (const std::string refused = text_of(attestation, "refused"); !refused.empty()) {
        return detail_line(_("Attestation"), style.paint(Paint::bad, say(N_("refused: {reason}"),
                                                                         {{"reason", word(refused)}})));
    }
    if (!verified) {
        return detail_line(_("Attestation"), absent_line(attestation));
    }
    const std::string state =
        *verified ? style.paint(Paint::good, "✔ " + _("checked again: it holds"))
                  : style.paint(Paint::bad, "✘ " + say(N_("checked again: it does not hold: {reason}"),
                                                       {{"reason", word(verified->error().reason)}}));
    return detail_line(_("Attestation"), state) + signed_lines(attestation, place);
}

std::string worth_lines(std::string_view grade, const Style& style) {
    for (const Worth& worth : worths) {
        if (worth.grade == grade) {
            return style.paint(Paint::strong, _("What this proves")) + "\n  " + translate(worth.proves) +
                   "\n" + style.paint(Paint::strong, _("What it does not prove")) + "\n  " +
                   translate(worth.does_not_prove) + "\n";
        }
    }
    return {};
}

} // namespace

std::optional<Result<void>> verify_session(const boost::json::object& answer) {
    if (raw_text(object_of(answer, "session"), "grade") != to_string(EvidenceGrade::attested)) {
        return std::nullopt;
    }
    const boost::json::object& session = object_of(answer, "session");
    if (object_of(answer, "attestation").empty() && !number_of(session, "uid")) {
        return std::nullopt; // removed, with what else was personal in its record
    }
    const auto attestation = decode_attestation(as_payload(answer));
    if (!attestation) {
        return Result<void>(tl::unexpected(attestation.error()));
    }
    if (const std::string place = raw_text(answer, "place"); place.starts_with("wrong_")) {
        return Result<void>(
            fail("attestation.wrong", "find its place in the ledger", attestation->record.login, place));
    }
    return verify(*attestation);
}

std::string render_session(const boost::json::object& answer, const std::optional<Result<void>>& verified,
                           const Style& style) {
    const boost::json::object& session = object_of(answer, "session");
    const std::string grade = text_of(session, "grade");
    std::string lines = style.paint(Paint::strong, text_of(session, "login")) + "  " + word(grade) + "\n";
    lines += detail_line(_("U-Key"), text_of(session, "key"));
    lines += detail_line(_("Organisation"), text_of(session, "organisation"));
    lines += detail_line(_("User"), user_line(session));
    lines += detail_line(_("Program"), text_of(session, "executable"));
    lines += detail_line(_("Login"), china_time(text_of(session, "started_at")));
    lines += detail_line(_("End"), end_line(session));
    lines += detail_line(_("Used"), uses_line(session));
    lines += detail_line(_("Verdict"), word(text_of(session, "verdict")));
    lines += attestation_lines(object_of(answer, "attestation"), raw_text(answer, "place"), verified, style);
    const bool holds = !verified || *verified;
    return lines + worth_lines(holds ? grade : std::string(to_string(EvidenceGrade::observed)), style);
}

} // namespace ukey::ctl
