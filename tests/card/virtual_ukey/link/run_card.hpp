// SPDX-License-Identifier: Apache-2.0
// A card, its reader and its control socket, until a signal or a command ends them.
#pragma once

#include <chrono>
#include <filesystem>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/fault.hpp"
#include "tests/card/virtual_ukey/link/reader.hpp"

namespace ukey::virtual_card {

enum class ReaderProtocol { vpcd, vscard };

struct RunOptions {
    std::filesystem::path card_folder;
    ReaderAddress reader;
    ReaderProtocol protocol;
    /// Empty: no control socket.
    std::filesystem::path control_socket;
    Fault fault;
    std::chrono::milliseconds delay;
    bool inserted;
};

/// Prints "ready" on standard output once the control socket listens. Returns after SIGTERM, SIGINT or
/// `quit`, with the card taken out of the reader and the socket file removed.
Result<void> run_card(const RunOptions& options);

} // namespace ukey::virtual_card
