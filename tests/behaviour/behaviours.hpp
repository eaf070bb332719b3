// SPDX-License-Identifier: Apache-2.0
// The table of behaviours.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ukey::behaviour {

struct Behaviour {
    std::string_view name;
    /// Runs in a process of its own.
    void (*run)(const std::string& module);
};

std::span<const Behaviour> start_behaviours();
std::span<const Behaviour> session_behaviours();
std::span<const Behaviour> login_behaviours();
std::span<const Behaviour> key_behaviours();
std::span<const Behaviour> process_behaviours();
std::span<const Behaviour> thread_behaviours();

} // namespace ukey::behaviour
