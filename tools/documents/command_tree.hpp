// SPDX-License-Identifier: Apache-2.0
// A command line as data, taken from CLI11's own tables: what manual pages and completions are made of.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace ukey::documents {

struct OptionText {
    std::vector<std::string> names; ///< "--json", "-h"; for a positional its one name, "KEY"
    std::string value;              ///< what follows: "TEXT"; empty for a flag
    std::vector<std::string> choices;
    std::string description;
    std::string default_value;
    bool positional = false;
    bool required = false;
    bool is_file = false; ///< its value is a path
};

struct CommandText {
    std::string path; ///< "key bind"; empty for the program itself
    std::string summary;
    std::vector<OptionText> options; ///< in their order; positionals too
    std::vector<CommandText> commands;
};

CommandText read_commands(const CLI::App& app);

/// All of them that do something themselves, in order: the program itself when it has no verbs.
std::vector<CommandText> leaf_commands(const CommandText& command);

} // namespace ukey::documents
