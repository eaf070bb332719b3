// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/inventory.hpp"

#include <algorithm>

#include "daemon/core/reader_name.hpp"
#include "daemon/core/text.hpp"

namespace ukey {
namespace {

std::string join(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) {
        text += text.empty() ? part : ", " + part;
    }
    return text;
}

void append(std::vector<Finding>& findings, std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
}

std::vector<Finding> pin_findings(const PresentKey& key) {
    std::vector<Finding> findings;
    if (key.pin_default.value_or(false)) {
        findings.push_back({"pin.default", key.key_id, {}});
    }
    const std::pair<Tristate, const char*> hints[] = {{key.token.pin_locked(), "pin.locked"},
                                                      {key.token.pin_final_try(), "pin.final_try"},
                                                      {key.token.pin_count_low(), "pin.count_low"},
                                                      {key.token.pin_to_be_changed(), "pin.to_be_changed"}};
    for (const auto& [hint, code] : hints) {
        if (hint == Tristate::yes) {
            findings.push_back({code, key.key_id, {}});
        }
    }
    return findings;
}

bool names_match(const BusEntry& entry, const std::string& slot_description) {
    return is_reader_of(entry.device, entry.known, slot_description);
}

bool is_virtual_reader(const std::string& slot_description) {
    return slot_description.starts_with("Virtual PCD");
}

bool expects_token(const BusEntry& entry) {
    return entry.known != nullptr && entry.known->role == "ukey";
}

bool has_smart_card_interface(const UsbDevice& device) {
    return std::ranges::find(device.interface_classes, usb_class_smart_card) !=
           device.interface_classes.end();
}

std::string device_name(const BusEntry& entry) {
    return entry.known->vendor + " " + entry.known->product + " (" + entry.device.port + ")";
}

void join_pair(BusEntry& entry, PresentKey& key) {
    entry.key_id = key.key_id;
    key.usb_port = entry.device.port;
}

void match_by_name(std::vector<BusEntry>& devices, std::vector<PresentKey*>& keys) {
    for (PresentKey* key : keys) {
        for (BusEntry& entry : devices) {
            if (entry.key_id.empty() && names_match(entry, key->slot_description)) {
                join_pair(entry, *key);
                break;
            }
        }
    }
}

void match_leftovers(std::vector<BusEntry>& devices, std::vector<PresentKey*>& keys) {
    std::vector<BusEntry*> open_devices;
    for (BusEntry& entry : devices) {
        if (entry.key_id.empty() && expects_token(entry)) {
            open_devices.push_back(&entry);
        }
    }
    std::vector<PresentKey*> open_keys;
    std::ranges::copy_if(keys, std::back_inserter(open_keys), [](const PresentKey* key) {
        return key->usb_port.empty() && !is_virtual_reader(key->slot_description);
    });
    if (open_devices.size() == 1 && open_keys.size() == 1) {
        join_pair(*open_devices.front(), *open_keys.front());
    }
}

std::vector<Finding> missing_layer(const BusEntry& entry, const std::vector<SlotView>& slots) {
    if (!entry.token_overdue || !entry.key_id.empty() || !expects_token(entry)) {
        return {};
    }
    const std::map<std::string, std::string> arguments{{"device", device_name(entry)},
                                                       {"middleware", entry.known->middleware}};
    const bool has_reader = std::ranges::any_of(
        slots, [&](const SlotView& slot) { return names_match(entry, slot.description); });
    if (has_reader) {
        return {{"usb.no_token", entry.device.port, arguments}};
    }
    if (has_smart_card_interface(entry.device)) {
        return {{"usb.no_reader", entry.device.port, arguments}};
    }
    return {{"usb.no_middleware", entry.device.port, arguments}};
}

} // namespace

TokenCertificates read_certificates(const TokenReport& token,
                                    const std::vector<CertificateProfile>& profiles) {
    TokenCertificates certificates;
    std::string garbage_reason;
    std::string unfit_usage;
    for (const CertificateReport& report : token.certificates) {
        auto facts = parse_certificate(report.der, profiles);
        if (!facts) {
            garbage_reason = facts.error().reason;
        } else if (facts->is_ca) {
            certificates.ca_der.push_back(report.der);
        } else if (!facts->can_sign()) {
            unfit_usage = join(facts->key_usage);
        } else if (!certificates.signing) {
            certificates.signing = std::move(*facts);
            certificates.signing_id = report.id;
        }
    }
    if (certificates.signing) {
        return certificates;
    }
    if (!garbage_reason.empty()) {
        certificates.problems.push_back({"certificate.garbage", "", {{"reason", garbage_reason}}});
    } else if (!unfit_usage.empty()) {
        certificates.problems.push_back({"certificate.key_usage", "", {{"key_usage", unfit_usage}}});
    } else {
        certificates.problems.push_back({"certificate.missing", "", {}});
    }
    return certificates;
}

void judge_key(PresentKey& key, const Policy& policy, Mode mode, Timestamp now,
               std::chrono::days expires_soon) {
    key.findings.clear();
    if (key.returned) {
        key.findings.push_back({"key.returned", key.key_id, {}});
    }
    if (const auto& error = key.token.read_error) {
        key.findings.push_back(
            {"key.unreadable", key.key_id, {{"function", error->function}, {"rv", error->rv}}});
    }
    for (Finding problem : key.certificates.problems) {
        problem.subject = key.key_id;
        key.findings.push_back(std::move(problem));
    }
    const CertificateFacts* certificate = key.certificates.signing ? &*key.certificates.signing : nullptr;
    if (certificate != nullptr) {
        append(key.findings,
               certificate_findings(key.key_id, *certificate, key.verification, now, expires_soon));
    }
    append(key.findings, binding_findings(key.key_id, certificate, key.binding));
    append(key.findings, pin_findings(key));
    key.admission = decide_admission(key.findings, policy, mode);
}

bool is_of_interest(const UsbDevice& device, const KnownDevice* known) {
    return known != nullptr || has_smart_card_interface(device);
}

void match_bus(std::vector<BusEntry>& devices, std::vector<PresentKey*>& keys,
               const std::vector<SlotView>& slots) {
    for (PresentKey* key : keys) {
        key->usb_port.clear();
    }
    for (BusEntry& entry : devices) {
        entry.key_id.clear();
    }
    match_by_name(devices, keys);
    match_leftovers(devices, keys);
    for (BusEntry& entry : devices) {
        entry.findings = missing_layer(entry, slots);
    }
}

} // namespace ukey
