// SPDX-License-Identifier: Apache-2.0
// A workstation in memory that lives through days and hands out bundles of its ledger.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/bundle.hpp"

namespace ukey::test {

class WorkstationSample {
  public:
    /// `now` is RFC 3339, as everywhere here.
    explicit WorkstationSample(std::string name, std::string_view now = "2026-03-01T00:00:00Z");

    const std::string& fingerprint() const { return key_->fingerprint(); }
    const WorkstationKey& key() const { return *key_; }
    std::uint64_t last_seq() const { return records_.size(); }
    const std::vector<LedgerRecord>& records() const { return records_; }

    /// The time of all that follows; the computer has been on meanwhile.
    WorkstationSample& at(std::string_view time);
    /// As at(), and the computer was booted just then.
    WorkstationSample& booted_at(std::string_view time);
    WorkstationSample& append(std::string kind, std::string payload);

    WorkstationSample& start(std::string_view modules = R"(["/opensc.so"])");
    WorkstationSample& configure(std::string_view modules);
    WorkstationSample& stop();
    WorkstationSample& insert(std::string_view key);
    WorkstationSample& remove(std::string_view key);
    WorkstationSample& bind(std::string_view key, std::string_view organisation);
    WorkstationSample& release(std::string_view key, std::string_view organisation);
    /// A login that is over at once; `uses` 0 does not count. Each has another login id.
    WorkstationSample& session(std::string_view key, std::string_view organisation, unsigned uses = 1);
    /// The same, with the parts told apart: `login` is 32 hexadecimal digits.
    WorkstationSample& begin_session(std::string_view login, std::string_view key,
                                     std::string_view organisation);
    WorkstationSample& use_session(std::string_view login, unsigned uses);
    WorkstationSample& end_session(std::string_view login, unsigned uses);

    /// The service starts in a state that was put back from a backup.
    WorkstationSample& restore();

    /// Another key, which the one until now vouches for.
    WorkstationSample& rotate_key();

    /// A bundle of the records from `first_seq` on, written and vouched for now.
    std::string bundle(std::uint64_t first_seq = 1) const;
    /// Another workstation with this one's key and records up to `seq`: from here on there are two ledgers.
    WorkstationSample forked_after(std::uint64_t seq) const;

  private:
    std::string hash_of(std::uint64_t seq) const;
    SignedCheckpoint checkpoint(std::uint64_t seq, Timestamp time) const;

    std::shared_ptr<const WorkstationKey> key_;
    std::vector<std::shared_ptr<const WorkstationKey>> earlier_keys_; ///< one for each of rotations_
    std::vector<SignedRotation> rotations_;
    std::string name_;
    Timestamp now_{};
    Timestamp booted_{};
    std::vector<LedgerRecord> records_;
    std::vector<SignedCheckpoint> checkpoints_; ///< one at each start
    unsigned logins_ = 0;
};

} // namespace ukey::test
