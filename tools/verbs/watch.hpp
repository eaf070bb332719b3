// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "tools/style.hpp"

namespace ukey::ctl {

/// One event on one line; findings of a key on lines of their own.
std::string render_event(const boost::json::object& event, const Style& style);

} // namespace ukey::ctl
