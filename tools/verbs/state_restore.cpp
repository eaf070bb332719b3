// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/state/restore.hpp"
#include "tools/state/state_folder.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string configuration_line(const Restored& restored, const std::string& in_force) {
    if (restored.configuration.empty()) {
        return {};
    }
    return say(restored.configuration_differs ? N_("Another configuration is in force in {file} and was left "
                                                   "as it is. The backup's is in "
                                                   "{path}: compare them.")
                                              : N_("The configuration was put back too: {path}."),
               {{"file", to_printable_utf8(in_force)}, {"path", to_printable_utf8(restored.configuration)}}) +
           "\n";
}

std::string describe(const Restored& restored, const RestoreRequest& request) {
    const BackupFacts& facts = restored.facts;
    std::string text = detail_line(_("Restored"), to_printable_utf8(request.file)) +
                       detail_line(_("Made"), say(N_("{time} on {host}"),
                                                  {{"time", china_time(format_timestamp(facts.made))},
                                                   {"host", to_printable_utf8(facts.host)}})) +
                       detail_line(_("Last record"), std::to_string(facts.last_seq)) +
                       detail_line(_("Fingerprint"), facts.workstation);
    if (!restored.kept.empty()) {
        text +=
            say(N_("What was there is kept in {path}. It holds a private key: remove it when you are sure "
                   "that nothing of it is needed."),
                {{"path", restored.kept}}) +
            "\n";
    }
    return text + configuration_line(restored, request.configuration) +
           _("The ledger goes on from the backup's last record, and says so at the next start. What was "
             "recorded after the backup is lost on this computer. Use the old computer's copy no more: two "
             "that go on from one backup contradict each other.") +
           "\n" + say(N_("Start the service: {command}"), {{"command", std::string(start_service_command)}}) +
           "\n";
}

Outcome<ExitCode> run(const Context& context, const RestoreRequest& request) {
    const auto restored = restore(request);
    if (!restored) {
        return tl::unexpected(restored.error());
    }
    if (context.json()) {
        const BackupFacts& facts = restored->facts;
        boost::json::object answer{{"made_at", format_timestamp(facts.made)},
                                   {"host", facts.host},
                                   {"software", facts.software},
                                   {"workstation", facts.workstation},
                                   {"last_seq", facts.last_seq},
                                   {"head", hex_encode(facts.head)},
                                   {"kept", nullptr},
                                   {"configuration", nullptr},
                                   {"configuration_differs", restored->configuration_differs}};
        if (!restored->kept.empty()) {
            answer["kept"] = restored->kept;
        }
        if (!restored->configuration.empty()) {
            answer["configuration"] = restored->configuration;
        }
        context.print_json(answer);
    } else {
        context.print(describe(*restored, request));
    }
    return ExitCode::done;
}

} // namespace

Run define_state_restore(CLI::App& command) {
    auto request = std::make_shared<RestoreRequest>();
    request->state_dir = default_state_dir;
    command.add_option("FILE", request->file, _("the backup"))->required();
    command.add_flag("--replace", request->replace,
                     _("also in the place of records that the backup does not have; they are kept aside"));
    command.add_option("--state-dir", request->state_dir, _("the service's state folder"))
        ->capture_default_str();
    return [request](const Context& context) {
        request->configuration = context.options().config;
        return run(context, *request);
    };
}

} // namespace ukey::ctl
