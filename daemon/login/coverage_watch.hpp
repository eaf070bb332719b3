// SPDX-License-Identifier: Apache-2.0
// Signs that a login could have gone unseen: a filter of another version, a PIN whose state changed while no
// login was told. Each is recorded as a statement, so that the criterion can say “cannot tell”.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/inventory.hpp"
#include "daemon/login/login_message.hpp"

namespace ukey {

struct CoverageGap {
    boost::json::object payload; ///< of a record `coverage.gap`
    /// To be called once that record is written: until then the gap is found again.
    std::function<void()> recorded;
};

/// I/O thread only.
class CoverageWatch {
  public:
    /// The gaps that this question shows and that no record tells of yet. `key` is the key that is in,
    /// `module_path` the module that its worker read it by; null and empty when it is not in.
    std::vector<CoverageGap> look(const AskMessage& ask, std::uint32_t uid, const PresentKey* key,
                                  const std::string& module_path);

    /// A login or PIN change was told: what the flags are next is its doing. With success they are all clear.
    void pin_was_used(const std::string& key_id, bool successfully);
    /// The key is out: elsewhere anything may happen to its PIN.
    void forget(const std::string& key_id) { pin_flags_.erase(key_id); }

  private:
    using PinFlags = std::set<std::string, std::less<>>;
    /// A program's path and its filter's version.
    using Program = std::pair<std::string, std::string>;
    struct ToldPrograms {
        std::uint32_t uid;
        std::set<Program> programs;
    };
    std::optional<CoverageGap> other_version(const AskMessage& ask, std::uint32_t uid);
    void remember(std::uint32_t uid, Program program);
    std::optional<CoverageGap> changed_pin_state(const PinFlags& now, const PresentKey& key,
                                                 bool same_module);

    /// By key id: the flags as they must be if nobody has used the PIN unseen; nullopt: not known. A key that
    /// is not here has those of its insertion.
    std::map<std::string, std::optional<PinFlags>> pin_flags_;
    /// The user of whom something was told last comes last.
    std::list<ToldPrograms> told_;
};

} // namespace ukey
