// SPDX-License-Identifier: Apache-2.0
// The configuration file: config check and config show, which read it themselves and need no daemon, and
// config reload.
#include <sstream>

#include <fmt/format.h>

#include "daemon/core/configuration.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

boost::json::array keys_as_json() {
    boost::json::array keys;
    for (const ConfigurationKey& key : configuration_keys()) {
        keys.emplace_back(boost::json::object{{"name", key.name},
                                              {"type", key.type},
                                              {"default", key.default_value},
                                              {"description", key.description}});
    }
    return keys;
}

std::string keys_as_table(const Style& style) {
    Table table({_("Key"), _("Type"), _("Default"), _("Meaning")});
    for (const ConfigurationKey& key : configuration_keys()) {
        table.add({{std::string(key.name)},
                   {word(key.type)},
                   {std::string(key.default_value)},
                   {translate(key.description)}});
    }
    return table.text(style);
}

/// So that what is shown is a configuration file itself.
std::string as_comment(const std::string& text) {
    std::string comment;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        comment += "# " + line + "\n";
    }
    return comment;
}

Outcome<ExitCode> check(const Context& context, const std::string& file) {
    const auto configuration = load_configuration(file);
    if (!configuration) {
        return fail_with(configuration.error());
    }
    if (context.json()) {
        context.print_json({{"file", file}, {"valid", true}});
    } else {
        context.print(say(N_("{file} is right: {modules} modules, {paths} CA paths, mode {mode}."),
                          {{"file", file},
                           {"modules", std::to_string(configuration->modules.size())},
                           {"paths", std::to_string(configuration->trust_paths.size())},
                           {"mode", std::string(to_string(configuration->mode))}}) +
                      "\n");
    }
    return ExitCode::done;
}

Outcome<ExitCode> show(const Context& context, const std::string& file) {
    const auto configuration = load_configuration(file);
    if (!configuration) {
        return fail_with(configuration.error());
    }
    const std::string toml = to_toml(*configuration);
    if (context.json()) {
        context.print_json({{"file", file}, {"toml", toml}, {"keys", keys_as_json()}});
    } else {
        context.print(fmt::format("# {}\n{}\n{}", file, toml, as_comment(keys_as_table(context.style()))));
    }
    return ExitCode::done;
}

} // namespace

Run define_config_check(CLI::App& command) {
    auto file = std::make_shared<std::string>();
    command.add_option("FILE", *file, _("the file; without it, the one of --config"));
    return [file](const Context& context) {
        return check(context, file->empty() ? context.options().config : *file);
    };
}

Run define_config_reload(CLI::App& /*command*/) {
    return [](const Context& context) -> Outcome<ExitCode> {
        const auto answer = context.ask("config.reload");
        return answer.map([&](const boost::json::object& in_force) {
            if (context.json()) {
                context.print_json(in_force);
            } else {
                context.print(
                    say(N_("The service has read {file} again; mode {mode}."),
                        {{"file", text_of(in_force, "config")}, {"mode", text_of(in_force, "mode")}}) +
                    "\n");
            }
            return ExitCode::done;
        });
    };
}

Run define_config_show(CLI::App& /*command*/) {
    return [](const Context& context) { return show(context, context.options().config); };
}

} // namespace ukey::ctl
