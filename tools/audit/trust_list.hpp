// SPDX-License-Identifier: Apache-2.0
// Which workstations are known: a bundle cannot vouch for itself.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "daemon/core/result.hpp"

namespace ukey::ctl {

enum class WorkstationTrust { trusted, revoked, unknown };

/// A text file, one workstation a line: FINGERPRINT, `trusted` or `revoked`, and a name for people; # begins
/// a comment.
class TrustList {
  public:
    /// Errors `trust_list.malformed`, with `file:line`.
    static Result<TrustList> parse(std::string_view file, std::string_view text);
    /// Reads a file; also `file.unreadable`.
    static Result<TrustList> load(const std::string& path);

    WorkstationTrust of(const std::string& fingerprint) const;
    /// Empty when it is unknown or has none.
    std::string name_of(const std::string& fingerprint) const;

    struct Entry {
        WorkstationTrust trust;
        std::string name;
    };
    /// By fingerprint.
    const std::map<std::string, Entry>& entries() const { return entries_; }

  private:
    std::map<std::string, Entry> entries_;
};

} // namespace ukey::ctl
