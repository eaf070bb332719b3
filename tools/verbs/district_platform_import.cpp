// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/audit/whole_file.hpp"
#include "tools/district/platform_logins.hpp"
#include "tools/district/store.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string store;
    std::string file;
};

std::string render(const district::PlatformImport& import) {
    std::string text =
        say(N_("{added} logins of the platform are new, {known} were known."),
            {{"added", std::to_string(import.added)}, {"known", std::to_string(import.known)}}) +
        "\n";
    if (!import.unknown_organisations.empty()) {
        text += say(N_("{count} organisations in it are not in the registry; the first is {first}."),
                    {{"count", std::to_string(import.unknown_organisations.size())},
                     {"first", import.unknown_organisations.front()}}) +
                "\n";
    }
    return text;
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    auto store = district::Store::open(arguments.store);
    if (!store) {
        return fail_with(store.error());
    }
    const auto import = read_whole_file(arguments.file)
                            .and_then([&](const std::string& bytes) {
                                return district::read_platform_logins(arguments.file, bytes);
                            })
                            .and_then([&](const std::vector<district::PlatformLogin>& logins) {
                                return district::import_platform_logins(store->database(), logins);
                            });
    if (!import) {
        return fail_with(district::as_district_error(import.error()));
    }
    if (context.json()) {
        context.print_json(
            {{"added", import->added},
             {"known", import->known},
             {"unknown_organisations", boost::json::array(import->unknown_organisations.begin(),
                                                          import->unknown_organisations.end())}});
    } else {
        context.print(render(*import));
    }
    return ExitCode::done;
}

} // namespace

Run define_district_platform_import(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("STORE", arguments->store, _("the district's store"))->required();
    command
        .add_option(
            "FILE", arguments->file,
            _("the platform's or the VPN's records as CSV: columns 组织代码 (code) and 登录时间 (time)"))
        ->required();
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
