// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

/// Groups of four, four to a line's half: people read it out on the telephone.
std::string grouped(const std::string& fingerprint) {
    std::string text;
    for (std::size_t place = 0; place < fingerprint.size(); ++place) {
        if (place > 0 && place % 4 == 0) {
            text += ' ';
        }
        text += fingerprint[place];
    }
    return text;
}

std::string render(const boost::json::object& answer) {
    const std::string fingerprint = text_of(answer, "fingerprint");
    return detail_line(_("Workstation"), text_of(answer, "name")) +
           detail_line(_("Fingerprint"), grouped(fingerprint)) + "\n" +
           _("Who checks this workstation's bundles compares the fingerprint by telephone or on paper, and "
             "then puts "
             "this line into the list for ukeyctl audit verify --trust:") +
           "\n" + fingerprint + " trusted " + text_of(answer, "name") + "\n";
}

} // namespace

Run define_workstation_show(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("workstation.show");
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render(*answer));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
