// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace ukey::ctl {

/// A line when an answer of audit.archive or audit.remove_personal_data says, by `is_gone`, that traces of
/// what was removed are left; else nothing.
std::string traces_left(const boost::json::object& answer);

} // namespace ukey::ctl
