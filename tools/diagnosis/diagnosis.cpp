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

namespace ukey::ctl {
namespace {

/// /etc/machine-id must not leave the computer; what is derived from it with this may (machine-id(5)).
constexpr sd_id128_t purpose = SD_ID128_MAKE(6b, 1d, 5e, 0a, 93, f2, 4c, 77, a8, 40, 2e, 9b, c1, d6, 38, 54);

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
                      .serial = raw_text(target.key, "serial"),
                      .time = diagnosis.time,
                      .faults = find_faults(target, diagnosis.layers),
                      .service_away = !view.status,
                      .complete = is_complete(diagnosis.layers),
                      .virtual_machine = view.virtual_machine};
    if (has_twin(target, view)) {
        evidence.port.clear(); // which of them it is is not known
    } else if (target.local) {
        const UsbDevice& device = target.local->device;
        evidence.usb_id = fmt::format("{:04x}:{:04x}", device.vendor_id, device.product_id);
        evidence.usb_serial = device.serial;
    }
    return evidence;
}

} // namespace

bool Diagnosis::was_tested() const {
    return std::ranges::any_of(layers, [](const Check& check) {
        return check.name == "self_test" && check.state == CheckState::ok;
    });
}

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

} // namespace ukey::ctl
