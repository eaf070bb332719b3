// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_check.hpp"

#include <gtest/gtest.h>

#include "tests/support/ledger_sample.hpp"
#include "tools/audit/bundle_comparison.hpp"

namespace ukey::ctl {
namespace {

using test::LedgerSample;

CheckedBundle check(std::string_view file, unsigned threads = 2) {
    return check_bundle(file, {.threads = threads, .trust = nullptr, .progress = {}});
}

std::string codes(const CheckedBundle& bundle) {
    std::string text;
    for (const BundleProblem& problem : bundle.problems) {
        text += problem.code + (problem.seq ? " " + std::to_string(*problem.seq) : "") + "; ";
    }
    return text;
}

TEST(BundleCheck, WholeLedgerHolds) {
    const LedgerSample ledger(200);
    const CheckedBundle bundle = check(ledger.bundle());
    EXPECT_EQ(codes(bundle), "");
    EXPECT_EQ(bundle.workstation, ledger.key().fingerprint());
    EXPECT_EQ(bundle.records(), 200U);
    EXPECT_EQ(bundle.last_seq, 200U);
    EXPECT_EQ(bundle.checkpoints.size(), 2U);
    EXPECT_EQ(bundle.first_time, ledger.records().front().time);
    EXPECT_EQ(bundle.last_time, ledger.records().back().time);
    EXPECT_EQ(bundle.hash_of(0), ledger_genesis_hash());
    EXPECT_EQ(bundle.hash_of(200), ledger.records().back().hash);
    EXPECT_EQ(bundle.hash_of(201), std::nullopt);
}

TEST(BundleCheck, PartHoldsWithTheCheckpointBeforeIt) {
    const LedgerSample ledger(20);
    EXPECT_EQ(codes(check(ledger.bundle(8))), "");
    EXPECT_EQ(codes(check(ledger.bundle(8, {.checkpoint_before = false}))), "bundle.checkpoint_missing 7; ");
    EXPECT_EQ(codes(check(ledger.bundle(8, {.checkpoint_after = false}))), "bundle.checkpoint_missing 20; ");
    EXPECT_EQ(codes(check(LedgerSample(0).bundle())), "") << "nothing has happened yet";
}

TEST(BundleCheck, EveryFlippedBitIsNoticed) {
    const LedgerSample ledger(2);
    std::string file = ledger.bundle(2);
    ASSERT_EQ(codes(check(file, 1)), "");
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        file[bit / 8] ^= static_cast<char>(1 << (bit % 8));
        // One in the key makes it another workstation's, which nobody has enrolled; and nothing fits to that
        // key.
        EXPECT_NE(codes(check(file, 1)), "") << "bit " << bit;
        file[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    }
}

TEST(BundleCheck, EveryCutIsNoticed) {
    const std::string file = LedgerSample(4).bundle();
    for (std::size_t length = 0; length < file.size(); ++length) {
        EXPECT_NE(codes(check(std::string_view(file).substr(0, length), 1)), "") << length;
    }
    EXPECT_NE(codes(check(file + "x")), "");
}

TEST(BundleCheck, RecordsMovedRemovedOrRepeatedAreNamed) {
    const LedgerSample ledger(6);
    auto records = ledger.records();
    std::swap(records[2], records[3]);
    EXPECT_EQ(
        codes(check(ledger.bundle_of(records))),
        "bundle.record_missing 3; bundle.record_wrong 4; bundle.record_missing 4; bundle.record_wrong 3; "
        "bundle.record_wrong 5; bundle.checkpoint_wrong 3; ");
    records = ledger.records();
    records.erase(records.begin() + 2);
    EXPECT_EQ(codes(check(ledger.bundle_of(records))).substr(0, 24), "bundle.record_missing 3;");
    records = ledger.records();
    records.insert(records.begin() + 2, records[2]);
    EXPECT_EQ(codes(check(ledger.bundle_of(records))).substr(0, 24), "bundle.record_missing 4;");
    records = ledger.records();
    records[3].payload = "{}";
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_wrong 4; ");
}

TEST(BundleCheck, AnotherLedgerWithHashesThatFitIsNotSigned) {
    const LedgerSample ledger(6);
    LedgerSample forged = ledger;
    forged.change(3, "key.bound", "{}");
    EXPECT_EQ(codes(check(forged.bundle_of(forged.records(), ledger.checkpoints()))),
              "bundle.checkpoint_wrong 3; bundle.checkpoint_wrong 6; bundle.checkpoint_missing 6; ");
    const WorkstationKey other = WorkstationKey::generate();
    EXPECT_EQ(codes(check(ledger.bundle_of(ledger.records(),
                                           {sign_checkpoint(other, 6, ledger.records()[5].hash, {})}))),
              "bundle.checkpoint_wrong 6; bundle.checkpoint_missing 6; ");
}

TEST(BundleCheck, NoiseIsRefused) {
    EXPECT_NE(codes(check("")), "");
    EXPECT_NE(codes(check("ukey-bundle-v1\n")), "");
    std::string file = LedgerSample(2).bundle();
    file.replace(19, 8, "\x7f\xff\xff\xff\xff\xff\xff\xff"); // the header's length
    EXPECT_NE(codes(check(file)), "");
}

TEST(BundleComparison, CutTailForkAndGapAreTold) {
    const LedgerSample ledger(10);
    const CheckedBundle whole = check(ledger.bundle());
    const CheckedBundle second_half = check(ledger.bundle(6));
    const CheckedBundle first_half = check(ledger.first(5).bundle());
    LedgerSample other = ledger;
    other.change(4, "key.bound", "{}");
    const CheckedBundle forked = check(other.bundle());
    const CheckedBundle fork_of_the_rest = check(other.bundle(6));
    const CheckedBundle late_part = check(ledger.bundle(8));
    ASSERT_EQ(codes(forked) + codes(late_part) + codes(first_half) + codes(second_half), "");

    const auto compare = [](std::vector<const CheckedBundle*> bundles) {
        std::string text;
        for (const BundleContradiction& found : compare_bundles(bundles)) {
            text += found.problem.code + " " + std::to_string(found.problem.seq.value_or(0)) + "; ";
        }
        return text;
    };
    EXPECT_EQ(compare({&first_half, &second_half, &whole}), "");
    EXPECT_EQ(compare({&whole, &first_half}), "bundle.cut_tail 6; ");
    EXPECT_EQ(compare({&whole, &forked}), "bundle.fork 4; ");
    EXPECT_EQ(compare({&first_half, &fork_of_the_rest}), "bundle.fork 5; ");
    EXPECT_EQ(compare({&first_half, &late_part}), "bundle.gap 6; ");
}

} // namespace
} // namespace ukey::ctl
