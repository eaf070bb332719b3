// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/diagnosis.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <unistd.h>

#include <fmt/format.h>
#include <systemd/sd-id128.h>

#include "daemon/core/text.hpp"
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {
namespace {

/// /etc/machine-id must not leave the computer; what is derived from it with this may (machine-id(5)).
constexpr sd_id128_t purpose = SD_ID128_MAKE(6b, 1d, 5e, 0a, 93, f2, 4c, 77, a8, 40, 2e, 9b, c1, d6, 38, 54);

/// How a verdict reads, and what it means for the key.
struct VerdictText {
    Verdict verdict;
    Paint paint;
    std::string_view headline;
};
constexpr std::array verdict_texts{
    VerdictText{Verdict::key_in_order, Paint::good,
                N_("The key is in order, as far as can be seen without its PIN.")},
    VerdictText{Verdict::fix_this_computer, Paint::bad,
                N_("This computer is at fault, not the key. Keep the key.")},
    VerdictText{Verdict::user_action, Paint::warning,
                N_("The key is not broken: something has to be done. Keep the key.")},
    VerdictText{Verdict::return_key, Paint::bad, N_("The key itself is at fault: it may be sent back.")},
    VerdictText{Verdict::try_another_computer, Paint::warning,
                N_("Not decided: the key or this computer. Keep the key and try it on another computer.")},
};

std::string title(const Target& target) {
    if (target.has_token()) {
        return say(N_("U-Key {key}: {organisation}"),
                   {{"key", target.name}, {"organisation", organisation_line(target.key)}});
    }
    return target.name.empty() ? _("No U-Key is seen")
                               : say(N_("Device at USB port {port}"), {{"port", target.name}});
}

/// Of the layers, and whatever else the service says of the token; each once, in their order.
std::vector<std::string> find_faults(const Target& target, const std::vector<Check>& layers) {
    std::vector<std::string> codes;
    const auto add = [&](const std::string& code) {
        if (!code.empty() && std::ranges::find(codes, code) == codes.end()) {
            codes.push_back(code);
        }
    };
    for (const Check& check : layers) {
        if (check.name != "daemon" &&
            (check.state == CheckState::failed || check.state == CheckState::warning)) {
            add(raw_text(check.finding, "code"));
        }
    }
    for (const boost::json::value& value : list_of(target.key, "findings")) {
        const std::string code = raw_text(as_object(value), "code");
        if (find_rule(code) != nullptr || raw_text(as_object(value), "severity") == "error") {
            add(code);
        }
    }
    return codes;
}

bool is_complete(const std::vector<Check>& layers) {
    return std::ranges::none_of(layers,
                                [](const Check& check) { return check.state == CheckState::unknown; });
}

Evidence evidence_of(const Diagnosis& diagnosis, const ComputerView& view) {
    const Target& target = diagnosis.target;
    Evidence evidence{.computer = diagnosis.computer.id,
                      .computer_name = diagnosis.computer.name,
                      .port = port_of(target),
                      .usb_id = {},
                      .usb_serial = {},
                      .key = raw_text(target.key, "key"),
                      .time = diagnosis.time,
                      .faults = find_faults(target, diagnosis.layers),
                      .service_away = !view.status,
                      .complete = is_complete(diagnosis.layers)};
    if (target.local) {
        const UsbDevice& device = target.local->device;
        evidence.usb_id = fmt::format("{:04x}:{:04x}", device.vendor_id, device.product_id);
        evidence.usb_serial = device.serial;
    }
    return evidence;
}

bool was_tested(const Diagnosis& diagnosis) {
    return std::ranges::any_of(diagnosis.layers, [](const Check& check) {
        return check.name == "self_test" && check.state == CheckState::ok;
    });
}

/// The finding that a code stands for: a layer's, the token's, or the code alone.
boost::json::object finding_of(const Diagnosis& diagnosis, const std::string& code) {
    for (const Check& check : diagnosis.layers) {
        if (raw_text(check.finding, "code") == code) {
            return check.finding;
        }
    }
    const boost::json::object found = finding_like(diagnosis.target, code);
    return found.empty() ? boost::json::object{{"code", code}} : found;
}

/// What the earlier diagnosis has to do with it.
std::string render_with(const Judgement& judgement, std::span<const Evidence> previous) {
    if (!judgement.with) {
        return {};
    }
    const Evidence& other = previous[*judgement.with];
    const Places places{{"computer", to_printable_utf8(other.computer_name)},
                        {"time", china_time(format_timestamp(other.time))}};
    switch (judgement.decision) {
    case Decision::works_elsewhere:
        return say(N_("It was in order on the computer {computer} at {time}."), places) + "\n";
    case Decision::same_on_two_computers:
        return say(N_("It was the same on the computer {computer} at {time}."), places) + "\n";
    case Decision::other_key_works_here:
        return say(N_("Another key was in order at this port at {time}."), places) + "\n";
    default:
        return {};
    }
}

std::string next_step(const Diagnosis& diagnosis) {
    const Judgement& judgement = diagnosis.judgement;
    if (judgement.verdict == Verdict::key_in_order && !was_tested(diagnosis)) {
        return std::string(_(
                   "Whether it signs was not tested. If a login still fails: ukeyctl diagnose --self-test")) +
               "\n";
    }
    if (judgement.verdict == Verdict::try_another_computer) {
        return std::string(_("Take the result with you: ukeyctl diagnose --output diagnosis.json")) + "\n" +
               _("On the other computer, with the same key: ukeyctl diagnose --previous diagnosis.json") +
               "\n";
    }
    return {};
}

} // namespace

ComputerIdentity this_computer() {
    ComputerIdentity computer;
    sd_id128_t id{};
    if (sd_id128_get_machine_app_specific(purpose, &id) == 0) {
        std::array<char, SD_ID128_STRING_MAX> text{};
        computer.id = sd_id128_to_string(id, text.data());
    }
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) {
        computer.name = to_printable_utf8(name.data());
    }
    return computer;
}

void add_self_test(Diagnosis& diagnosis, Check self_test, std::span<const Evidence> previous) {
    diagnosis.layers.push_back(std::move(self_test));
    diagnosis.evidence.faults = find_faults(diagnosis.target, diagnosis.layers);
    diagnosis.evidence.complete = is_complete(diagnosis.layers);
    diagnosis.judgement = judge(diagnosis.evidence, previous);
}

Diagnosis diagnose(Target target, const ComputerView& view, const ComputerIdentity& computer,
                   std::span<const Evidence> previous) {
    Diagnosis diagnosis{.target = std::move(target),
                        .computer = computer,
                        .time = view.clock.now,
                        .layers = {},
                        .evidence = {},
                        .judgement = {}};
    diagnosis.layers = diagnose_target(diagnosis.target, view);
    diagnosis.evidence = evidence_of(diagnosis, view);
    diagnosis.judgement = judge(diagnosis.evidence, previous);
    return diagnosis;
}

std::string render(const Diagnosis& diagnosis, std::span<const Evidence> previous, const Style& style) {
    std::string lines =
        style.paint(Paint::strong, title(diagnosis.target)) + "\n" + render_checks(diagnosis.layers, style);
    const auto text = std::ranges::find(verdict_texts, diagnosis.judgement.verdict, &VerdictText::verdict);
    const bool in_order = diagnosis.judgement.verdict == Verdict::key_in_order;
    lines += style.paint(text->paint,
                         in_order && was_tested(diagnosis)
                             ? _("The key is in order: it signs, and what it signs fits its certificate.")
                             : translate(text->headline)) +
             "\n";
    lines += render_with(diagnosis.judgement, previous);
    for (const std::string& code : diagnosis.judgement.because) {
        const Explained explained = explain(finding_of(diagnosis, code));
        lines += "  " + (explained.message.empty() ? code : explained.message) + "\n";
        lines += explained.remedy.empty() ? "" : "  → " + explained.remedy + "\n";
    }
    return lines + next_step(diagnosis);
}

} // namespace ukey::ctl
