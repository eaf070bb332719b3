// SPDX-License-Identifier: Apache-2.0
// What a verb is: a row of the table in verb_table.cpp, and what it gets to do its work with.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>

#include "tools/control_client.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

struct GlobalOptions {
    bool json = false;
    std::string runtime_dir = "/run/ukeyd";
    std::string config = "/etc/ukeyd/ukeyd.toml";

    std::string control_socket() const { return runtime_dir + "/control.sock"; }
    std::string login_socket() const { return runtime_dir + "/login.sock"; }
};

/// What every verb gets: the global options, and where its output goes.
class Context {
  public:
    Context(GlobalOptions options, Style style) : options_(std::move(options)), style_(style) {}

    const GlobalOptions& options() const { return options_; }
    const Style& style() const { return style_; }
    bool json() const { return options_.json; }

    Outcome<ControlClient> connect() const { return ControlClient::connect(options_.control_socket()); }
    /// Connects and makes one call.
    Outcome<boost::json::object> ask(std::string_view verb, boost::json::object arguments = {},
                                     const PartHandler& on_part = {},
                                     std::chrono::seconds wait = answer_wait) const;
    /// One call whose parts are gathered: {`name`: [parts…], …result}.
    Outcome<boost::json::object> ask_for_list(std::string_view verb, boost::json::object arguments,
                                              std::string_view name) const;

    /// To standard output.
    void print(std::string_view text) const;
    /// The JSON object as one line.
    void print_json(const boost::json::object& object) const;

  private:
    GlobalOptions options_;
    Style style_;
};

/// Does the work; the failure it returns is printed by main.
using Run = std::function<Outcome<ExitCode>(const Context&)>;

struct Verb {
    std::string_view group; ///< "key" of "key list"; empty for a verb of one word
    std::string_view name;
    std::string_view summary; ///< English, a gettext message id
    /// Adds the verb's own options to its command and answers what runs it.
    Run (*define)(CLI::App& command);
};

struct VerbGroup {
    std::string_view name;
    std::string_view summary;
};

std::span<const Verb> verb_table();
std::span<const VerbGroup> verb_groups();

} // namespace ukey::ctl
