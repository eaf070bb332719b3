// SPDX-License-Identifier: Apache-2.0
// A month's assessment as JSON (docs/formats/assessment.md §5), for the control channel and for files, and
// back.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "daemon/core/assessment.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

/// One organisation.
boost::json::object row_json(const OrganisationAssessment& row, const MonthAssessment& assessment);

/// What contradicts.
boost::json::array conflicts_json(const std::vector<Conflict>& conflicts);

/// Everything but the organisations.
boost::json::object summary_json(const MonthAssessment& assessment);

/// From the summary with its rows beside it, as the member `rows`. Unknown members are ignored; error
/// `frame.malformed` with the member that is missing or wrong.
Result<MonthAssessment> assessment_from_json(const boost::json::object& report);

} // namespace ukey
