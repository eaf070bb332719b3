// SPDX-License-Identifier: Apache-2.0
// A made-up life of a workstation, played against its database by the functions that the service uses.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "daemon/core/workstation_key.hpp"
#include "daemon/store/storage.hpp"

namespace ukey::test {

/// What the caller of a store function knows.
struct Acknowledged {
    std::uint64_t head_seq = 0;
    std::string head_hash = ledger_genesis_hash();
    std::set<std::string> logins;  ///< whose start was acknowledged
    std::set<std::string> refused; ///< whose start failed
};

class History {
  public:
    explicit History(std::uint64_t seed) : random_(seed) {}

    /// The service's start, as at its first step. False when the store refuses it.
    bool start(Storage& storage);
    /// One thing that happens: an insertion, a login, several that share a commit, a signature's use, an end,
    /// a heartbeat, a checkpoint. False when the store refuses any of it.
    bool step(Storage& storage);

    const Acknowledged& acknowledged() const { return acknowledged_; }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    std::string login_id();
    bool log_in(Storage& storage, std::vector<std::string>& begun, std::vector<std::string>& refused);
    bool log_in_together(Storage& storage);
    bool log_in_alone(Storage& storage);
    bool happens(Storage& storage);
    void acknowledge(const Storage& storage);

    std::mt19937_64 random_;
    WorkstationKey key_ = WorkstationKey::generate();
    Acknowledged acknowledged_;
    std::vector<std::string> open_;
};

} // namespace ukey::test
