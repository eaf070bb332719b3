// SPDX-License-Identifier: Apache-2.0
#include "tests/durability/history.hpp"

#include <fmt/format.h>

#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/key_store.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey::test {

void History::acknowledge(const Storage& storage) {
    acknowledged_.head_seq = storage.head_seq();
    acknowledged_.head_hash = storage.head_hash();
}

bool History::start(Storage& storage) {
    open_.clear();
    if (!record_start(storage, {{"version", "test"}}, [](TimeSpan) { return std::nullopt; })) {
        return false;
    }
    acknowledge(storage);
    return true;
}

std::string History::login_id() {
    return fmt::format("{:016x}{:016x}", random_(), random_());
}

bool History::log_in(Storage& storage, std::vector<std::string>& begun, std::vector<std::string>& refused) {
    LoginSession session;
    session.login = login_id();
    session.executable = "/usr/bin/" + std::string(below(200), 'x'); // records of many sizes
    session.started = storage.now();
    const bool done = start_session(storage, session).has_value();
    (done ? begun : refused).push_back(session.login);
    return done;
}

bool History::log_in_alone(Storage& storage) {
    std::vector<std::string> begun;
    std::vector<std::string> refused;
    const bool done = log_in(storage, begun, refused);
    acknowledged_.logins.insert(begun.begin(), begun.end());
    acknowledged_.refused.insert(refused.begin(), refused.end());
    open_.insert(open_.end(), begun.begin(), begun.end());
    return done;
}

bool History::log_in_together(Storage& storage) {
    std::vector<std::string> begun;
    std::vector<std::string> refused;
    storage.begin_together();
    for (std::uint64_t left = 2 + below(6); left > 0; --left) {
        log_in(storage, begun, refused);
    }
    const bool committed = storage.end_together().has_value();
    (committed ? acknowledged_.logins : acknowledged_.refused).insert(begun.begin(), begun.end());
    acknowledged_.refused.insert(refused.begin(), refused.end());
    if (committed) {
        open_.insert(open_.end(), begun.begin(), begun.end());
    }
    return committed && refused.empty();
}

bool History::happens(Storage& storage) {
    switch (below(10)) {
    case 0: {
        Insertion insertion;
        insertion.identity = {"maker", "model", std::to_string(below(5))};
        insertion.module = "/usr/lib/module.so";
        return record_insertion(storage, insertion).has_value();
    }
    case 1:
        return record_heartbeat(storage).has_value();
    case 2:
        return add_checkpoint(storage, key_).has_value();
    case 3:
    case 4:
        return log_in_together(storage);
    case 5:
        return open_.empty() || use_session(storage, open_.back(), 1).has_value();
    case 6:
    case 7: {
        if (open_.empty()) {
            return true;
        }
        const auto ended = end_session(storage, open_.back(),
                                       {.reason = EndReason::logout, .time = storage.now(), .uses = 1});
        if (ended) {
            open_.pop_back();
        }
        return ended.has_value();
    }
    default:
        return log_in_alone(storage);
    }
}

bool History::step(Storage& storage) {
    const bool done = happens(storage);
    acknowledge(storage); // also after a failure: what the storage holds to be its head must be there
    return done;
}

} // namespace ukey::test
