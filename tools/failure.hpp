// SPDX-License-Identifier: Apache-2.0
// How a verb ends: the exit codes, and the failure that a verb returns instead of printing it itself.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "daemon/core/result.hpp"

namespace ukey::ctl {

enum class ExitCode : int {
    done = 0,
    answered_no = 1, ///< a finding of severity error, a failed verification, nothing that matches
    usage = 2,
    unreachable = 3, ///< the daemon does not answer
    refused = 4,     ///< a missing privilege, or a rule such as one key, one organisation
    internal = 5,
};

/// Arguments for the places of a message's text.
using Places = std::map<std::string, std::string>;

struct Failure {
    /// A code of message_table.cpp or local_messages.cpp, or one that only a newer daemon knows.
    std::string code;
    Places places;
    /// The sender's English text, shown when the code is not known here.
    std::string message;
};

/// Errors end a verb; main prints them once.
template <typename T>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail_with(std::string code, Places places = {}) {
    return tl::unexpected<Failure>(Failure{std::move(code), std::move(places), {}});
}

/// A library's error, with its parts as the places {context}, {object} and {reason}.
tl::unexpected<Failure> fail_with(const Error& error);

/// What a failure of this code ends the program with.
ExitCode exit_code_of(std::string_view code);

/// {"error": {"code", "message", "remedy", "arguments"}}, texts in English.
boost::json::object to_json(const Failure& failure);

} // namespace ukey::ctl
