// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/slip.hpp"

#include <boost/json/serialize.hpp>

#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {
namespace {

SlipSection recipient_section(const ReturnAddress& address) {
    return {
        _("Recipient"),
        {{_("Name"), address.recipient}, {_("Telephone"), address.phone}, {_("Address"), address.address}}};
}

SlipSection sender_section(const boost::json::object& organisation) {
    const boost::json::object& administrator = object_of(organisation, "administrator");
    return {_("Sender"),
            {{_("Organisation"), organisation_path(organisation)},
             {_("Code"), text_of(organisation, "code")},
             {_("Administrator"), text_of(administrator, "name")},
             {_("Telephone"), text_of(administrator, "mobile")}}};
}

SlipSection key_section(const Target& target, const Evidence& evidence) {
    const boost::json::object& certificate = object_of(target.key, "certificate");
    SlipSection section{_("U-Key"), {}};
    const auto add = [&](std::string label, std::string value) {
        if (!value.empty()) {
            section.lines.push_back({std::move(label), std::move(value)});
        }
    };
    add(_("Key's id"), evidence.key);
    add(_("Token"), target.has_token()
                        ? text_of(target.key, "manufacturer") + " " + text_of(target.key, "model")
                        : std::string());
    add(_("Token's serial"), text_of(target.key, "serial"));
    add(_("Device"), target.has_device() ? device_name(target) : std::string());
    add(_("USB ids"), evidence.usb_id);
    add(_("USB serial"), evidence.usb_serial);
    add(_("Certificate"), text_of(certificate, "organisation_name"));
    add(_("Valid until"), china_date(raw_text(certificate, "not_after")));
    if (section.lines.empty()) {
        section.lines.push_back({_("Serial, as printed on the key"), ""});
    }
    return section;
}

SlipSection diagnosis_section(const Diagnosis& diagnosis) {
    return {_("Diagnosis"),
            {{_("Verdict"), std::string(to_string(diagnosis.judgement.verdict))},
             {_("Rule"), std::string(to_string(diagnosis.judgement.decision))},
             {_("Time (China)"), china_time(format_timestamp(diagnosis.time))},
             {_("Computer"), diagnosis.computer.name + " (" + diagnosis.computer.id.substr(0, 8) + ")"},
             {_("Software"), std::string("ukeyctl ") + UKEY_VERSION}}};
}

SlipSection signature_section() {
    return {_("To be filled in by hand"),
            {{_("What the administrator saw"), ""},
             {_("Handed over by, date"), ""},
             {_("Received by, date"), ""}}};
}

} // namespace

Slip make_slip(const Diagnosis& diagnosis, std::span<const Evidence> previous, const ReturnAddress& address,
               const boost::json::object& organisation) {
    Slip slip{.goes_back = diagnosis.judgement.verdict == Verdict::return_key,
              .title = {},
              .headline = headline_of(diagnosis),
              .reasons = {},
              .sections = {}};
    slip.title = slip.goes_back ? _("U-Key return slip") : _("U-Key diagnosis report");
    for (const Explained& reason : reasons_of(diagnosis)) {
        slip.reasons.push_back(reason.message);
        if (!slip.goes_back && !reason.remedy.empty()) {
            slip.reasons.push_back("→ " + reason.remedy);
        }
    }
    if (std::string earlier = earlier_of(diagnosis, previous); !earlier.empty()) {
        slip.reasons.push_back(std::move(earlier));
    }
    if (slip.goes_back) {
        slip.sections.push_back(recipient_section(address));
    }
    slip.sections.push_back(sender_section(organisation));
    slip.sections.push_back(key_section(diagnosis.target, diagnosis.evidence));
    slip.sections.push_back(diagnosis_section(diagnosis));
    if (slip.goes_back) {
        slip.sections.push_back(signature_section());
    }
    return slip;
}

Outcome<void> check_slip(const std::string& path, std::size_t diagnoses) {
    const bool known_ending = path.ends_with(".html") || path.ends_with(".xlsx") || path.ends_with(".json");
    if (path.empty() || (known_ending && diagnoses == 1)) {
        return {};
    }
    return fail_with("usage.arguments",
                     {{"reason", known_ending ? _("several keys are in: name the one that the slip is for")
                                              : _("--slip needs a file that ends in .html, .xlsx or .json")},
                      {"program", "ukeyctl diagnose"}});
}

Outcome<void> write_slip(const std::string& path, const Slip& slip, const Diagnosis& diagnosis) {
    if (path.ends_with(".html")) {
        return write_slip_html(path, slip, diagnosis);
    }
    if (path.ends_with(".xlsx")) {
        return write_slip_xlsx(path, slip, diagnosis);
    }
    return write_diagnoses(path, {diagnosis});
}

} // namespace ukey::ctl
