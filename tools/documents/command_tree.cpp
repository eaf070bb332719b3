// SPDX-License-Identifier: Apache-2.0
#include "tools/documents/command_tree.hpp"

#include <sstream>

namespace ukey::documents {
namespace {

/// CLI11 writes the possible values into the type's name: "TEXT:{table,json,csv}".
std::vector<std::string> choices_of(const std::string& type) {
    const std::size_t begin = type.find('{');
    const std::size_t end = type.find('}');
    std::vector<std::string> choices;
    if (begin == std::string::npos || end == std::string::npos) {
        return choices;
    }
    std::istringstream list(type.substr(begin + 1, end - begin - 1));
    for (std::string choice; std::getline(list, choice, ',');) {
        choices.push_back(choice);
    }
    return choices;
}

/// The options and arguments that take a path, by name: CLI11 does not know.
bool takes_a_file(const OptionText& option) {
    for (const std::string& name : option.names) {
        if (name == "FILE" || name == "--output" || name == "--config" || name == "--runtime-dir" ||
            name == "--state-dir" || name == "--probe") {
            return true;
        }
    }
    return false;
}

OptionText read_option(const CLI::Option& option) {
    OptionText text;
    text.positional = option.get_positional();
    if (text.positional) {
        text.names.push_back(option.get_name(true));
    }
    for (const std::string& name : option.get_snames()) {
        text.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
        text.names.push_back("--" + name);
    }
    const std::string type = option.get_type_name();
    text.choices = choices_of(type);
    if (!text.positional && option.get_type_size() != 0) {
        text.value = type.substr(0, type.find(':'));
    }
    text.description = option.get_description();
    text.default_value = option.get_default_str();
    text.required = option.get_required();
    text.is_file = takes_a_file(text);
    return text;
}

CommandText read(const CLI::App& app, const std::string& path) {
    CommandText command{.path = path, .summary = app.get_description(), .options = {}, .commands = {}};
    for (const CLI::Option* option : app.get_options()) {
        command.options.push_back(read_option(*option));
    }
    for (const CLI::App* child : app.get_subcommands({})) {
        command.commands.push_back(
            read(*child, path.empty() ? child->get_name() : path + " " + child->get_name()));
    }
    return command;
}

} // namespace

CommandText read_commands(const CLI::App& app) {
    return read(app, "");
}

std::vector<CommandText> leaf_commands(const CommandText& command) {
    if (command.commands.empty()) {
        return {command};
    }
    std::vector<CommandText> leaves;
    for (const CommandText& child : command.commands) {
        for (CommandText& leaf : leaf_commands(child)) {
            leaves.push_back(std::move(leaf));
        }
    }
    return leaves;
}

} // namespace ukey::documents
