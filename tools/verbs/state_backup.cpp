// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/state/back_up.hpp"
#include "tools/state/state_folder.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

std::string describe(const BackupMade& made, const std::string& file) {
    const BackupFacts& facts = made.facts;
    return detail_line(_("Backup"), to_printable_utf8(file)) +
           detail_line(_("Made"), china_time(format_timestamp(facts.made))) +
           detail_line(_("Records"),
                       say(N_("{first} to {last}"), {{"first", facts.last_seq > 0 ? "1" : "0"},
                                                     {"last", std::to_string(facts.last_seq)}})) +
           detail_line(_("Fingerprint"), facts.workstation) +
           detail_line(_("Configuration"), facts.configuration ? _("in it") : _("none")) +
           _("It holds the workstation's private key, logins, names and telephone numbers: keep it like a "
             "key, where nobody else can read it. The CA files that the configuration names are not in it.") +
           "\n";
}

Outcome<ExitCode> run(const Context& context, const BackupRequest& request) {
    const auto made = back_up(request);
    if (!made) {
        return tl::unexpected(made.error());
    }
    const BackupFacts& facts = made->facts;
    if (context.json()) {
        context.print_json({{"file", request.output},
                            {"bytes", made->bytes},
                            {"made_at", format_timestamp(facts.made)},
                            {"host", facts.host},
                            {"software", facts.software},
                            {"workstation", facts.workstation},
                            {"last_seq", facts.last_seq},
                            {"head", hex_encode(facts.head)},
                            {"configuration", facts.configuration.has_value()}});
    } else {
        context.print(describe(*made, request.output));
    }
    return ExitCode::done;
}

} // namespace

Run define_state_backup(CLI::App& command) {
    auto request = std::make_shared<BackupRequest>();
    request->state_dir = default_state_dir;
    command.add_option("--output", request->output, _("the file to make; one that is there is left alone"))
        ->required();
    command.add_option("--state-dir", request->state_dir, _("the service's state folder"))
        ->capture_default_str();
    return [request](const Context& context) {
        request->configuration = context.options().config;
        return run(context, *request);
    };
}

} // namespace ukey::ctl
