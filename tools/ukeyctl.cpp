// SPDX-License-Identifier: Apache-2.0
// ukeyctl: everything a person does with the service, scriptable.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "tools/command_line.hpp"
#include "tools/locale.hpp"
#include "tools/render.hpp"

namespace {

using namespace ukey::ctl;

int report(const Failure& failure, bool json) {
    const std::string text = json ? boost::json::serialize(to_json(failure)) + "\n"
                                  : render_failure(failure, Style::for_descriptor(STDERR_FILENO));
    std::fflush(stdout); // what was said before the failure stands before it
    std::fwrite(text.data(), 1, text.size(), stderr);
    return static_cast<int>(exit_code_of(failure.code));
}

Outcome<ExitCode> run(CommandLine& command_line, int argument_count, char** arguments) {
    const auto chosen = command_line.parse(argument_count, arguments);
    if (!chosen) {
        return tl::unexpected(chosen.error());
    }
    if (!chosen->has_value()) {
        return ExitCode::done;
    }
    const Context context(command_line.options(), Style::for_descriptor(STDOUT_FILENO));
    auto ended = (**chosen)(context);
    if (ended && std::fflush(stdout) != 0) {
        return fail_with("file.unwritable",
                         {{"object", "stdout"}, {"reason", std::generic_category().message(errno)}});
    }
    return ended;
}

} // namespace

int main(int argument_count, char** arguments) {
    try {
        if (!asks_for_json(argument_count, arguments)) {
            set_up_locale(); // JSON is in English, the system's own reasons too
        }
        CommandLine command_line;
        const auto ended = run(command_line, argument_count, arguments);
        return ended ? static_cast<int>(*ended) : report(ended.error(), command_line.options().json);
    } catch (const std::exception& error) {
        return report({"internal.error", {{"reason", error.what()}}, {}}, false);
    }
}
