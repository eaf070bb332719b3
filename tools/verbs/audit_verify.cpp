// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/verification.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string render(const boost::json::object& result, bool intact, const Style& style) {
    const Places places{{"records", std::to_string(number_of(result, "records").value_or(0))},
                        {"head", text_of(result, "head")},
                        {"seq", std::to_string(number_of(result, "first_bad_seq").value_or(0))},
                        {"reason", text_of(result, "reason")}};
    if (intact) {
        const std::int64_t archived = number_of(result, "archived").value_or(0);
        return style.paint(Paint::good, "✔") + " " +
               say(N_("The ledger is intact: {records} records, head {head}."), places) + "\n" +
               (archived == 0
                    ? ""
                    : "  " +
                          say(N_("Records up to {seq} are archived: check the bundle that has them."),
                              {{"seq", std::to_string(archived)}}) +
                          "\n");
    }
    const Explained texts = explain("audit.chain_broken", places, {});
    return style.paint(Paint::bad, "✘") + " " + texts.message + "\n  → " + texts.remedy + "\n";
}

std::string difference_line(const boost::json::object& difference) {
    const std::string column = text_of(difference, "column");
    return "  " + text_of(difference, "table") + " " + text_of(difference, "row") +
           (column.empty() ? "" : " " + column) + ": " +
           say(N_("in force “{in_force}”, by the ledger “{derived}”"),
               {{"in_force", text_of(difference, "in_force")}, {"derived", text_of(difference, "derived")}}) +
           "\n";
}

/// What came of deriving the tables again.
std::string render_rebuild(const boost::json::object& rebuild, const Style& style) {
    const std::int64_t differing = number_of(rebuild, "differing").value_or(0);
    if (differing == 0) {
        return style.paint(Paint::good, "✔") + " " +
               say(N_("The tables beside it say the same: {rows} rows were derived again."),
                   {{"rows", std::to_string(number_of(rebuild, "rows").value_or(0))}}) +
               "\n";
    }
    const Explained texts = explain("audit.projection_differs", {{"count", std::to_string(differing)}}, {});
    std::string text = style.paint(Paint::bad, "✘") + " " + texts.message + "\n";
    for (const boost::json::value& difference : list_of(rebuild, "differences")) {
        text += difference_line(as_object(difference));
    }
    return text + "  → " + texts.remedy + "\n";
}

/// The service's own ledger, by the service.
Outcome<ExitCode> verify_ledger(const Context& context, bool rebuild) {
    const auto answer = context.ask("audit.verify", {{"rebuild", rebuild}}, {}, long_answer_wait);
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    const bool intact = flag_of(*answer, "intact").value_or(false);
    const boost::json::object& rebuilt = object_of(*answer, "rebuild"); // empty: it was not asked for
    if (context.json()) {
        context.print_json(*answer);
    } else {
        context.print(render(*answer, intact, context.style()) +
                      (rebuilt.empty() ? "" : render_rebuild(rebuilt, context.style())));
    }
    const bool same = rebuilt.empty() || number_of(rebuilt, "differing") == 0;
    return intact && same ? ExitCode::done : ExitCode::answered_no;
}

/// Bundles, without a service.
Outcome<ExitCode> verify_bundles(const Context& context, const VerificationRequest& request) {
    const auto verification = verify_files(request);
    if (!verification) {
        return tl::unexpected(verification.error());
    }
    if (context.json()) {
        context.print_json(to_json(*verification));
    } else {
        context.print(render(*verification, context.style()));
    }
    return verification->holds() ? ExitCode::done : ExitCode::answered_no;
}

} // namespace

Run define_audit_verify(CLI::App& command) {
    auto request = std::make_shared<VerificationRequest>();
    command.add_option("FILE", request->files,
                       _("bundles to check, from any workstation; without one, this computer's ledger"));
    command.add_option("--trust", request->trust_list,
                       _("a list of workstations: FINGERPRINT trusted|revoked NAME on each line"));
    command
        .add_option("--ca", request->ca_paths,
                    _("the U-Keys' CAs, a file or folder: the certificates of attested logins are checked "
                      "too; may be given several times"))
        ->allow_extra_args(false); // what comes after it is a bundle
    auto rebuild = std::make_shared<bool>(false);
    command.add_flag("--rebuild", *rebuild,
                     _("also derive the tables of keys, bindings and sessions from the ledger, and compare"));
    return [request, rebuild](const Context& context) {
        if (*rebuild && !request->files.empty()) {
            return Outcome<ExitCode>(fail_with(
                "usage.arguments", {{"reason", _("--rebuild is for this computer's ledger: name no file")},
                                    {"program", "ukeyctl audit verify"}}));
        }
        if (request->files.empty() && (request->trust_list || !request->ca_paths.empty())) {
            return Outcome<ExitCode>(fail_with(
                "usage.arguments", {{"reason", _("--trust and --ca are for bundles: name at least one file")},
                                    {"program", "ukeyctl audit verify"}}));
        }
        return request->files.empty() ? verify_ledger(context, *rebuild) : verify_bundles(context, *request);
    };
}

} // namespace ukey::ctl
