// SPDX-License-Identifier: Apache-2.0
// Completion of a coroutine that nobody awaits: an exception in it is a broken invariant and must not be
// swallowed.
#pragma once

#include <exception>

namespace ukey {

/// Rethrows out of io_context::run(), where main logs it and ends the program. Never `detached`.
inline auto report_exception() {
    return [](const std::exception_ptr& failure) {
        if (failure) {
            std::rethrow_exception(failure);
        }
    };
}

} // namespace ukey
