// SPDX-License-Identifier: Apache-2.0
// A ledger in memory with its workstation's key, and bundles of it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core/bundle.hpp"

namespace ukey::test {

class LedgerSample {
  public:
    /// So many records, a second apart.
    explicit LedgerSample(std::size_t count);

    const WorkstationKey& key() const { return *key_; }
    const std::vector<LedgerRecord>& records() const { return records_; }

    /// Another record in the place of `seq`; the hashes from there on fit again.
    void change(std::uint64_t seq, std::string kind, std::string payload);
    /// One more record, a second later.
    void append(std::string kind, std::string payload);
    /// The same, with what is personal in it beside it.
    void append_personal(std::string kind, boost::json::object payload);
    /// What records refer to, by their numbers: bundles have it.
    std::map<std::uint64_t, Opening>& openings() { return openings_; }
    /// The ledger when it had only so many.
    LedgerSample first(std::size_t count) const;

    struct Signed {
        bool checkpoint_before = true;
        bool checkpoint_after = true;
    };
    /// From this record on, to the end.
    std::string bundle(std::uint64_t first_seq, Signed is_signed) const;
    std::string bundle(std::uint64_t first_seq = 1) const { return bundle(first_seq, Signed()); }
    /// The whole ledger, with certificates of CAs (DER) before its records.
    std::string bundle_with(const std::vector<std::string>& certificates) const {
        return write(records_, checkpoints(), 1, certificates);
    }
    /// The checkpoints of bundle().
    std::vector<SignedCheckpoint> checkpoints() const;
    /// With these records and checkpoints, whatever they are.
    std::string bundle_of(const std::vector<LedgerRecord>& records,
                          const std::vector<SignedCheckpoint>& checkpoints) const;
    std::string bundle_of(const std::vector<LedgerRecord>& records) const {
        return bundle_of(records, checkpoints());
    }

  private:
    void link();
    std::string write(const std::vector<LedgerRecord>& records,
                      const std::vector<SignedCheckpoint>& checkpoints, std::uint64_t first_seq,
                      const std::vector<std::string>& certificates = {}) const;
    std::string hash_of(std::uint64_t seq) const;
    SignedCheckpoint checkpoint_at(std::uint64_t seq) const;

    std::shared_ptr<const WorkstationKey> key_;
    std::vector<LedgerRecord> records_;
    std::map<std::uint64_t, Opening> openings_;
};

} // namespace ukey::test
