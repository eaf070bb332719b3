// SPDX-License-Identifier: Apache-2.0
// Puts what bundles say into the store. The same facts leave the same rows in whatever order they come, and
// coming again they change nothing.
#pragma once

#include <vector>

#include "tools/district/branches.hpp"
#include "tools/district/bundle_facts.hpp"
#include "tools/district/names.hpp"

namespace ukey::ctl::district {

class FactWriter {
  public:
    static Result<FactWriter> make(Database& database);

    /// Those facts whose records are in `added`. Inside a transaction.
    Result<void> write(std::int64_t workstation, const BundleFacts& facts,
                       const std::vector<SeqRange>& added);

  private:
    struct Numbers {
        Names organisations;
        Names keys;
        Names programs;
    };
    FactWriter(Database& database, Numbers numbers);

    Result<void> write_sessions(std::int64_t workstation, const BundleFacts& facts,
                                const std::vector<SeqRange>& added);
    Result<void> write_session(std::int64_t workstation, SessionFact session);
    Result<bool> insert_session(std::int64_t workstation, const SessionFact& session);
    /// When another workstation has a login too.
    Result<void> note_shared(std::int64_t workstation, const std::string& login);
    /// One whose signature came with an earlier or later bundle than its record.
    Result<void> write_proof(std::int64_t workstation, const SessionFact& session);
    /// Of two sessions of one workstation with one login, as a fork may have: is this one the one that stays?
    Result<bool> comes_before_known(std::int64_t workstation, const SessionFact& session);
    Result<void> write_progress(std::int64_t workstation, const std::string& login,
                                const SessionProgress& progress);
    Result<void> take_earlier_progress(std::int64_t workstation, SessionFact& session);
    Result<void> write_events(std::int64_t workstation, const BundleFacts& facts,
                              const std::vector<SeqRange>& added);
    Result<void> write_sightings(std::int64_t workstation, const BundleFacts& facts);

    Database* database_;
    Numbers numbers_;
    Statement insert_session_;
    Statement others_with_login_;
    Statement update_session_;
    Statement insert_event_;
    Statement insert_sighting_;
    bool progress_is_kept_ = true; ///< false: no session waits for its beginning
};

} // namespace ukey::ctl::district
