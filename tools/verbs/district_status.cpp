// SPDX-License-Identifier: Apache-2.0
#include "tools/district/status.hpp"
#include "tools/district/store.hpp"
#include "tools/locale.hpp"
#include "tools/report/month_export.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string store;
    std::string month;
};

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    // Without one, the one that ended last: it is the one to be reported.
    const auto month = arguments.month.empty() ? month_before(ChinaMonth::containing(SystemClock().now()))
                                               : ChinaMonth::parse(arguments.month);
    if (!month) {
        return fail_with(month.error());
    }
    auto store = district::Store::open(arguments.store);
    if (!store) {
        return fail_with(store.error());
    }
    const auto status = district::read_status(store->database(), *month);
    if (!status) {
        return fail_with(district::as_district_error(status.error()));
    }
    if (context.json()) {
        context.print_json(to_json(*status));
    } else {
        context.print(render(*status, context.style()));
    }
    return ExitCode::done;
}

} // namespace

Run define_district_status(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("STORE", arguments->store, _("the district's store"))->required();
    command.add_option("MONTH", arguments->month,
                       _("a month of China time, as 2026-04; the last one if there is none"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
