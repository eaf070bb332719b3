// SPDX-License-Identifier: Apache-2.0
#include "tools/documents/completion.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace ukey::documents {
namespace {

/// In single quotes for a shell.
std::string shell_quote(std::string_view text) {
    std::string quote = "'";
    for (const char character : text) {
        quote += character == '\'' ? std::string("'\\''") : std::string(1, character);
    }
    return quote + "'";
}

std::string last_word(const std::string& path) {
    return path.substr(path.rfind(' ') + 1);
}

/// Every command of the tree, groups and the program itself too.
void visit(const CommandText& command, const std::function<void(const CommandText&)>& see) {
    see(command);
    for (const CommandText& child : command.commands) {
        visit(child, see);
    }
}

/// The options that may stand after the words of `command`: its own and the program's.
std::vector<OptionText> options_after(const CommandText& command, const CommandText& program) {
    std::vector<OptionText> options;
    const auto add = [&](const CommandText& owner) {
        for (const OptionText& option : owner.options) {
            const bool known = std::ranges::any_of(
                options, [&](const OptionText& other) { return other.names == option.names; });
            if (!option.positional && !known) {
                options.push_back(option);
            }
        }
    };
    add(command);
    add(program);
    return options;
}

bool wants_file(const CommandText& command) {
    for (const OptionText& option : command.options) {
        if (option.positional && option.is_file) {
            return true;
        }
    }
    return false;
}

/// What may stand after the words of `command`, as one line.
std::string bash_words(const CommandText& command, const CommandText& program) {
    std::vector<std::string> words;
    for (const CommandText& child : command.commands) {
        words.push_back(last_word(child.path));
    }
    for (const OptionText& option : options_after(command, program)) {
        words.insert(words.end(), option.names.begin(), option.names.end());
    }
    return fmt::format("{}", fmt::join(words, " "));
}

/// The lines of a `case` on the command's words and the option before the word, for options that take a
/// value.
std::string bash_values(const CommandText& program) {
    std::string lines;
    visit(program, [&](const CommandText& command) {
        for (const OptionText& option : command.options) {
            if (option.positional || (option.choices.empty() && !option.is_file)) {
                continue;
            }
            const std::string choices = fmt::format("{}", fmt::join(option.choices, " "));
            const std::string reply = option.is_file
                                          ? "compgen -f -- \"$word\""
                                          : fmt::format("compgen -W {} -- \"$word\"", shell_quote(choices));
            std::string pattern;
            for (const std::string& name : option.names) {
                pattern += pattern.empty() ? "" : " | ";
                // The program's own options may stand anywhere.
                pattern += command.path.empty() ? "*" + shell_quote(" " + name)
                                                : shell_quote(command.path + " " + name);
            }
            lines += fmt::format("    {})\n        mapfile -t COMPREPLY < <({})\n        return ;;\n",
                                 pattern, reply);
        }
    });
    return lines;
}

std::string zsh_option(const OptionText& option) {
    std::string described = option.description;
    for (std::size_t place = 0; (place = described.find_first_of(":[]", place)) != std::string::npos;
         place += 2) {
        described.insert(place, "\\");
    }
    std::string lines;
    for (const std::string& name : option.names) {
        std::string spec = fmt::format("{}[{}]", name, described);
        if (option.is_file) {
            spec += ":file:_files";
        } else if (!option.choices.empty()) {
            spec += fmt::format(":value:({})", fmt::join(option.choices, " "));
        } else if (!option.value.empty()) {
            spec += ":value: ";
        }
        lines += " " + shell_quote(spec);
    }
    return lines;
}

std::string zsh_case(const CommandText& command, const CommandText& program) {
    std::string text = fmt::format("    {})\n", shell_quote(command.path));
    if (!command.commands.empty()) {
        text += "        words_here=(";
        for (const CommandText& child : command.commands) {
            text += " " + shell_quote(last_word(child.path) + ":" + child.summary);
        }
        text += " )\n        _describe verb words_here\n";
    }
    text += "        _arguments -S";
    for (const OptionText& option : options_after(command, program)) {
        text += zsh_option(option);
    }
    text += wants_file(command) ? " '*:file:_files'" : " '*:: :'";
    return text + " ;;\n";
}

/// The condition under which a command's own words are offered.
std::string fish_condition(const CommandText& command) {
    return shell_quote(fmt::format("test (__ukeyctl_path) = {}",
                                   command.path.empty() ? "\"\"" : "\"" + command.path + "\""));
}

} // namespace

std::string bash_completion(const CommandText& ukeyctl) {
    std::string cases;
    std::string paths;
    visit(ukeyctl, [&](const CommandText& command) {
        cases += fmt::format("    {})\n        words={}\n        files={} ;;\n", shell_quote(command.path),
                             shell_quote(bash_words(command, ukeyctl)), wants_file(command) ? "yes" : "no");
        paths += command.path.empty() ? "" : fmt::format(" {}", shell_quote(command.path));
    });
    return fmt::format(R"(# bash completion for ukeyctl; made from the tables of its command line.
# SPDX-License-Identifier: Apache-2.0
_ukeyctl() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} path='' words='' files=no next index
    local -a paths=({})
    for ((index = 1; index < COMP_CWORD; ++index)); do
        next=${{path:+$path }}${{COMP_WORDS[index]}}
        [[ " ${{paths[*]/#/|}} " == *"|$next "* ]] && path=$next
    done
    case "$path $before" in
{}    esac
    case $path in
{}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [ "$files" = yes ]; then
        mapfile -t -O ${{#COMPREPLY[@]}} COMPREPLY < <(compgen -f -- "$word")
    fi
}}
complete -F _ukeyctl ukeyctl
)",
                       paths, bash_values(ukeyctl), cases);
}

std::string zsh_completion(const CommandText& ukeyctl) {
    std::string cases;
    std::string paths;
    visit(ukeyctl, [&](const CommandText& command) {
        cases += zsh_case(command, ukeyctl);
        paths += command.path.empty() ? "" : fmt::format(" {}", shell_quote(command.path));
    });
    return fmt::format(R"(#compdef ukeyctl
# Made from the tables of ukeyctl's command line.
# SPDX-License-Identifier: Apache-2.0
_ukeyctl() {{
    local path='' next
    local -a paths words_here
    local -i index
    paths=({} )
    for ((index = 2; index < CURRENT; ++index)); do
        next=${{path:+$path }}${{words[index]}}
        (( ${{paths[(Ie)$next]}} )) && path=$next
    done
    case $path in
{}    esac
}}
_ukeyctl "$@"
)",
                       paths, cases);
}

std::string fish_completion(const CommandText& ukeyctl) {
    std::string lines;
    std::string paths;
    visit(ukeyctl, [&](const CommandText& command) {
        paths += command.path.empty() ? "" : fmt::format(" \"{}\"", command.path);
        const std::string condition = fish_condition(command);
        for (const CommandText& child : command.commands) {
            lines += fmt::format("complete -c ukeyctl -f -n {} -a {} -d {}\n", condition,
                                 last_word(child.path), shell_quote(child.summary));
        }
        for (const OptionText& option : command.options) {
            if (option.positional) {
                continue;
            }
            lines += fmt::format("complete -c ukeyctl{}", command.path.empty() ? "" : " -n " + condition);
            for (const std::string& name : option.names) {
                lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (!option.choices.empty()) {
                lines +=
                    fmt::format(" -x -a {}", shell_quote(fmt::format("{}", fmt::join(option.choices, " "))));
            } else if (option.is_file) {
                lines += " -r -F";
            } else if (!option.value.empty()) {
                lines += " -x";
            }
            lines += fmt::format(" -d {}\n", shell_quote(option.description));
        }
        if (!wants_file(command)) {
            lines += fmt::format("complete -c ukeyctl -f -n {}\n", condition);
        }
    });
    return fmt::format(R"(# fish completion for ukeyctl; made from the tables of its command line.
# SPDX-License-Identifier: Apache-2.0
function __ukeyctl_path
    set -l paths{}
    set -l path
    for word in (commandline -opc)[2..-1]
        set -l next (string join " " $path $word)
        contains -- $next $paths; and set path $next
    end
    echo "$path"
end
{})",
                       paths, lines);
}

} // namespace ukey::documents
