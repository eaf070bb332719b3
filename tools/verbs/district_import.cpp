// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/clock.hpp"
#include "tools/district/import.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string store;
    district::ImportRequest request;
};

Outcome<ExitCode> run(const Context& context, Arguments arguments) {
    arguments.request.now = SystemClock().now();
    auto store = district::Store::open(arguments.store);
    if (!store) {
        return fail_with(store.error());
    }
    const auto import = district::import_bundles(*store, arguments.request);
    if (!import) {
        return tl::unexpected(import.error());
    }
    if (context.json()) {
        context.print_json(to_json(*import));
    } else {
        context.print(render(*import, context.style()));
    }
    return import->holds() ? ExitCode::done : ExitCode::answered_no;
}

} // namespace

Run define_district_import(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("STORE", arguments->store, _("the district's store"))->required();
    command
        .add_option("BUNDLE", arguments->request.files,
                    _("bundles of any workstations, or folders with them"))
        ->required();
    command
        .add_option("--ca", arguments->request.ca_paths,
                    _("the U-Keys' CAs, a file or folder: the certificates of attested logins are checked "
                      "too; may be given several times"))
        ->allow_extra_args(false); // what comes after it is a bundle
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
