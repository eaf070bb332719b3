// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>

#include "tools/output_file.hpp"
#include "tools/verb.hpp"

namespace ukey::ctl {

/// Has the service write and sign a bundle, and puts its bytes into `output`, which the caller commits.
/// `wanted` are the arguments of audit.bundle (docs/formats/channels.md): {} for the whole ledger. Shows how
/// far it is. Errors of the call (before any byte came: `audit.no_checkpoint`), and `control.bad_answer`.
/// Blocks.
Outcome<void> fetch_bundle(const Context& context, const boost::json::object& wanted, OutputFile& output);

} // namespace ukey::ctl
