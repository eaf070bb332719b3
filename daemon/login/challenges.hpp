// SPDX-License-Identifier: Apache-2.0
// The service's half of an attested login: what one process was asked to have signed, and what came of it.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "daemon/core/attestation.hpp"
#include "daemon/core/configuration.hpp"
#include "daemon/core/inventory.hpp"
#include "daemon/core/session.hpp"
#include "daemon/login/login_message.hpp"

namespace ukey {

/// Why this key is not asked to sign logins, as the ledger has it; empty: it is.
std::string obstacle_to_attestation(const PresentKey& key, const Configuration& configuration, Timestamp now);

/// 64 hexadecimal digits of the kernel's random numbers.
std::string make_nonce();

/// The nonces of one connection: each is good for one answer, in the process that asked, about the key that
/// it was asked for.
class Challenges {
  public:
    /// The question to a process about to log in. `login` and `started_at` of the record are the process's to
    /// say.
    struct Challenge {
        LoginRecord record;
        std::string executable; ///< as the process claimed when it asked
        std::string certificate_der;
        std::chrono::microseconds uptime{0};
    };
    void issue(Challenge challenge);

    /// When an answer arrived, by the service's own clocks.
    struct Arrival {
        Timestamp time;
        std::chrono::microseconds uptime;
    };
    /// Sets the session's grade and its member `attestation` by what the process answered. `key` is the key
    /// that is in now, null when it is not.
    void judge(LoginSession& session, const ResultMessage& message, const PresentKey* key,
               const Arrival& arrival);

    /// What judge() made of this login is in the ledger, or could not be written: then its nonce may be
    /// answered once more, because the filter tells the login again.
    void settle(const std::string& login, bool written);

  private:
    std::optional<Challenge> take(const ResultMessage& message, std::chrono::microseconds uptime);

    std::list<Challenge> open_;
    /// Answered, by login, until settle().
    std::map<std::string, Challenge> judged_;
};

/// What the filter gets beside the verdict. `object_id`: CKA_ID of the private key, in hexadecimal.
boost::json::object to_json(const Challenges::Challenge& challenge, const std::string& object_id);

} // namespace ukey
