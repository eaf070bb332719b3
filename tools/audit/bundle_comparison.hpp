// SPDX-License-Identifier: Apache-2.0
// Bundles of one workstation against each other: what none of them shows alone.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tools/audit/bundle_check.hpp"

namespace ukey::ctl {

/// What two bundles say of each other.
struct BundleContradiction {
    std::size_t earlier = 0; ///< their places in what was compared
    std::size_t later = 0;
    /// `bundle.fork` (from record `seq` on they are two ledgers), `bundle.restored` (the same, and one of
    /// them says that it goes on from a restored backup there), `bundle.cut_tail` (the later one ends before
    /// `seq`, which the earlier one has), `bundle.gap` (nobody has the records from `seq` on until the later
    /// one begins; by their numbers) or `bundle.attestation_wrong` (a copy of one in the earlier).
    BundleProblem problem;
};

/// `bundles` are of one workstation, each signed as a whole (is_signed()), by the time they were written.
std::vector<BundleContradiction> compare_bundles(std::span<const CheckedBundle* const> bundles);

} // namespace ukey::ctl
