// SPDX-License-Identifier: Apache-2.0
// The inner layers: the token, its PIN, its certificate, its binding.
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

using enum CheckState;

/// In a return value's place: not the key's word but a bound of ours.
constexpr std::string_view over_limit = "limit";
constexpr std::string_view service_word = "the service's status";

/// The worst of the token's findings whose codes begin so.
boost::json::object worst_finding(const Target& target, std::string_view prefix) {
    boost::json::object worst;
    const auto is = [](const boost::json::object& finding, std::string_view severity) {
        return raw_text(finding, "severity") == severity;
    };
    for (const boost::json::value& value : list_of(target.key, "findings")) {
        const boost::json::object& finding = as_object(value);
        const bool worse = worst.empty() || (is(finding, "error") && !is(worst, "error")) ||
                           (is(finding, "warning") && is(worst, "info"));
        if (raw_text(finding, "code").starts_with(prefix) && worse) {
            worst = finding;
        }
    }
    return worst;
}

/// An error fails the layer, anything less is a warning.
bool decided_by(Check& check, boost::json::object finding) {
    if (finding.empty()) {
        return false;
    }
    if (raw_text(finding, "severity") == "error") {
        check.fail(std::move(finding));
    } else {
        check.warn(std::move(finding));
    }
    return true;
}

bool without_token(Check& check, const Target& target) {
    check.looked_at = service_word;
    if (!target.has_token()) {
        check.set(skipped, N_("no token"));
    }
    return !target.has_token();
}

} // namespace

Check check_token(const Target& target, const ComputerView& view, const Check& reader) {
    Check check = layer("token", N_("Token"));
    check.looked_at = service_word;
    check.took = view.took.status;
    const boost::json::object unreadable = finding_like(target, "key.unreadable");
    if (reader.state == failed) {
        check.set(skipped, N_("its reader has to be seen to first"));
    } else if (!target.has_token() && has_twin(target, view)) {
        check.set(unknown, N_("two of these keys are in: take the other one out"));
    } else if (raw_text(object_of(unreadable, "arguments"), "rv") == over_limit) {
        check.set(unknown, N_("it has more on it than is read"));
    } else if (check.fails_by(finding_like(target, "usb.no_token")) ||
               check.fails_by(finding_like(target, "key.unreadable"))) {
        return check;
    } else if (!finding_like(target, "key.not_read").empty()) {
        check.set(unknown, N_("it is being read just now"));
    } else if (target.has_token()) {
        check.set(ok, N_("{label}, serial {serial}"),
                  {{"label", text_of(target.key, "label")}, {"serial", text_of(target.key, "serial")}});
    } else if (!view.status) {
        check.set(unknown, N_("only the service knows"));
    } else {
        check.set(target.has_device() ? unknown : skipped, N_("no token was read"));
    }
    return check;
}

Check check_pin(const Target& target) {
    Check check = layer("pin", N_("PIN state"));
    if (!without_token(check, target) && !decided_by(check, worst_finding(target, "pin."))) {
        check.set(ok, N_("not locked, as far as is known"));
    }
    return check;
}

Check check_certificate(const Target& target) {
    Check check = layer("certificate", N_("Certificate"));
    if (without_token(check, target) || decided_by(check, worst_finding(target, "certificate."))) {
        return check;
    }
    const boost::json::object& certificate = object_of(target.key, "certificate");
    check.set(certificate.empty() ? unknown : ok, certificate.empty() ? N_("none was read") : N_("“{name}”"),
              {{"name", text_of(certificate, "organisation_name")}});
    return check;
}

Check check_binding(const Target& target) {
    Check check = layer("binding", N_("Binding"));
    if (without_token(check, target) || check.fails_by(finding_like(target, "key.returned")) ||
        decided_by(check, worst_finding(target, "binding."))) {
        return check;
    }
    const boost::json::object& organisation = object_of(target.key, "organisation");
    check.set(organisation.empty() ? unknown : ok,
              organisation.empty() ? N_("not bound") : N_("{organisation}"),
              {{"organisation", text_of(organisation, "name")}});
    return check;
}

} // namespace ukey::ctl
