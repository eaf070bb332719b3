// SPDX-License-Identifier: Apache-2.0
#include "tools/failure.hpp"

#include <array>
#include <utility>

#include "tools/local_messages.hpp"

namespace ukey::ctl {
namespace {

/// The first entry that the code begins with decides.
constexpr auto exit_codes = std::to_array<std::pair<std::string_view, ExitCode>>({
    {"audit.", ExitCode::answered_no},
    {"backup.", ExitCode::answered_no},
    {"binding.", ExitCode::refused},
    {"bundle.", ExitCode::answered_no},
    {"certificate.", ExitCode::answered_no},
    {"config.", ExitCode::answered_no},
    {"confirmation.", ExitCode::answered_no},
    {"control.refused", ExitCode::refused},
    {"csv.", ExitCode::answered_no},
    {"daemon.unreachable", ExitCode::unreachable},
    {"date.", ExitCode::usage},
    {"diagnosis.", ExitCode::usage},
    {"district.bad_fingerprint", ExitCode::usage},
    {"district.unusable", ExitCode::internal},
    {"district.", ExitCode::answered_no},
    {"explain.", ExitCode::answered_no},
    {"file.other_content", ExitCode::answered_no},
    {"file.unreadable", ExitCode::usage},
    {"filter.", ExitCode::answered_no},
    {"key.returned", ExitCode::refused},
    {"key.", ExitCode::answered_no},
    {"module.", ExitCode::answered_no},
    {"month.", ExitCode::usage},
    {"organisation.", ExitCode::answered_no},
    {"pin.", ExitCode::answered_no},
    {"platform.", ExitCode::answered_no},
    {"registry.", ExitCode::answered_no},
    {"rule.", ExitCode::answered_no},
    {"report.", ExitCode::usage},
    {"setup.browser_running", ExitCode::refused},
    {"setup.needs_root", ExitCode::refused},
    {"setup.", ExitCode::answered_no},
    {"state.has_records", ExitCode::refused},
    {"state.in_use", ExitCode::refused},
    {"state.needs_root", ExitCode::refused},
    {"state.unknown_records", ExitCode::refused},
    {"text.", ExitCode::answered_no},
    {"time.", ExitCode::usage},
    {"trust.", ExitCode::answered_no},
    {"trust_list.", ExitCode::usage},
    {"usage.", ExitCode::usage},
    {"verb.usage", ExitCode::usage},
});

} // namespace

tl::unexpected<Failure> fail_with(const Error& error) {
    return fail_with(error.code,
                     {{"context", error.context}, {"object", error.object}, {"reason", error.reason}});
}

ExitCode exit_code_of(std::string_view code) {
    for (const auto& [prefix, exit_code] : exit_codes) {
        if (code.starts_with(prefix)) {
            return exit_code;
        }
    }
    return ExitCode::internal;
}

boost::json::object to_json(const Failure& failure) {
    const MessageEntry* entry = find_message(failure.code);
    boost::json::object arguments;
    for (const auto& [name, value] : failure.places) {
        arguments[name] = value;
    }
    boost::json::object error{{"code", failure.code}};
    error["message"] = entry != nullptr ? fill_places(entry->message, failure.places) : failure.message;
    error["remedy"] = entry != nullptr ? fill_places(entry->remedy, failure.places) : std::string();
    error["arguments"] = std::move(arguments);
    return {{"error", std::move(error)}};
}

} // namespace ukey::ctl
