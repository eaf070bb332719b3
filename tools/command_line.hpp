// SPDX-License-Identifier: Apache-2.0
// The command line: made from the verb table, parsed by CLI11, in the reader's language.
#pragma once

#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "tools/verb.hpp"

namespace ukey::ctl {

/// Whether --json is among the arguments, wherever it stands.
bool asks_for_json(int argument_count, const char* const* arguments);

class CommandLine {
  public:
    CommandLine();

    /// What to run; nullopt when help or the version was asked for and printed. Errors `usage.arguments`.
    Outcome<std::optional<Run>> parse(int argument_count, const char* const* arguments);
    const GlobalOptions& options() const { return options_; }
    CLI::App& app() { return app_; }

  private:
    void add_global_options();
    void add_verbs();

    CLI::App app_;
    GlobalOptions options_;
    std::optional<Run> chosen_;
};

} // namespace ukey::ctl
