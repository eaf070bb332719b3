// SPDX-License-Identifier: Apache-2.0
// One login out of an export of the ledger, without the service that wrote it.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "tools/failure.hpp"

namespace ukey::ctl {

/// From a file of `ukeyctl audit export --format json`: the answer of the verb session.show
/// (docs/formats/channels.md §4) as the records tell it, less what only the service knows (`user`,
/// `counted`). `login` is the id or the beginning of it. The file's chain is checked first. Errors
/// `file.unreadable`, `audit.chain_broken`, `session.not_found`, `session.ambiguous`.
Outcome<boost::json::object> exported_session(const std::string& file, const std::string& login);

} // namespace ukey::ctl
