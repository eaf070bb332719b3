// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.hpp"

#include <algorithm>
#include <cstring>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

std::shared_ptr<CLI::Formatter> make_formatter() {
    auto formatter = std::make_shared<CLI::Formatter>();
    formatter->label("Usage", _("Usage"));
    formatter->label("OPTIONS", _("OPTIONS"));
    formatter->label("SUBCOMMAND", _("VERB"));
    formatter->label("SUBCOMMANDS", _("VERB"));
    formatter->label("Positionals", _("What it is about"));
    formatter->label("REQUIRED", _("(required)"));
    formatter->label("TEXT", _("TEXT"));
    formatter->label("INT", _("NUMBER"));
    formatter->label("UINT", _("NUMBER"));
    formatter->column_width(34);
    return formatter;
}

/// What is wrong, in the reader's language; CLI11's own words name the argument.
std::string describe_parse_error(const CLI::ParseError& error, const std::vector<std::string>& unknown) {
    if (!unknown.empty() && !unknown.front().starts_with('-')) {
        return say(N_("there is no verb “{verb}”"), {{"verb", unknown.front()}});
    }
    const Places detail{{"detail", error.what()}};
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        return say(N_("there is no such verb, option or further argument here ({detail})"), detail);
    }
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        return say(N_("something is missing ({detail})"), detail);
    }
    if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr ||
        dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
        return say(N_("a value is not one of those possible ({detail})"), detail);
    }
    return error.what();
}

std::string exit_code_help() {
    return _("Exit codes: 0 done; 1 the answer is no (a finding that is an error, a failed verification, "
             "nothing found); "
             "2 wrong usage; 3 the service does not answer; 4 refused; 5 internal error.");
}

} // namespace

bool asks_for_json(int argument_count, const char* const* arguments) {
    return std::any_of(arguments, arguments + argument_count,
                       [](const char* argument) { return std::strcmp(argument, "--json") == 0; });
}

CommandLine::CommandLine() : app_(_("What a person does with the U-Key service ukeyd."), "ukeyctl") {
    app_.formatter(make_formatter());
    app_.option_defaults()->group(_("Options"));
    app_.set_help_flag("-h,--help", _("show this help"));
    app_.set_version_flag("--version", "ukeyctl " UKEY_VERSION, _("show the version"));
    app_.require_subcommand(1);
    add_global_options();
    add_verbs();
    app_.footer(exit_code_help()); // last: verbs would inherit it
}

void CommandLine::add_global_options() {
    app_.add_flag("--json", options_.json, _("print JSON: a stable contract for programs; errors too"));
    app_.add_option("--runtime-dir", options_.runtime_dir, _("folder of the service's sockets"))
        ->capture_default_str();
    app_.add_option("--config", options_.config, _("the service's configuration file"))
        ->capture_default_str();
}

void CommandLine::add_verbs() {
    std::map<std::string_view, CLI::App*> groups{{"", &app_}};
    const auto add = [](CLI::App& parent, std::string_view name, std::string_view summary) {
        CLI::App* command = parent.add_subcommand(std::string(name), translate(summary));
        command->set_help_flag("-h,--help", _("show this help"));
        command->group(_("Verbs"));
        command->fallthrough(); // the global options may stand behind the verb
        return command;
    };
    for (const Verb& verb : verb_table()) {
        if (!groups.contains(verb.group)) {
            const auto group = std::ranges::find(verb_groups(), verb.group, &VerbGroup::name);
            groups[verb.group] = add(app_, group->name, group->summary);
            groups[verb.group]->require_subcommand(1);
        }
        CLI::App* command = add(*groups[verb.group], verb.name, verb.summary);
        command->callback([this, run = verb.define(*command)] { chosen_ = run; });
    }
}

Outcome<std::optional<Run>> CommandLine::parse(int argument_count, const char* const* arguments) {
    const bool json = asks_for_json(argument_count, arguments);
    options_.json = json; // before parsing: a wrong command line is answered in JSON too
    try {
        app_.parse(argument_count, arguments);
    } catch (const CLI::Success& asked) {
        app_.exit(asked); // prints help or version
        return std::optional<Run>();
    } catch (const CLI::ParseError& error) {
        options_.json = json;
        std::string program = "ukeyctl";
        const CLI::App* command = &app_;
        while (!command->get_subcommands().empty()) {
            command = command->get_subcommands().front();
            program += " " + command->get_name();
        }
        // A word where a verb should be: CLI11 says only that a verb is missing.
        const bool expects_verb = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
        const auto unknown = expects_verb ? app_.remaining(true) : std::vector<std::string>();
        return fail_with("usage.arguments",
                         {{"reason", describe_parse_error(error, unknown)}, {"program", program}});
    }
    return std::move(chosen_);
}

} // namespace ukey::ctl
