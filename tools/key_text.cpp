// SPDX-License-Identifier: Apache-2.0
#include "tools/key_text.hpp"

#include <fmt/format.h>

#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

constexpr std::size_t detail_name_columns = 14;

std::string join_nonempty(const std::vector<std::string>& parts, std::string_view separator) {
    std::string joined;
    for (const std::string& part : parts) {
        if (!part.empty()) {
            joined += joined.empty() ? part : std::string(separator) + part;
        }
    }
    return joined;
}

std::string token_line(const boost::json::object& key) {
    const std::string serial = text_of(key, "serial");
    return join_nonempty({text_of(key, "label"), text_of(key, "manufacturer"), text_of(key, "model"),
                          serial.empty() ? "" : say(N_("serial {serial}"), {{"serial", serial}})},
                         " · ");
}

std::string place_line(const boost::json::object& key) {
    if (!flag_of(key, "present").value_or(true)) {
        return _("not plugged in");
    }
    const std::string port = text_of(key, "usb_port");
    const std::string since = china_time(text_of(key, "inserted_at"));
    return join_nonempty({port.empty() ? "" : say(N_("USB port {port}"), {{"port", port}}),
                          text_of(key, "slot_description"),
                          since.empty() ? "" : say(N_("since {time}"), {{"time", since}})},
                         " · ");
}

std::string certificate_line(const boost::json::object& certificate) {
    if (certificate.empty()) {
        return _("none");
    }
    return say(N_("“{name}”, valid {from} to {to}, {trust}"),
               {{"name", text_of(certificate, "organisation_name")},
                {"from", china_date(text_of(certificate, "not_before"))},
                {"to", china_date(text_of(certificate, "not_after"))},
                {"trust", word(text_of(certificate, "trust"))}});
}

std::string open_sessions_line(const boost::json::object& key) {
    const boost::json::value* open = key.if_contains("open_sessions");
    const std::int64_t count = open != nullptr && open->is_array()
                                   ? static_cast<std::int64_t>(open->get_array().size())
                                   : number_of(key, "open_sessions").value_or(0);
    return count == 0 ? "" : std::to_string(count);
}

} // namespace

std::string render_verdict(const boost::json::object& key, const Style& style) {
    const boost::json::object& admission = object_of(key, "admission");
    const std::string verdict = text_of(admission, "verdict");
    const Cell sign = mark(verdict);
    std::string text =
        style.paint(sign.paint, sign.text + " " + (verdict.empty() ? word("unknown") : word(verdict)));
    if (verdict == "deny" && !flag_of(admission, "enforced").value_or(true)) {
        text += " " + _("(the mode is “observe”: let through and recorded)");
    }
    return text;
}

std::string organisation_line(const boost::json::object& key) {
    const boost::json::object& organisation = object_of(key, "organisation");
    if (!organisation.empty()) {
        return text_of(organisation, "name");
    }
    const std::string named = text_of(object_of(key, "certificate"), "organisation_name");
    return named.empty() ? _("not bound")
                         : say(N_("not bound (the certificate names “{name}”)"), {{"name", named}});
}

std::string pin_words(const boost::json::object& key) {
    const boost::json::object& pin = object_of(key, "pin");
    std::vector<std::string> words;
    if (flag_of(pin, "default").value_or(false)) {
        words.push_back(_("default PIN"));
    } else if (flag_of(pin, "default").has_value()) {
        words.push_back(_("changed by its owner"));
    }
    const auto add_if_yes = [&](std::string_view member, std::string_view text) {
        if (raw_text(pin, member) == "yes") {
            words.push_back(translate(text));
        }
    };
    add_if_yes("locked", N_("locked"));
    add_if_yes("final_try", N_("one try left"));
    add_if_yes("count_low", N_("wrong PINs entered"));
    add_if_yes("to_be_changed", N_("must be changed"));
    return words.empty() ? _("nothing known") : join_nonempty(words, ", ");
}

std::string detail_line(const std::string& name, const std::string& value, std::size_t indent) {
    if (value.empty()) {
        return {};
    }
    return fmt::format("{}{}{}\n", std::string(indent, ' '), padded(name, detail_name_columns), value);
}

std::string render_key(const boost::json::object& key, const Style& style) {
    std::string lines = fmt::format("{}  {}\n", render_verdict(key, style),
                                    style.paint(Paint::strong, organisation_line(key)));
    const boost::json::object& organisation = object_of(key, "organisation");
    lines += detail_line(_("U-Key"), text_of(key, "key"));
    lines += detail_line(_("Affiliation"), organisation.empty() ? "" : organisation_path(organisation));
    lines += detail_line(_("Code"), text_of(organisation, "code"));
    lines += detail_line(_("Token"), token_line(key));
    lines += detail_line(_("Where"), place_line(key));
    lines += detail_line(_("Certificate"), certificate_line(object_of(key, "certificate")));
    lines += detail_line(_("PIN"), pin_words(key));
    lines += detail_line(_("Logins open"), open_sessions_line(key));
    return lines + render_findings(list_of(key, "findings"), style, 2);
}

std::string render_certificate(const boost::json::object& certificate, const Style& style) {
    if (certificate.empty()) {
        return {};
    }
    std::string lines = style.paint(Paint::strong, _("Certificate")) + "\n";
    lines += detail_line(_("Subject"), text_of(certificate, "subject"));
    lines += detail_line(_("Issuer"), text_of(certificate, "issuer"));
    lines += detail_line(_("Number"), text_of(certificate, "serial"));
    lines += detail_line(_("Names"), text_of(certificate, "organisation_name"));
    lines += detail_line(_("Code in it"), text_of(certificate, "organisation_code"));
    lines += detail_line(_("Valid from"), china_time(text_of(certificate, "not_before")));
    lines += detail_line(_("Valid to"), china_time(text_of(certificate, "not_after")));
    lines += detail_line(_("Algorithm"), text_of(certificate, "algorithm"));
    lines += detail_line(_("Key usage"), joined_texts(certificate, "key_usage", ", "));
    const std::string reason = text_of(certificate, "trust_reason");
    lines +=
        detail_line(_("Trust"), word(text_of(certificate, "trust")) + (reason.empty() ? "" : ": " + reason));
    lines += detail_line(_("SHA-256"), text_of(certificate, "fingerprint_sha256"));
    return lines;
}

std::string render_key_table(const boost::json::array& keys, const Style& style) {
    if (keys.empty()) {
        return _("No U-Key is plugged in.") + "\n";
    }
    Table table({"", _("State"), _("U-Key"), _("Serial number"), _("Organisation"), _("Certificate until"),
                 _("Where")});
    for (const boost::json::value& value : keys) {
        const boost::json::object& key = as_object(value);
        const std::string verdict = text_of(object_of(key, "admission"), "verdict");
        const bool present = flag_of(key, "present").value_or(true);
        const std::string port = text_of(key, "usb_port");
        table.add({mark(verdict),
                   {word(verdict)},
                   {text_of(key, "key")},
                   {text_of(key, "serial")},
                   {organisation_line(key)},
                   {china_date(text_of(object_of(key, "certificate"), "not_after"))},
                   {!present       ? _("not plugged in")
                    : port.empty() ? text_of(key, "slot_description")
                                   : port}});
    }
    return table.text(style);
}

} // namespace ukey::ctl
