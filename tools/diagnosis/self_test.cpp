// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/self_test.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/decryption_sample.hpp"
#include "daemon/core/signature_sample.hpp"
#include "daemon/core/token.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

Check new_check() {
    Check check = layer("self_test", N_("Self-test with PIN"));
    check.looked_at = "signatures of the key";
    return check;
}

/// What an answer without signatures means: a code of the probe or a return value, and ours for it.
struct Refusal {
    std::string_view said;
    std::string_view code;
};
constexpr std::array refusals{
    Refusal{"CKR_PIN_INCORRECT", "self_test.pin_incorrect"},
    Refusal{"CKR_PIN_LOCKED", "pin.locked"},
    Refusal{"CKR_PIN_LEN_RANGE", "self_test.pin_length"},
    Refusal{"CKR_PIN_INVALID", "self_test.pin_length"},
    Refusal{"pin.final_try", "pin.final_try"},
    Refusal{"pin.bad_length", "self_test.pin_length"},
    Refusal{"self_test.no_key", "self_test.no_key"},
    Refusal{"self_test.unsupported", "self_test.unsupported"},
};

/// The device itself failed in the middle of a signature. Anything else (it was pulled out, the module did
/// not find it, a mechanism is missing) says nothing of the chip.
bool is_chips_word(std::string_view function, std::string_view rv) {
    return function.starts_with("C_Sign") &&
           (rv == "CKR_DEVICE_ERROR" || rv == "CKR_DEVICE_MEMORY" || rv == "CKR_FUNCTION_FAILED");
}

/// "C_Sign: CKR_DEVICE_ERROR" taken apart.
bool is_chips_word(const std::string& failed) {
    const std::size_t colon = failed.find(": ");
    return colon != std::string::npos && is_chips_word(failed.substr(0, colon), failed.substr(colon + 2));
}

boost::json::object finding_of_failure(const boost::json::object& answer, const std::string& subject) {
    const std::string code = raw_text(answer, "code");
    const std::string rv = raw_text(answer, "rv");
    auto known = std::ranges::find(refusals, code, &Refusal::said);
    known = known != refusals.end() ? known : std::ranges::find(refusals, rv, &Refusal::said);
    const std::string object = text_of(answer, "object");
    const std::string reason = rv.empty() ? text_of(answer, "reason") : rv;
    const std::string_view otherwise = is_chips_word(object, rv) ? "self_test.failed" : "self_test.unknown";
    return finding_json({std::string(known != refusals.end() ? known->code : otherwise),
                         subject,
                         {{"function", object}, {"rv", reason}, {"reason", object + ": " + reason}}});
}

/// A kind of key that cannot be tested is no fault of the key's.
void refuse(Check& check, boost::json::object finding) {
    if (raw_text(finding, "code") == "self_test.unsupported") {
        check.warn(std::move(finding));
    } else {
        check.fail(std::move(finding));
    }
}

std::string milliseconds(std::chrono::microseconds duration) {
    return fmt::format("{:.0f}", static_cast<double>(duration.count()) / 1000);
}

void set_timings(Check& check, const SignatureSample& sample) {
    const auto [fastest, slowest] = std::ranges::minmax(sample.signatures, {}, &SampleSignature::duration);
    check.set(CheckState::ok, N_("{count} signatures, {least} to {most} ms each"),
              {{"count", std::to_string(sample.signatures.size())},
               {"least", milliseconds(fastest.duration)},
               {"most", milliseconds(slowest.duration)}});
    for (const SampleSignature& one : sample.signatures) {
        check.took += one.duration;
    }
}

void judge_signatures(Check& check, const SignatureSample& sample, const std::string& subject) {
    const auto verdict = verify_signature_sample(sample);
    if (!verdict) {
        refuse(check, finding_json({verdict.error().code, subject, {{"reason", verdict.error().reason}}}));
        return;
    }
    set_timings(check, sample);
    const std::string all = std::to_string(sample.signatures.size());
    if (verdict->wrong > 0) {
        check.fail(finding_json({"self_test.wrong_signature",
                                 subject,
                                 {{"count", std::to_string(verdict->wrong)}, {"all", all}}}));
    } else if (verdict->misshapen > 0) {
        check.fail(finding_json(
            {"self_test.unknown", subject, {{"reason", "its module gives signatures in another form"}}}));
    } else if (!sample.stopped.empty()) {
        check.fail(finding_json({is_chips_word(sample.stopped) ? "self_test.stopped" : "self_test.unknown",
                                 subject,
                                 {{"count", all}, {"reason", sample.stopped}}}));
    }
}

/// Once its signatures are right. A call that fails may be the module's or the card's policy, and says
/// nothing.
void judge_decryption(Check& check, const DecryptionVerdict& verdict, const std::string& subject) {
    if (check.state != CheckState::ok) {
        return;
    }
    if (verdict.wrong > 0) {
        check.fail(finding_json({"self_test.wrong_decryption", subject, {}}));
    } else if (verdict.good > 0) {
        check.found.text = N_("{count} signatures, {least} to {most} ms each; it decrypts");
    }
}

/// Of the token, without its PIN; none when they cannot be had.
std::vector<CertificateReport> certificates_of(const PersonProbe& probe) {
    const auto answer = run_person_probe(probe, "list", {}, {}, list_wait, "self_test.unknown");
    const boost::json::value* list = answer ? answer->if_contains("slots") : nullptr;
    const auto slots = decode_slots(list != nullptr ? *list : boost::json::value());
    if (slots) {
        for (const SlotReport& slot : *slots) {
            if (slot.token && slot.token->serial == probe.serial) {
                return slot.token->certificates;
            }
        }
    }
    return {};
}

} // namespace

std::optional<Check> self_test_refusal(const boost::json::object& key) {
    Check check = new_check();
    const boost::json::object& pin = object_of(key, "pin");
    const std::string subject = raw_text(key, "key");
    if (raw_text(pin, "locked") == "yes") {
        check.fail(finding_json({"pin.locked", subject, {}}));
    } else if (raw_text(pin, "final_try") == "yes") {
        check.fail(finding_json({"pin.final_try", subject, {}}));
    } else if (number_of(key, "open_sessions").value_or(0) > 0) {
        check.set(CheckState::skipped, N_("somebody is logged in with the key: end that program first"));
    } else {
        return std::nullopt;
    }
    return check;
}

Check judge_self_test(const Outcome<boost::json::object>& answer,
                      std::span<const DecryptionQuestion> questions, const std::string& subject) {
    Check check = new_check();
    if (!answer) {
        check.fail(finding_json({answer.error().code, subject, answer.error().places}));
        return check;
    }
    if (!flag_of(*answer, "done").value_or(false)) {
        refuse(check, finding_of_failure(*answer, subject));
        return check;
    }
    if (const auto sample = decode_signature_sample(*answer)) {
        judge_signatures(check, *sample, subject);
        judge_decryption(check, judge_decryptions(questions, *answer), subject);
    } else {
        check.fail(finding_json({"self_test.unknown", subject, {{"reason", sample.error().reason}}}));
    }
    return check;
}

Check self_test(const PersonProbe& probe, const Secret& pin, unsigned times) {
    const std::vector<DecryptionQuestion> questions = ask_for_decryption(certificates_of(probe));
    std::vector<std::string> options{"--times", std::to_string(times)};
    for (const DecryptionQuestion& question : questions) {
        options.insert(options.end(), {"--decrypt", question.id + ":" + hex_encode(question.ciphertext)});
    }
    const auto wait = std::chrono::ceil<std::chrono::seconds>(self_test_wait + times * self_test_wait_each);
    return judge_self_test(run_person_probe(probe, "self-test", options, {&pin}, wait, "self_test.unknown"),
                           questions, probe.serial);
}

} // namespace ukey::ctl
