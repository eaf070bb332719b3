// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "tools/style.hpp"

namespace ukey::ctl {

/// The result of the control verb `status` for people.
std::string render_status(const boost::json::object& status, const Style& style);

} // namespace ukey::ctl
