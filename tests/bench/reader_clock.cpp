// SPDX-License-Identifier: Apache-2.0
// When pcscd itself tells of a card: a plain SCardGetStatusChange client to compare with.
// Prints "ready", then "inserted NANOSECONDS" and "removed NANOSECONDS" (CLOCK_MONOTONIC) for the first
// reader.
#include <ctime>

#include <cstdint>
#include <iostream>
#include <string>

#include <winscard.h>

namespace {

std::int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

} // namespace

int main() {
    SCARDCONTEXT context = 0;
    char readers[4096]; // NOLINT: a C interface; the first of the names is used
    DWORD length = sizeof readers;
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) != SCARD_S_SUCCESS ||
        SCardListReaders(context, nullptr, readers, &length) != SCARD_S_SUCCESS) {
        std::cerr << "no reader\n";
        return 1;
    }
    SCARD_READERSTATE state{};
    state.szReader = readers;
    state.dwCurrentState = SCARD_STATE_UNAWARE;
    SCardGetStatusChange(context, 0, &state, 1);
    std::cout << "ready" << std::endl;
    for (;;) {
        const bool was_present = (state.dwEventState & SCARD_STATE_PRESENT) != 0;
        state.dwCurrentState = state.dwEventState & ~DWORD{SCARD_STATE_CHANGED};
        if (SCardGetStatusChange(context, INFINITE, &state, 1) != SCARD_S_SUCCESS) {
            return 1;
        }
        const bool is_present = (state.dwEventState & SCARD_STATE_PRESENT) != 0;
        if (is_present != was_present) {
            std::cout << (is_present ? "inserted " : "removed ") << monotonic_ns() << std::endl;
        }
    }
}
