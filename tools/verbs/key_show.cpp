// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_key_show(CLI::App& command) {
    auto key = std::make_shared<std::string>();
    command.add_option("KEY", *key, _("the key's id, the beginning of it, or its serial number"))->required();
    return [key](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("key.show", {{"key", *key}});
        if (!answer) {
            return tl::unexpected(answer.error());
        }
        const boost::json::object& shown = object_of(*answer, "key");
        if (context.json()) {
            context.print_json(*answer);
        } else {
            context.print(render_key(shown, context.style()));
            context.print(render_certificate(object_of(shown, "certificate"), context.style()));
        }
        return has_error_finding(shown) ? ExitCode::answered_no : ExitCode::done;
    };
}

} // namespace ukey::ctl
