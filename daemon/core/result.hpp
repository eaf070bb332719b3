// SPDX-License-Identifier: Apache-2.0
// Result<T>: what every function of ours returns that can fail for a reason outside the program.
// Exceptions are left to broken invariants and to memory running out.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace ukey {

/// Why something could not be done. Libraries return it, edges log or print it once.
struct Error {
    /// Stable dotted code, documented in daemon/core/message_table.cpp: `registry.duplicate`, `io.failed` …
    std::string code;
    /// What was being done, e.g. "read the configuration".
    std::string context;
    /// What it was done to: a path, file:line, a key id, a field.
    std::string object;
    /// Why it failed, in the words of the layer below, e.g. "No such file or directory".
    std::string reason;

    bool operator==(const Error&) const = default;
};

/// "context: object: reason", for a log line or a terminal; empty parts are left out.
std::string to_string(const Error& error);

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string code, std::string context, std::string object,
                                  std::string reason) {
    return tl::unexpected<Error>(
        Error{std::move(code), std::move(context), std::move(object), std::move(reason)});
}

} // namespace ukey
