// SPDX-License-Identifier: Apache-2.0
// The readers as pcscd knows them. No card is connected to, and none is touched: pcscd tells what it knows.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace ukey::ctl {

struct PcscReader {
    std::string name; ///< "Feitian ePass2003 00 00", as printable UTF-8
    std::string atr;  ///< in hexadecimal; empty: no card, or one that gave no answer to reset
    bool has_card = false;
    bool mute = false;      ///< it does not answer to reset
    bool exclusive = false; ///< a program keeps it for itself
    bool gone = false;      ///< pcscd cannot use it any more

    bool operator==(const PcscReader&) const = default;
};

enum class PcscState {
    answered,
    absent,  ///< nobody listens
    refused, ///< it does not serve this user (polkit)
    failed,  ///< another error
    hung,    ///< no answer in time
};

struct PcscView {
    PcscState state = PcscState::absent;
    std::string reason; ///< PC/SC's words for what failed
    std::vector<PcscReader> readers;
};

/// A computer that is very busy answers in some tenths of a second.
constexpr std::chrono::milliseconds pcsc_deadline{1500};

/// Asks pcscd, at the socket that PCSCLITE_CSOCK_NAME names or at its usual one. Blocks up to the deadline;
/// the caller must have one thread only.
PcscView look_at_readers(std::chrono::milliseconds deadline = pcsc_deadline);

} // namespace ukey::ctl
