// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_comparison.hpp"

#include <algorithm>
#include <numeric>

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

bool has_seam_at(const CheckedBundle& bundle, std::uint64_t seq) {
    return std::ranges::find(bundle.seams, seq) != bundle.seams.end();
}

std::optional<BundleProblem> contradiction(const CheckedBundle& earlier, const CheckedBundle& later) {
    if (const auto seq = first_difference(earlier, later)) {
        // Two that both go on from a backup there go on beside each other.
        if (has_seam_at(earlier, *seq) != has_seam_at(later, *seq)) {
            return BundleProblem{"bundle.restored", *seq, "one goes on from a restored backup here"};
        }
        return BundleProblem{"bundle.fork", *seq, "the two have different records from here on"};
    }
    if (later.last_seq < earlier.last_seq) {
        return BundleProblem{"bundle.cut_tail", later.last_seq + 1,
                             "an earlier bundle goes on to record " + std::to_string(earlier.last_seq)};
    }
    return std::nullopt;
}

/// In the order of their records, whenever they were written: a bundle that fills a gap may come later.
void find_gaps(std::span<const CheckedBundle* const> bundles, std::vector<BundleContradiction>& found) {
    std::vector<std::size_t> order(bundles.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t place) { return bundles[place]->header.first_seq; });
    std::size_t furthest = order.empty() ? 0 : order.front();
    for (const std::size_t place : order) {
        const std::uint64_t before = bundles[place]->header.first_seq - 1;
        const std::uint64_t covered = bundles[furthest]->last_seq;
        if (before > covered) {
            found.push_back(
                {furthest,
                 place,
                 {"bundle.gap", covered + 1, "no bundle has the records up to " + std::to_string(before)}});
        }
        if (bundles[place]->last_seq > covered) {
            furthest = place;
        }
    }
}

/// One question is answered by one login: the same nonce in another record is a copy.
void find_repeated_attestations(std::span<const CheckedBundle* const> bundles, std::size_t later,
                                std::vector<BundleContradiction>& found) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
        const std::vector<AnsweredNonce>& answered = bundles[earlier]->nonces;
        for (const AnsweredNonce& one : bundles[later]->nonces) {
            const auto same = std::ranges::lower_bound(answered, one.nonce, {}, &AnsweredNonce::nonce);
            if (same != answered.end() && same->nonce == one.nonce && same->seq != one.seq) {
                found.push_back({earlier, later, {"bundle.attestation_wrong", one.seq, "repeated"}});
            }
        }
    }
}

} // namespace

std::vector<BundleContradiction> compare_bundles(std::span<const CheckedBundle* const> bundles) {
    std::vector<BundleContradiction> found;
    for (std::size_t later = 0; later < bundles.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            if (auto problem = contradiction(*bundles[earlier], *bundles[later])) {
                found.push_back({earlier, later, std::move(*problem)});
            }
        }
        find_repeated_attestations(bundles, later, found);
    }
    find_gaps(bundles, found);
    return found;
}

} // namespace ukey::ctl
