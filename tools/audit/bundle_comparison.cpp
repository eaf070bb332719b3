// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_comparison.hpp"

#include <algorithm>

namespace ukey::ctl {
namespace {

/// The first record that both have and that differs; nullopt: there is none. In two whole chains every record
/// after one that differs differs too, so it is enough to halve.
std::optional<std::uint64_t> first_difference(const CheckedBundle& one, const CheckedBundle& other) {
    std::uint64_t low = std::max(one.header.first_seq, other.header.first_seq) - 1;
    std::uint64_t high = std::min(one.last_seq, other.last_seq);
    const auto differ = [&](std::uint64_t seq) { return one.hash_of(seq) != other.hash_of(seq); };
    if (low > high || !differ(high)) {
        return std::nullopt;
    }
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (differ(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

std::optional<BundleProblem> contradiction(const CheckedBundle& earlier, const CheckedBundle& later) {
    if (const auto seq = first_difference(earlier, later)) {
        return BundleProblem{"bundle.fork", *seq, "the two have different records from here on"};
    }
    if (later.last_seq < earlier.last_seq) {
        return BundleProblem{"bundle.cut_tail", later.last_seq + 1,
                             "an earlier bundle goes on to record " + std::to_string(earlier.last_seq)};
    }
    return std::nullopt;
}

} // namespace

std::vector<BundleContradiction> compare_bundles(std::span<const CheckedBundle* const> bundles) {
    std::vector<BundleContradiction> found;
    std::uint64_t covered = 0; // by all so far, from the first record of any of them on
    for (std::size_t later = 0; later < bundles.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            if (auto problem = contradiction(*bundles[earlier], *bundles[later])) {
                found.push_back({earlier, later, std::move(*problem)});
            }
        }
        const CheckedBundle& bundle = *bundles[later];
        if (later > 0 && bundle.header.first_seq > covered + 1) {
            found.push_back(
                {later - 1,
                 later,
                 {"bundle.gap", covered + 1,
                  "no bundle has the records up to " + std::to_string(bundle.header.first_seq - 1)}});
        }
        covered = std::max(covered, bundle.last_seq);
    }
    return found;
}

} // namespace ukey::ctl
