// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/diagnosis/gather.hpp"
#include "tools/diagnosis/self_test.hpp"
#include "tools/diagnosis/slip.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/pin_input.hpp"
#include "tools/program_files.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

/// pcscd looks for a card in some readers only now and then, and a card is read once it is there.
constexpr std::chrono::milliseconds settling_time{2000};
constexpr std::chrono::milliseconds look_interval{200};

struct Arguments {
    std::string wanted;
    std::vector<std::string> previous;
    std::string output;
    std::string slip;
    bool self_test = false;
    unsigned times = 1;
    int pin_descriptor = -1;
};

Outcome<std::vector<Evidence>> read_previous(const std::vector<std::string>& files) {
    std::vector<Evidence> all;
    for (const std::string& file : files) {
        const auto read = read_diagnoses(file);
        if (!read) {
            return tl::unexpected(read.error());
        }
        all.insert(all.end(), read->begin(), read->end());
    }
    return all;
}

/// The administrator's name is for operators; without the right to it, the lines stay blank.
boost::json::object organisation_of(const Context& context, const Diagnosis& diagnosis) {
    const std::string code = raw_text(object_of(diagnosis.target.key, "organisation"), "code");
    const auto answer = code.empty() ? Outcome<boost::json::object>(boost::json::object())
                                     : context.ask("org.show", {{"organisation", code}});
    return answer ? object_of(*answer, "organisation") : boost::json::object();
}

Outcome<void> write_papers(const Context& context, const Arguments& arguments, const ComputerView& view,
                           std::span<const Evidence> previous, const std::vector<Diagnosis>& diagnoses) {
    if (!arguments.output.empty()) {
        if (auto written = write_diagnoses(arguments.output, diagnoses); !written) {
            return written;
        }
    }
    if (arguments.slip.empty()) {
        return {};
    }
    const ReturnAddress address = view.configuration ? view.configuration->return_address : ReturnAddress();
    const Diagnosis& diagnosis = diagnoses.front();
    return write_slip(arguments.slip,
                      make_slip(diagnosis, previous, address, organisation_of(context, diagnosis)),
                      diagnosis);
}

void show(const Context& context, const std::vector<Diagnosis>& diagnoses, std::span<const Evidence> previous,
          const ComputerView& view) {
    if (context.json()) {
        context.print_json(to_json(diagnoses));
        return;
    }
    for (const Diagnosis& diagnosis : diagnoses) {
        context.print(render(diagnosis, previous, context.style()) + "\n");
    }
    if (!view.status) {
        context.print(render_findings(
            {finding_json({view.status.error().code, "", view.status.error().places})}, context.style()));
    }
}

Outcome<std::vector<Diagnosis>> diagnose_all(const ComputerView& view, const std::string& wanted,
                                             std::span<const Evidence> previous) {
    auto targets = find_targets(view.status, view.devices, wanted);
    if (targets.empty() && !wanted.empty()) {
        return fail_with("key.not_found", {{"object", wanted}});
    }
    if (targets.empty()) {
        targets.emplace_back(); // a key that nothing sees
    }
    const ComputerIdentity computer = this_computer();
    std::vector<Diagnosis> diagnoses;
    for (Target& target : targets) {
        diagnoses.push_back(diagnose(std::move(target), view, computer, previous));
    }
    return diagnoses;
}

/// What was just plugged in, or just let go, is there a moment later.
bool may_settle(const Diagnosis& diagnosis) {
    constexpr std::array passing{"key.unreadable", "reader.empty", "reader.mute", "usb.no_reader",
                                 "usb.no_token"};
    return !diagnosis.evidence.complete ||
           std::ranges::any_of(diagnosis.evidence.faults, [&](const std::string& code) {
               return std::ranges::find(passing, code) != passing.end();
           });
}

/// Looks until nothing can be expected to change by itself; the last look counts.
Outcome<std::vector<Diagnosis>> settle(const Context& context, const Arguments& arguments,
                                       std::span<const Evidence> previous, ComputerView& view) {
    const auto end = std::chrono::steady_clock::now() + settling_time;
    for (;;) {
        auto diagnoses = diagnose_all(view, arguments.wanted, previous);
        const bool unsettled = view.status && (!diagnoses || std::ranges::any_of(*diagnoses, may_settle));
        if (!unsettled || std::chrono::steady_clock::now() >= end) {
            return diagnoses;
        }
        std::this_thread::sleep_for(look_interval);
        view = look_at_computer(context);
    }
}

PersonProbe probe_for(const Context& context, const boost::json::object& status,
                      const boost::json::object& key) {
    PersonProbe probe{.probe = find_probe(),
                      .module = {},
                      .backend = {},
                      .login_socket = context.options().login_socket(),
                      .serial = raw_text(key, "serial")};
    for (const boost::json::value& module : list_of(status, "modules")) {
        if (raw_text(as_object(module), "name") == raw_text(key, "module")) {
            probe.module =
                raw_text(as_object(module), "path"); // no login to the platform: without the filter
            probe.backend = probe.module;
        }
    }
    return probe;
}

/// With the PIN, which is asked for only when the key may be tested.
Outcome<void> test_key(const Context& context, const Arguments& arguments, const ComputerView& view,
                       std::span<const Evidence> previous, std::vector<Diagnosis>& diagnoses) {
    if (diagnoses.size() != 1) {
        return fail_with("usage.arguments", {{"reason", _("several keys are in: name the one to be tested")},
                                             {"program", "ukeyctl diagnose"}});
    }
    Diagnosis& diagnosis = diagnoses.front();
    const boost::json::object& key = diagnosis.target.key;
    if (!diagnosis.target.has_token()) {
        return {}; // there is nothing to be tested, which the layers say
    }
    if (auto refusal = self_test_refusal(key)) {
        add_self_test(diagnosis, std::move(*refusal), previous);
        return {};
    }
    const auto pin = arguments.pin_descriptor >= 0 ? read_pin(arguments.pin_descriptor) : ask_for_pin();
    if (!pin) {
        return tl::unexpected(pin.error());
    }
    // While it was typed somebody may have logged in.
    const auto now = context.ask("key.show", {{"key", raw_text(key, "key")}});
    if (!now) {
        return tl::unexpected(now.error());
    }
    if (auto refusal = self_test_refusal(object_of(*now, "key"))) {
        add_self_test(diagnosis, std::move(*refusal), previous);
        return {};
    }
    add_self_test(diagnosis, self_test(probe_for(context, *view.status, key), *pin, arguments.times),
                  previous);
    return {};
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto previous = read_previous(arguments.previous);
    if (!previous) {
        return tl::unexpected(previous.error());
    }
    ComputerView view = look_at_computer(context);
    auto diagnoses = settle(context, arguments, *previous, view);
    if (!diagnoses) {
        return tl::unexpected(diagnoses.error());
    }
    // Before anybody types a PIN for nothing.
    if (const auto usable = check_slip(arguments.slip, diagnoses->size()); !usable) {
        return tl::unexpected(usable.error());
    }
    if (arguments.self_test) {
        if (const auto tested = test_key(context, arguments, view, *previous, *diagnoses); !tested) {
            return tl::unexpected(tested.error());
        }
    }
    show(context, *diagnoses, *previous, view); // whatever becomes of the files
    if (const auto written = write_papers(context, arguments, view, *previous, *diagnoses); !written) {
        return tl::unexpected(written.error());
    }
    const bool good = std::ranges::all_of(*diagnoses, [](const Diagnosis& diagnosis) {
        return diagnosis.judgement.verdict == Verdict::key_in_order;
    });
    return good ? ExitCode::done : ExitCode::answered_no;
}

} // namespace

Run define_diagnose(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("KEY", arguments->wanted,
                       _("a key's id or serial number, or a USB port such as 1-2; without it, all"));
    command.add_option("--previous", arguments->previous,
                       _("a diagnosis of this key on another computer, or of another key on this one; may be "
                         "given several times"));
    command.add_option("--output", arguments->output,
                       _("also write the diagnosis into this file, for --previous on another computer"));
    command.add_option("--slip", arguments->slip,
                       _("also write the return slip, or for a key that stays the report, into this file: "
                         ".html, .xlsx or .json"));
    auto* self_test = command.add_flag(
        "--self-test", arguments->self_test,
        _("also let the key sign, and compare that with its certificate: this asks for the PIN"));
    command
        .add_option("--times", arguments->times,
                    _("let it sign so often, to find a key that fails now and then"))
        ->needs(self_test)
        ->check(CLI::Range(1, 1000));
    command
        .add_option("--pin-fd", arguments->pin_descriptor,
                    _("read the PIN as a line from this file descriptor"))
        ->needs(self_test)
        ->check(CLI::NonNegativeNumber);
    command.footer(_("Without --self-test no PIN is used, and the key is not touched."));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
