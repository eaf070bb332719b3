// SPDX-License-Identifier: Apache-2.0
#include "tools/json_view.hpp"
#include "tools/key_text.hpp"
#include "tools/locale.hpp"
#include "tools/person_probe.hpp"
#include "tools/program_files.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string key;
    std::string module;
    int pin_descriptor = -1;
};

/// PIV's PIN is at most 8 bytes (NIST SP 800-73-4 part 2, 3.2.1); of other cards nothing is known here.
PinLength allowed_length(const boost::json::object& key) {
    const bool piv = raw_text(key, "model").find("PIV") != std::string::npos ||
                     raw_text(key, "label").find("PIV") != std::string::npos;
    return piv ? PinLength{.least = 4, .most = 8} : PinLength{};
}

std::string module_path(const boost::json::object& status, const std::string& name) {
    for (const boost::json::value& module : list_of(status, "modules")) {
        if (raw_text(as_object(module), "name") == name) {
            return raw_text(as_object(module), "path");
        }
    }
    return {};
}

Outcome<PersonProbe> plan(const Context& context, ControlClient& client, const boost::json::object& key,
                          const Arguments& arguments) {
    if (!flag_of(key, "present").value_or(true)) {
        return fail_with("key.not_found", {{"object", arguments.key}});
    }
    if (raw_text(object_of(key, "pin"), "locked") == "yes") {
        return fail_with("pin.locked", {{"subject", raw_text(key, "key")}});
    }
    const auto status = client.call("status");
    if (!status) {
        return tl::unexpected(status.error());
    }
    PersonProbe change{.probe = find_probe(),
                       .module = arguments.module.empty() ? find_filter() : arguments.module,
                       .backend = module_path(*status, raw_text(key, "module")),
                       .login_socket = context.options().login_socket(),
                       .serial = raw_text(key, "serial")};
    if (change.probe.empty()) {
        return fail_with("pin.no_probe");
    }
    if (change.module.empty()) {
        return fail_with("filter.missing");
    }
    return change;
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    auto client = context.connect();
    if (!client) {
        return tl::unexpected(client.error());
    }
    const auto answer = client->call("key.show", {{"key", arguments.key}});
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    const boost::json::object& key = object_of(*answer, "key");
    const auto change = plan(context, *client, key, arguments);
    if (!change) {
        return tl::unexpected(change.error());
    }
    const auto pins =
        arguments.pin_descriptor >= 0 ? read_pins(arguments.pin_descriptor) : ask_for_pins(arguments.key);
    if (!pins) {
        return tl::unexpected(pins.error());
    }
    const auto changed = check_new_pin(*pins, allowed_length(key))
                             .and_then([&] { return change_pin(*change, *pins); })
                             .and_then(judge_pin_change);
    if (!changed) {
        Failure failure = changed.error();
        failure.places.emplace("subject", raw_text(key, "key"));
        return tl::unexpected(failure);
    }
    if (context.json()) {
        context.print_json({{"key", raw_text(key, "key")}, {"changed", true}});
    } else {
        context.print(
            say(N_("The PIN of {key} ({organisation}) is changed. Only its administrator should know it."),
                {{"key", text_of(key, "key")}, {"organisation", organisation_line(key)}}) +
            "\n");
    }
    return ExitCode::done;
}

} // namespace

Run define_pin_change(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("KEY", arguments->key, _("the key's id, the beginning of it, or its serial number"))
        ->required();
    command
        .add_option("--pin-fd", arguments->pin_descriptor,
                    _("read the old and the new PIN as two lines from this file descriptor"))
        ->check(CLI::NonNegativeNumber);
    command.add_option("--module", arguments->module, _("PKCS#11 module to use instead of the filter"));
    command.footer(_("The PIN is asked for without showing it, and never leaves your own processes."));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
