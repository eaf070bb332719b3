// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/gather.hpp"
#include "tools/diagnosis/layers.hpp"
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Diagnosis {
    Target target;
    std::vector<Check> layers;
};

boost::json::object to_json(const Diagnosis& diagnosis) {
    boost::json::array layers;
    for (const Check& check : diagnosis.layers) {
        layers.emplace_back(ctl::to_json(check));
    }
    boost::json::object json{{"target", diagnosis.target.name}, {"layers", std::move(layers)}};
    const Check* failed = first_failed(diagnosis.layers);
    json["first_failed"] = failed != nullptr ? boost::json::value(failed->name) : boost::json::value();
    return json;
}

std::string title(const Target& target) {
    if (!target.key.empty()) {
        return say(N_("U-Key {key}: {organisation}"),
                   {{"key", target.name}, {"organisation", organisation_line(target.key)}});
    }
    return target.name.empty() ? _("No U-Key is seen")
                               : say(N_("Device at USB port {port}"), {{"port", target.name}});
}

std::string render(const Diagnosis& diagnosis, const Style& style) {
    std::string lines =
        style.paint(Paint::strong, title(diagnosis.target)) + "\n" + render_checks(diagnosis.layers, style);
    const Check* failed = first_failed(diagnosis.layers);
    if (failed == nullptr) {
        return lines + style.paint(Paint::good, _("No layer fails.")) + "\n";
    }
    lines += style.paint(Paint::bad, say(N_("The first layer that fails: {layer}"),
                                         {{"layer", translate(failed->title)}})) +
             "\n";
    const std::string remedy = failed->finding.empty() ? "" : explain(failed->finding).remedy;
    return remedy.empty() ? lines : lines + "  → " + remedy + "\n";
}

Outcome<ExitCode> run(const Context& context, const std::string& wanted) {
    const ComputerView view = look_at_computer(context);
    auto targets = find_targets(view.status, list_usb_devices(), wanted);
    if (targets.empty() && !wanted.empty()) {
        return fail_with("key.not_found", {{"object", wanted}});
    }
    if (targets.empty()) {
        targets.emplace_back(); // a key that nothing sees
    }
    bool any_failed = false;
    boost::json::array all;
    for (Target& target : targets) {
        std::vector<Check> layers = diagnose_target(target, view);
        const Diagnosis diagnosis{std::move(target), std::move(layers)};
        any_failed = any_failed || first_failed(diagnosis.layers) != nullptr;
        if (context.json()) {
            all.emplace_back(to_json(diagnosis));
        } else {
            context.print(render(diagnosis, context.style()) + "\n");
        }
    }
    if (context.json()) {
        context.print_json({{"diagnoses", std::move(all)}});
    } else if (!view.status) {
        context.print(render_findings(
            {finding_json({view.status.error().code, "", view.status.error().places})}, context.style()));
    }
    return any_failed ? ExitCode::answered_no : ExitCode::done;
}

} // namespace

Run define_diagnose(CLI::App& command) {
    auto wanted = std::make_shared<std::string>();
    command.add_option("KEY", *wanted,
                       _("a key's id or serial number, or a USB port such as 1-2; without it, all"));
    return [wanted](const Context& context) { return run(context, *wanted); };
}

} // namespace ukey::ctl
