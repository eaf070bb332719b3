// SPDX-License-Identifier: Apache-2.0
#include "tools/district/store.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {

Run define_district_init(CLI::App& command) {
    auto path = std::make_shared<std::string>();
    command.add_option("STORE", *path, _("the file to make"))->required();
    return [path](const Context& context) -> Outcome<ExitCode> {
        const auto store = district::Store::create(*path);
        if (!store) {
            return fail_with(store.error());
        }
        if (context.json()) {
            context.print_json({{"store", *path}});
        } else {
            context.print(say(N_("{store} is ready. Next: enrol the workstations, import the registry."),
                              {{"store", *path}}) +
                          "\n");
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
