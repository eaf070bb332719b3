// SPDX-License-Identifier: Apache-2.0
// The layers between a USB port and a binding, from the outside in, each checked on its own. No PIN is ever
// used, and no key is touched: everything comes from the service's status, from sysfs, the kernel's log and
// from what pcscd knows of its readers.
#pragma once

#include <string>
#include <vector>

#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/doctor.hpp"
#include "tools/diagnosis/target.hpp"

namespace ukey::ctl {

/// The layers from the outside in. An empty target stands for a key that nothing sees.
std::vector<Check> diagnose_target(const Target& target, const ComputerView& view);

/// Another device of this product is in: their readers have one name, and which is whose cannot be told.
bool has_twin(const Target& target, const ComputerView& view);

/// Parts of it: the port and what is at it; what this computer needs for it; the token.
Check check_bus(const Target& target, const ComputerView& view);
Check check_node(const Target& target);
Check check_driver(const Target& target);
Check check_middleware(const Target& target, const ComputerView& view);
Check check_smart_card_service(const Target& target, const ComputerView& view);
Check check_reader(const Target& target, const ComputerView& view);
Check check_token(const Target& target, const ComputerView& view, const Check& reader);
Check check_pin(const Target& target);
Check check_certificate(const Target& target);
Check check_binding(const Target& target);

} // namespace ukey::ctl
