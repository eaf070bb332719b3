// SPDX-License-Identifier: Apache-2.0
#include "tools/locale.hpp"
#include "tools/report/exported_session.hpp"
#include "tools/report/session_text.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string login;
    std::string file;
};

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    auto answer = arguments.file.empty() ? context.ask("session.show", {{"login", arguments.login}})
                                         : exported_session(arguments.file, arguments.login);
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    const auto verified = verify_session(*answer);
    if (context.json()) {
        boost::json::object& shown = *answer;
        shown["verified"] =
            verified ? boost::json::value(verified->has_value()) : boost::json::value(nullptr);
        shown["reason"] = verified && !*verified ? boost::json::value(verified->error().reason) : nullptr;
        context.print_json(shown);
    } else {
        context.print(render_session(*answer, verified, context.style()));
    }
    return !verified || *verified ? ExitCode::done : ExitCode::answered_no;
}

} // namespace

Run define_session_show(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("LOGIN", arguments->login, _("the login's id, or the beginning of it"))->required();
    command.add_option(
        "--file", arguments->file,
        _("look it up in this export (ukeyctl audit export --format json), without the service"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
