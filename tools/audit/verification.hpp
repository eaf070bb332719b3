// SPDX-License-Identifier: Apache-2.0
// `ukeyctl audit verify FILE…`: bundles, each for itself, against who is trusted, and against each other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/audit/bundle_check.hpp"
#include "tools/audit/bundle_comparison.hpp"
#include "tools/audit/trust_list.hpp"
#include "tools/failure.hpp"
#include "tools/style.hpp"

namespace ukey::ctl {

struct VerificationRequest {
    std::vector<std::string> files;
    /// A TrustList; nullopt: whose a bundle is stays open.
    std::optional<std::string> trust_list;
    /// CA files or folders for the U-Keys' certificates; empty: only signatures are checked.
    std::vector<std::string> ca_paths;
};

struct VerifiedFile {
    std::string file;
    CheckedBundle bundle;
    std::optional<WorkstationTrust> trust; ///< nullopt: nobody was named
    std::string name;                      ///< in the trust list
    /// The fingerprint that the list has, when it is not the one that signed: that key vouches for the other.
    std::string trusted_through;

    bool holds() const {
        return bundle.problems.empty() &&
               trust.value_or(WorkstationTrust::trusted) == WorkstationTrust::trusted;
    }
};

struct Verification {
    std::vector<VerifiedFile> files; ///< by workstation and the time they were written
    struct Contradiction {
        std::string earlier; ///< files
        std::string later;
        BundleProblem problem;
    };
    std::vector<Contradiction> contradictions;

    bool holds() const;
};

/// Errors `file.unreadable`, `trust_list.malformed`. Shows progress. Blocks.
Outcome<Verification> verify_files(const VerificationRequest& request);

boost::json::object to_json(const Verification& verification);
std::string render(const Verification& verification, const Style& style);

} // namespace ukey::ctl
