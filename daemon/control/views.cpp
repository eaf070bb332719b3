// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/views.hpp"

#include <map>

#include <fmt/format.h>

namespace ukey {
namespace {

/// Names that are remembered: asking for one may take a server's answer, and a list has the same few again
/// and again.
constexpr std::size_t user_names_max = 1024;

std::map<std::uint32_t, std::string>& known_user_names() {
    static std::map<std::uint32_t, std::string> names; // I/O thread only, as all views
    return names;
}

const std::string& remembered_user_name(std::uint32_t uid) {
    auto& names = known_user_names();
    const auto known = names.find(uid);
    if (known != names.end()) {
        return known->second;
    }
    if (names.size() >= user_names_max) {
        names.clear();
    }
    return names.emplace(uid, user_name(uid)).first->second;
}

boost::json::value or_null(const std::string& text) {
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

boost::json::value date_or_null(const std::optional<ChinaDate>& date) {
    return date ? boost::json::value(date->text()) : boost::json::value(nullptr);
}

boost::json::value flag_or_null(const std::optional<bool>& flag) {
    return flag ? boost::json::value(*flag) : boost::json::value(nullptr);
}

boost::json::value view_bound_organisation(const BindingState& binding) {
    if (binding.organisation_code.empty()) {
        return nullptr;
    }
    return {{"code", binding.organisation_code},
            {"path", boost::json::array(binding.organisation_path.begin(), binding.organisation_path.end())},
            {"name", binding.organisation_name}};
}

bool may_see_pin(const std::string& key_id, const ControlContext& context, const Viewer& viewer) {
    return viewer.operates || context.logins.has_used(viewer.uid, key_id);
}

boost::json::object view_identity(const std::string& key_id, const KeyIdentity& identity,
                                  const std::string& label) {
    return {{"key", key_id},
            {"manufacturer", identity.manufacturer},
            {"model", identity.model},
            {"serial", identity.serial},
            {"label", label}};
}

} // namespace

void forget_user_names() {
    known_user_names().clear();
}

boost::json::array view_findings(const std::vector<Finding>& findings) {
    boost::json::array array;
    for (const Finding& finding : findings) {
        array.push_back(to_json(finding));
    }
    return array;
}

boost::json::object view_key(const PresentKey& key, const ControlContext& context, const Viewer& viewer) {
    const bool sees_pin = may_see_pin(key.key_id, context, viewer);
    std::vector<Finding> findings = key.findings;
    Admission admission = key.admission;
    if (!sees_pin) {
        std::erase_if(findings, [](const Finding& finding) { return finding.code == "pin.default"; });
        admission = decide_admission(findings, context.configuration.policy, context.configuration.mode);
    }
    boost::json::object view = view_identity(key.key_id, key.identity, key.token.label);
    view["present"] = true;
    view["module"] = key.module;
    view["slot"] = key.slot;
    view["slot_description"] = key.slot_description;
    view["usb_port"] = or_null(key.usb_port);
    view["inserted_at"] = format_timestamp(key.inserted);
    view["organisation"] = view_bound_organisation(key.binding);
    view["certificate"] = key.certificates.signing
                              ? boost::json::value(to_json(*key.certificates.signing, key.verification))
                              : boost::json::value(nullptr);
    view["pin"] = {{"default", sees_pin ? flag_or_null(key.pin_default) : boost::json::value(nullptr)},
                   {"locked", to_string(key.token.pin_locked())},
                   {"final_try", to_string(key.token.pin_final_try())},
                   {"count_low", to_string(key.token.pin_count_low())},
                   {"to_be_changed", to_string(key.token.pin_to_be_changed())}};
    view["admission"] = to_json(admission);
    view["open_sessions"] = context.logins.open_sessions_of(key.key_id);
    view["findings"] = view_findings(findings);
    return view;
}

boost::json::object view_absent_key(const KeyRecord& key, const ControlContext& context,
                                    const Viewer& viewer) {
    boost::json::object view = view_identity(key.key_id, key.identity, key.label);
    view["present"] = false;
    view["module"] = nullptr;
    view["slot"] = nullptr;
    view["slot_description"] = nullptr;
    view["usb_port"] = nullptr;
    view["inserted_at"] = nullptr;
    view["last_seen"] = format_timestamp(key.last_seen);
    view["organisation"] = view_bound_organisation(key.binding);
    view["certificate"] = nullptr;
    if (const auto facts =
            parse_certificate(key.certificate_der, context.configuration.certificate_profiles)) {
        view["certificate"] = to_json(*facts, Verification{});
    }
    const bool sees_pin = may_see_pin(key.key_id, context, viewer);
    view["pin"] = {{"default", sees_pin ? flag_or_null(key.pin_default) : boost::json::value(nullptr)},
                   {"locked", "unknown"},
                   {"final_try", "unknown"},
                   {"count_low", "unknown"},
                   {"to_be_changed", "unknown"}};
    view["admission"] = nullptr;
    view["open_sessions"] = 0;
    view["findings"] = boost::json::array();
    return view;
}

boost::json::object view_device(const BusEntry& entry) {
    boost::json::array classes;
    for (const std::uint8_t interface_class : entry.device.interface_classes) {
        classes.push_back(boost::json::value(fmt::format("{:02x}", interface_class)));
    }
    const KnownDevice unknown{};
    const KnownDevice& known = entry.known != nullptr ? *entry.known : unknown;
    return {{"bus", entry.device.bus},
            {"address", entry.device.address},
            {"port", entry.device.port},
            {"vendor_id", fmt::format("{:04x}", entry.device.vendor_id)},
            {"product_id", fmt::format("{:04x}", entry.device.product_id)},
            {"vendor", or_null(known.vendor)},
            {"product", or_null(known.product)},
            {"transport", or_null(known.transport)},
            {"role", or_null(known.role)},
            {"middleware", or_null(known.middleware)},
            {"known", entry.known != nullptr},
            {"manufacturer_string", or_null(entry.device.manufacturer)},
            {"product_string", or_null(entry.device.product)},
            {"serial_string", or_null(entry.device.serial)},
            {"interface_classes", std::move(classes)},
            {"key", or_null(entry.key_id)},
            {"findings", view_findings(entry.findings)}};
}

boost::json::object view_module(const Worker& worker) {
    boost::json::array slots;
    for (const SlotReport& slot : worker.slots()) {
        boost::json::object view{{"slot", slot.slot},
                                 {"description", slot.description},
                                 {"present", slot.present},
                                 {"error", nullptr}};
        if (slot.error) {
            view["error"] = boost::json::object{{"function", slot.error->function}, {"rv", slot.error->rv}};
        }
        slots.push_back(std::move(view));
    }
    boost::json::object view{{"name", worker.options().name},
                             {"path", worker.options().module_path},
                             {"state", to_string(worker.state())},
                             {"description", worker.module() ? worker.module()->description : std::string()},
                             {"restarts", worker.restarts()},
                             {"next_try_in_ms", nullptr},
                             {"pid", nullptr},
                             {"slots", std::move(slots)},
                             {"findings", view_findings(worker.findings())}};
    if (const auto delay = worker.next_try_in()) {
        view["next_try_in_ms"] = delay->count();
    }
    if (const auto pid = worker.pid()) {
        view["pid"] = *pid;
    }
    return view;
}

boost::json::object view_session(const LoginSession& session, const CriterionRule& rule,
                                 const Viewer& viewer) {
    boost::json::array codes;
    for (const std::string& code : session.codes) {
        if (code != "pin.default" || viewer.operates || viewer.uid == session.uid) {
            codes.push_back(boost::json::value(code));
        }
    }
    const bool removed = session.uid == removed_uid;
    return {{"login", session.login},
            {"key", or_null(session.key_id)},
            {"organisation", or_null(session.organisation)},
            {"uid", removed ? boost::json::value(nullptr) : boost::json::value(session.uid)},
            {"user",
             removed ? boost::json::value(nullptr) : boost::json::value(remembered_user_name(session.uid))},
            {"pid", session.pid},
            {"executable", session.executable},
            {"grade", to_string(session.grade)},
            {"started_at", format_timestamp(session.started)},
            {"ended_at", session.ended ? boost::json::value(format_timestamp(*session.ended))
                                       : boost::json::value(nullptr)},
            {"end_reason", session.end_reason ? boost::json::value(to_string(*session.end_reason))
                                              : boost::json::value(nullptr)},
            {"uses", session.uses},
            {"counted", !session.organisation.empty() && counts(session, rule)},
            {"verdict", session.verdict},
            {"codes", std::move(codes)}};
}

boost::json::object view_organisation(const OrganisationEntry& entry, const Viewer& viewer) {
    const Organisation& organisation = entry.organisation;
    boost::json::object view{{"code", organisation.code},
                             {"path", boost::json::array(organisation.path.begin(), organisation.path.end())},
                             {"name", organisation.name()},
                             {"kind", to_string(organisation.kind)},
                             {"assessed_unit", organisation.assessed_unit},
                             {"key_required", organisation.key_required},
                             {"mobile_terminal", organisation.mobile_terminal},
                             {"answered_for_by", or_null(organisation.answered_for_by)},
                             {"founded", date_or_null(organisation.founded)},
                             {"dissolved", date_or_null(organisation.dissolved)},
                             {"administrator", nullptr},
                             {"keys", boost::json::array(entry.key_ids.begin(), entry.key_ids.end())}};
    if (organisation.administrator && viewer.operates) {
        view["administrator"] = boost::json::object{{"name", organisation.administrator->name},
                                                    {"mobile", organisation.administrator->mobile}};
    }
    return view;
}

} // namespace ukey
