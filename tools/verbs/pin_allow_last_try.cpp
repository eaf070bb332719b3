// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_pin_allow_last_try(CLI::App& command) {
    auto key = std::make_shared<std::string>();
    command.add_option("KEY", *key, _("the key's id, the beginning of it, or its serial number"))->required();
    return [key](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("pin.allow_last_try", {{"key", *key}});
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(say(N_("Your next login with {key} within five minutes will be tried. A wrong PIN "
                                 "locks the key."),
                              {{"key", text_of(*answer, "key")}}) +
                          "\n");
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
