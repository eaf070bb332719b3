// SPDX-License-Identifier: Apache-2.0
// The logins of a month that count, out of the store.
#pragma once

#include <vector>

#include "daemon/core/assessment.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// A login whose time was wrong: it counts in neither of the months that it may belong to.
struct MisplacedSession {
    std::int64_t organisation = 0; ///< the store's number
    std::int64_t workstation = 0;  ///< the same
    Timestamp time{};              ///< within the month, as it was recorded or as it should have been
};

struct CountedSessions {
    struct OfOrganisation {
        std::int64_t organisation = 0;          ///< the store's number
        std::vector<LoginEvidenceRow> sessions; ///< by their start
    };
    std::vector<OfOrganisation> organisations;
    std::vector<MisplacedSession> misplaced;
};

/// Blocks. Errors of the database.
Result<CountedSessions> read_counted_sessions(Database& database, const ChinaMonth& month,
                                              const CriterionRule& rule);

/// The texts of a table (id, text), by their numbers.
Result<std::vector<std::string>> read_texts(Database& database, const std::string& table,
                                            const std::string& column);

} // namespace ukey::ctl::district
