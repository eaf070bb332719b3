// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unistd.h>

#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/diagnosis/fix.hpp"
#include "tools/diagnosis/guide.hpp"
#include "tools/diagnosis/guided.hpp"
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

struct Arguments {
    std::string wanted;
    std::vector<std::string> previous;
    std::string output;
    std::string slip;
    bool self_test = false;
    unsigned times = 1;
    int pin_descriptor = -1;
    bool guide = false;
    bool fix = false;
    bool confirmed = false;
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

Outcome<void> write_papers(const Context& context, const Arguments& arguments, const Guided& found) {
    const std::vector<Diagnosis>& diagnoses = found.look.diagnoses;
    if (!arguments.output.empty()) {
        if (auto written = write_diagnoses(arguments.output, diagnoses); !written) {
            return written;
        }
    }
    if (arguments.slip.empty()) {
        return {};
    }
    const auto& configuration = found.look.view.configuration;
    const ReturnAddress address = configuration ? configuration->return_address : ReturnAddress();
    const Diagnosis& diagnosis = diagnoses.front();
    return write_slip(arguments.slip,
                      make_slip(diagnosis, found.previous, address, organisation_of(context, diagnosis)),
                      diagnosis);
}

/// For a person at a terminal who has not been guided.
bool may_be_guided(const Arguments& arguments, const std::vector<Diagnosis>& diagnoses) {
    const bool undecided = std::ranges::any_of(diagnoses, [](const Diagnosis& diagnosis) {
        const Verdict verdict = diagnosis.judgement.verdict;
        return verdict != Verdict::key_in_order && verdict != Verdict::return_key;
    });
    return undecided && !arguments.guide && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

void show(const Context& context, const Arguments& arguments, const Guided& found) {
    if (context.json()) {
        context.print_json(to_json(found.look.diagnoses));
        return;
    }
    for (const Diagnosis& diagnosis : found.look.diagnoses) {
        context.print(render(diagnosis, found.previous, context.style()) + "\n");
    }
    if (!found.other_port.empty()) {
        context.print(say(N_("It works at this port, and did not at port {port}: if that stays so, that port "
                             "is at fault."),
                          {{"port", found.other_port}}) +
                      "\n");
    }
    if (may_be_guided(arguments, found.look.diagnoses)) {
        context.print(std::string(_("One step at a time, together: ukeyctl diagnose --guide")) + "\n");
    }
    if (const auto& status = found.look.view.status; !status) {
        context.print(render_findings({finding_json({status.error().code, "", status.error().places})},
                                      context.style()));
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

/// What is to be mended on this computer, then another look.
Outcome<Look> look_and_fix(const Context& context, const Arguments& arguments,
                           std::span<const Evidence> previous) {
    auto found = look(context, arguments.wanted, previous);
    if (!found || !arguments.fix) {
        return found;
    }
    std::vector<std::string> codes;
    for (const Diagnosis& diagnosis : found->diagnoses) {
        std::ranges::copy(codes_to_mend(diagnosis), std::back_inserter(codes));
    }
    return offer_fixes(codes, arguments.confirmed) ? look(context, arguments.wanted, previous)
                                                   : std::move(found);
}

Outcome<Guided> find_out(const Context& context, const Arguments& arguments) {
    auto previous = read_previous(arguments.previous);
    if (!previous) {
        return tl::unexpected(previous.error());
    }
    if (!arguments.guide) {
        return look_and_fix(context, arguments, *previous).map([&](Look found) {
            return Guided{.look = std::move(found), .previous = std::move(*previous), .other_port = {}};
        });
    }
    if (context.json() || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
        return fail_with("usage.arguments", {{"reason", _("the guide needs a person at a terminal")},
                                             {"program", "ukeyctl diagnose"}});
    }
    auto guided = diagnose_guided(context, arguments.wanted, std::move(*previous));
    context.print("\n");
    return guided;
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    auto found = find_out(context, arguments);
    if (!found) {
        return tl::unexpected(found.error());
    }
    std::vector<Diagnosis>& diagnoses = found->look.diagnoses;
    // Before anybody types a PIN for nothing.
    if (const auto usable = check_slip(arguments.slip, diagnoses.size()); !usable) {
        return tl::unexpected(usable.error());
    }
    if (arguments.self_test) {
        if (const auto tested = test_key(context, arguments, found->look.view, found->previous, diagnoses);
            !tested) {
            return tl::unexpected(tested.error());
        }
    }
    show(context, arguments, *found); // whatever becomes of the files
    if (const auto written = write_papers(context, arguments, *found); !written) {
        return tl::unexpected(written.error());
    }
    const bool good = std::ranges::all_of(diagnoses, [](const Diagnosis& diagnosis) {
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
    auto* guide = command.add_flag(
        "--guide", arguments->guide,
        _("find out together with the person at the terminal: one step at a time, the bus is watched"));
    auto* fix =
        command
            .add_flag("--fix", arguments->fix,
                      _("mend what can be mended from here, such as a service that does not run; asks "
                        "before each step"))
            ->excludes(guide);
    command.add_flag("--yes", arguments->confirmed, _("do not ask first"))->needs(fix);
    command.footer(_("Without --self-test no PIN is used, and the key is not touched."));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
