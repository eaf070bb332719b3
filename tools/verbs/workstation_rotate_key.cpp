// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_workstation_rotate_key(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("workstation.rotate_key");
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(
                detail_line(_("Old key"), text_of(*answer, "old")) +
                detail_line(_("New key"), text_of(*answer, "new")) +
                _("Bundles are signed with the new key from now on. Who trusts the old fingerprint accepts "
                  "them and is told; give the district office the new one. If somebody may have had the "
                  "old key, have it revoked there.") +
                "\n");
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
