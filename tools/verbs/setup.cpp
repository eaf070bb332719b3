// SPDX-License-Identifier: Apache-2.0
// setup p11-kit, nss, openssl, ssh: shows what is to change, changes it, undoes it.
#include "tools/setup/setup.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

#include "daemon/core/text.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/setup/text_difference.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Asked {
    bool apply = false;
    bool revert = false;
};

boost::json::array as_json(const std::vector<Finding>& notes) {
    boost::json::array json;
    std::ranges::for_each(notes, [&](const Finding& note) { json.emplace_back(finding_json(note)); });
    return json;
}

boost::json::object as_json(const FileEdit& edit) {
    boost::json::array removed;
    boost::json::array added;
    for (const LineChange& change : text_difference(edit.before.value_or(""), edit.after.value_or(""))) {
        (change.sign == '-' ? removed : added).emplace_back(change.line);
    }
    return {{"path", edit.path},
            {"exists", edit.before.has_value()},
            {"applied", edit.applied()},
            {"removed", std::move(removed)},
            {"added", std::move(added)}};
}

bool all_applied(const SetupPlan& plan) {
    return std::ranges::all_of(plan.edits, &FileEdit::applied);
}

std::string state_of(const FileEdit& edit) {
    if (edit.applied()) {
        return _("set up");
    }
    return edit.before ? _("to be changed") : _("to be made");
}

std::string render(const FileEdit& edit, const Style& style) {
    std::string lines =
        style.paint(Paint::strong, to_printable_utf8(edit.path)) + ": " + state_of(edit) + "\n";
    for (const LineChange& change : text_difference(edit.before.value_or(""), edit.after.value_or(""))) {
        lines += "  " +
                 style.paint(change.sign == '-' ? Paint::bad : Paint::good,
                             std::string(1, change.sign) + " " + to_printable_utf8(change.line)) +
                 "\n";
    }
    return lines;
}

void show(const Context& context, const SetupTarget& target, const SetupPlan& plan, bool changed) {
    if (context.json()) {
        boost::json::array files;
        std::ranges::for_each(plan.edits, [&](const FileEdit& edit) { files.emplace_back(as_json(edit)); });
        context.print_json({{"target", target.name},
                            {"applied", changed || all_applied(plan)},
                            {"changed", changed},
                            {"files", std::move(files)},
                            {"notes", as_json(plan.notes)}});
        return;
    }
    for (const FileEdit& edit : plan.edits) {
        context.print(render(edit, context.style()));
    }
    context.print(render_findings(as_json(plan.notes), context.style()));
    if (!changed && !all_applied(plan)) {
        context.print(say(N_("Nothing was changed. To do it: {command}"),
                          {{"command", "ukeyctl setup " + std::string(target.name) + " --apply"}}) +
                      "\n");
    }
}

Outcome<ExitCode> revert(const Context& context, const SetupTarget& target) {
    const auto reverted = revert_setup(target, SetupCaller::current());
    if (!reverted) {
        return tl::unexpected(reverted.error());
    }
    if (context.json()) {
        context.print_json({{"target", target.name},
                            {"reverted", boost::json::array(reverted->paths.begin(), reverted->paths.end())},
                            {"notes", as_json(reverted->notes)}});
    } else {
        for (const std::string& path : reverted->paths) {
            context.print(say(N_("{path} is again as it was."), {{"path", path}}) + "\n");
        }
        if (reverted->paths.empty() && reverted->notes.empty()) {
            context.print(_("There is nothing to undo.") + "\n");
        }
        context.print(render_findings(as_json(reverted->notes), context.style()));
    }
    return reverted->notes.empty() ? ExitCode::done : ExitCode::answered_no;
}

Outcome<ExitCode> run(const Context& context, const SetupTarget& target, const Asked& asked) {
    if ((asked.apply || asked.revert) && target.root_only && geteuid() != 0) {
        return fail_with("setup.needs_root", {{"target", std::string(target.name)}});
    }
    if (asked.revert) {
        return revert(context, target);
    }
    const auto question = setup_question();
    if (!question) {
        return tl::unexpected(question.error());
    }
    const auto plan = target.plan(*question);
    if (!plan) {
        return tl::unexpected(plan.error());
    }
    const bool change = asked.apply && !all_applied(*plan);
    if (change) {
        if (const auto done = apply_setup(target, question->caller, plan->edits); !done) {
            return tl::unexpected(done.error());
        }
    }
    show(context, target, *plan, change);
    return ExitCode::done;
}

Run define(CLI::App& command, const SetupTarget& target) {
    auto asked = std::make_shared<Asked>();
    auto* apply = command.add_flag("--apply", asked->apply, _("change what is shown"));
    command.add_flag("--revert", asked->revert, _("put back what --apply replaced"))->excludes(apply);
    return [asked, &target](const Context& context) { return run(context, target, *asked); };
}

} // namespace

Run define_setup_p11_kit(CLI::App& command) {
    return define(command, setup_p11_kit);
}
Run define_setup_nss(CLI::App& command) {
    return define(command, setup_nss);
}
Run define_setup_openssl(CLI::App& command) {
    return define(command, setup_openssl);
}
Run define_setup_ssh(CLI::App& command) {
    return define(command, setup_ssh);
}

} // namespace ukey::ctl
