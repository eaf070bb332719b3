// SPDX-License-Identifier: Apache-2.0
// A ukey-probe of the person's own: changes a PIN or tests a key in a process of its own, so that a vendor
// library that crashes or hangs does not take ukeyctl with it, and the PIN never reaches the service.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/failure.hpp"
#include "tools/pin_input.hpp"

namespace ukey::ctl {

/// Vendor libraries are slow; a card's own PIN change takes a second or two.
constexpr std::chrono::seconds pin_change_wait{60};

struct PersonProbe {
    std::string probe;        ///< path of ukey-probe
    std::string module;       ///< the filter, or a module to be used without it
    std::string backend;      ///< the real module behind the filter
    std::string login_socket; ///< where the filter tells the daemon of the change
    std::string serial;       ///< the token's
};

/// Runs `ukey-probe --person VERB` with the PINs, a line each, and answers its line of JSON
/// (daemon/probe/person.hpp). Blocks up to `wait`; the process is gone then. Errors `pin.no_probe`, and
/// `code_if_unknown` with the place {reason} when it ends without an answer.
Outcome<boost::json::object> run_person_probe(const PersonProbe& probe, const std::string& verb,
                                              const std::vector<std::string>& options,
                                              std::initializer_list<const Secret*> pins,
                                              std::chrono::seconds wait, const std::string& code_if_unknown);

/// Runs `ukey-probe --person change-pin` and answers what the key said: a PKCS#11 return value such as CKR_OK
/// or CKR_PIN_INCORRECT. Blocks up to `wait`. Error `pin.change_unknown` when the process ends without an
/// answer.
Outcome<std::string> change_pin(const PersonProbe& change, const PinPair& pins,
                                std::chrono::seconds wait = pin_change_wait);

/// The failure for a return value; none for CKR_OK.
Outcome<void> judge_pin_change(const std::string& rv);

} // namespace ukey::ctl
