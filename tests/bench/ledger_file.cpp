// SPDX-License-Identifier: Apache-2.0
// A state folder's database with so many records of logins: ledger_file FILE RECORDS
#include <charconv>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "daemon/store/session_store.hpp"

namespace ukey {
namespace {

/// Logins that share a commit while the file is made.
constexpr std::uint64_t logins_together = 5000;

LoginSession login(std::uint64_t number, Timestamp started) {
    LoginSession session;
    session.login = fmt::format("{:032x}", number);
    session.key_id = "0123456789ab";
    session.uid = 1000;
    session.pid = 4321;
    session.executable = "/usr/lib/firefox-esr/firefox-esr";
    session.application = "firefox-esr";
    session.verdict = "allow";
    session.started = started;
    return session;
}

Result<void> make(const std::string& path, std::uint64_t records) {
    const SystemClock clock;
    auto storage = Storage::open(path, clock);
    if (!storage) {
        return tl::unexpected(storage.error());
    }
    UKEY_TRY(storage->database().execute("PRAGMA synchronous=OFF"));
    for (std::uint64_t number = 0; storage->head_seq() < records; ++number) {
        if (number % logins_together == 0) {
            storage->begin_together();
        }
        LoginSession session = login(number, clock.now());
        if (const auto started = start_session(*storage, session); !started) {
            return tl::unexpected(started.error());
        }
        const auto ended = end_session(*storage, session.login, {EndReason::logout, clock.now(), 1});
        if (!ended) {
            return tl::unexpected(ended.error());
        }
        if (number % logins_together == logins_together - 1 || storage->head_seq() >= records) {
            UKEY_TRY(storage->end_together());
        }
    }
    return {};
}

} // namespace
} // namespace ukey

int main(int argc, char** argv) {
    std::uint64_t records = 0;
    const std::string_view count = argc == 3 ? argv[2] : "";
    if (std::from_chars(count.data(), count.data() + count.size(), records).ptr !=
            count.data() + count.size() ||
        records == 0) {
        std::fputs("usage: ledger_file FILE RECORDS\n", stderr);
        return 2;
    }
    if (const auto made = ukey::make(argv[1], records); !made) {
        std::fprintf(stderr, "%s\n", to_string(made.error()).c_str());
        return 1;
    }
    return 0;
}
