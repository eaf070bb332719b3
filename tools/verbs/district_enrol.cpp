// SPDX-License-Identifier: Apache-2.0
#include "tools/district/roster.hpp"
#include "tools/district/store.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string store;
    std::string fingerprint;
    std::string name;
    bool revoke = false;
    std::string trust_list;
};

/// As people read it out: in groups, perhaps in capitals.
std::string plain_fingerprint(const std::string& text) {
    std::string plain;
    for (const char character : text) {
        if (character != ' ' && character != ':') {
            plain +=
                character >= 'A' && character <= 'F' ? static_cast<char>(character - 'A' + 'a') : character;
        }
    }
    return plain;
}

Result<district::RosterChanges> apply(Database& database, const Arguments& arguments) {
    const Timestamp now = SystemClock().now();
    if (!arguments.trust_list.empty()) {
        return TrustList::load(arguments.trust_list).and_then([&](const TrustList& list) {
            return district::enrol(database, list, now);
        });
    }
    const std::string fingerprint = plain_fingerprint(arguments.fingerprint);
    if (arguments.revoke) {
        return district::revoke(database, fingerprint, now).map([] {
            return district::RosterChanges{.revoked = 1};
        });
    }
    return district::enrol(database, fingerprint, arguments.name, now).map([] {
        return district::RosterChanges{.enrolled = 1};
    });
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    if (arguments.fingerprint.empty() == arguments.trust_list.empty()) {
        return fail_with("usage.arguments", {{"reason", _("name one fingerprint, or a list with --trust")},
                                             {"program", "ukeyctl district enrol"}});
    }
    auto store = district::Store::open(arguments.store);
    if (!store) {
        return fail_with(store.error());
    }
    const auto changes = apply(store->database(), arguments);
    if (!changes) {
        return fail_with(district::as_district_error(changes.error()));
    }
    if (context.json()) {
        context.print_json({{"enrolled", changes->enrolled},
                            {"renamed", changes->renamed},
                            {"revoked", changes->revoked},
                            {"unchanged", changes->unchanged}});
    } else {
        context.print(
            say(N_("{enrolled} enrolled, {renamed} renamed, {revoked} revoked, {unchanged} as they were."),
                {{"enrolled", std::to_string(changes->enrolled)},
                 {"renamed", std::to_string(changes->renamed)},
                 {"revoked", std::to_string(changes->revoked)},
                 {"unchanged", std::to_string(changes->unchanged)}}) +
            "\n");
    }
    return ExitCode::done;
}

} // namespace

Run define_district_enrol(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("STORE", arguments->store, _("the district's store"))->required();
    command.add_option("FINGERPRINT", arguments->fingerprint,
                       _("the workstation's, as ukeyctl workstation show prints it there"));
    command.add_option("--name", arguments->name, _("what people call this workstation"));
    command.add_flag("--revoke", arguments->revoke,
                     _("take nothing of it any more; what was imported before stays"));
    command.add_option("--trust", arguments->trust_list,
                       _("a list of workstations: FINGERPRINT trusted|revoked NAME on each line"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
