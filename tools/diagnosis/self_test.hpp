// SPDX-License-Identifier: Apache-2.0
// The innermost layer, only when it is asked for: the key signs, and what it signed is compared with its
// certificate; a key for encryption decrypts as well. This uses the PIN, once; a wrong one costs a try.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "daemon/core/decryption_sample.hpp"
#include "daemon/core/secret.hpp"
#include "tools/diagnosis/check.hpp"
#include "tools/failure.hpp"
#include "tools/person_probe.hpp"

namespace ukey::ctl {

/// To load the module, log in and sign once; and for each further signature of a slow key.
constexpr std::chrono::seconds self_test_wait{30};
constexpr std::chrono::milliseconds self_test_wait_each{600};
/// To load the module and read the certificates, for what is to be decrypted.
constexpr std::chrono::seconds list_wait{10};

/// Why the key may not be tested now, as a check without its signatures; nothing: it may be. Its PIN is
/// locked or has one try left, or somebody is logged in with it.
std::optional<Check> self_test_refusal(const boost::json::object& key);

/// Lets the key sign `times` times, and decrypt what was encrypted for its certificates, in a process of its
/// own. Blocks up to `list_wait` and `self_test_wait`, and `self_test_wait_each` for each signature.
Check self_test(const PersonProbe& probe, const Secret& pin, unsigned times);

/// The check that a probe's answer stands for.
Check judge_self_test(const Outcome<boost::json::object>& answer,
                      std::span<const DecryptionQuestion> questions, const std::string& subject);

} // namespace ukey::ctl
