// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/layers.hpp"

namespace ukey::ctl {

std::vector<Check> diagnose_target(const Target& target, const ComputerView& view) {
    std::vector<Check> checks{check_bus(target, view),        check_node(target),
                              check_driver(target),           check_daemon(view),
                              check_middleware(target, view), check_smart_card_service(target, view)};
    const Check reader = check_reader(target, view);
    checks.push_back(reader);
    checks.push_back(check_token(target, view, reader));
    checks.push_back(check_pin(target));
    checks.push_back(check_clock(view));
    checks.push_back(check_certificate(target));
    checks.push_back(check_binding(target));
    return checks;
}

} // namespace ukey::ctl
