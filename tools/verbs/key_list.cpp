// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_key_list(CLI::App& command) {
    auto all = std::make_shared<bool>(false);
    command.add_flag("--all", *all, _("also keys seen earlier"));
    return [all](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("key.list", {{"all", *all}});
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render_key_table(list_of(*answer, "keys"), context.style()));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
