// SPDX-License-Identifier: Apache-2.0
// What a bundle's records refer to, beside them.
#include <gtest/gtest.h>

#include <functional>

#include <boost/json/serialize.hpp>

#include "tests/support/attested_ledger.hpp"
#include "tools/audit/bundle_check.hpp"

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

/// Records 3 and 4 refer to a user.
LedgerSample sample() {
    LedgerSample ledger(2);
    for (const int uid : {1000, 1001}) {
        ledger.append_personal("key.released",
                               {{"key", "0123456789ab"}, {"organisation", "1"}, {"uid", uid}});
    }
    ledger.append("daemon.stopped", "{}");
    return ledger;
}

TEST(BundlePersonal, IsWhatItsRecordsReferTo) {
    LedgerSample ledger = sample();
    const CheckedBundle whole = check(ledger.bundle());
    EXPECT_EQ(codes(whole), "");
    EXPECT_EQ(whole.personal_removed, 0U);
    EXPECT_EQ(codes(check(ledger.bundle(4))), "");

    LedgerSample removed = ledger;
    removed.openings().erase(3);
    const CheckedBundle less = check(removed.bundle());
    EXPECT_EQ(codes(less), "") << "it may be removed";
    EXPECT_EQ(less.personal_removed, 1U);
    EXPECT_EQ(less.hashes, whole.hashes);

    for (const auto& change : std::vector<std::function<void(Opening&)>>{
             [](Opening& opening) { opening.value = R"({"uid":1002})"; },
             [](Opening& opening) { opening.value += " "; },
             [](Opening& opening) { opening.salt[0] ^= 1; }}) {
        LedgerSample changed = ledger;
        change(changed.openings().at(4));
        EXPECT_EQ(codes(check(changed.bundle())), "bundle.personal_wrong 4; ");
    }
    std::swap(ledger.openings().at(3), ledger.openings().at(4));
    EXPECT_EQ(codes(check(ledger.bundle())), "bundle.personal_wrong 3; bundle.personal_wrong 4; ");
}

TEST(BundlePersonal, OfARecordThatRefersToNothingIsRefused) {
    LedgerSample ledger = sample();
    ledger.openings().emplace(5, ledger.openings().at(4));
    EXPECT_EQ(codes(check(ledger.bundle())), "bundle.personal_wrong 5; ");
}

TEST(BundlePersonal, EveryFlippedBitIsNoticed) {
    std::string file = sample().bundle(4);
    ASSERT_EQ(codes(check(file, 1)), "");
    const std::size_t begin = file.find("REFS");
    ASSERT_NE(begin, std::string::npos);
    const std::size_t end = file.find("RECS");
    for (std::size_t bit = begin * 8; bit < end * 8; ++bit) {
        file[bit / 8] ^= static_cast<char>(1 << (bit % 8));
        EXPECT_NE(codes(check(file, 1)), "") << "bit " << bit;
        file[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    }
}

TEST(BundlePersonal, WhoCarriesTheFileCannotTakeItOutOrMoveIt) {
    const std::string file = sample().bundle(4);
    const std::size_t begin = file.find("REFS");
    const std::size_t records = file.find("RECS");
    const std::size_t after = file.find("CKPT");
    const std::string refs = file.substr(begin, records - begin);
    std::string without = file;
    without.erase(begin, refs.size());
    EXPECT_EQ(codes(check(without)), "bundle.end_wrong; ");
    std::string moved = file;
    moved.insert(after, refs);
    moved.erase(begin, refs.size());
    EXPECT_NE(codes(check(moved)).find("bundle.personal_wrong 4; "), std::string::npos);
    std::string twice = file;
    twice.insert(begin, refs);
    EXPECT_NE(codes(check(twice)).find("bundle.personal_wrong 4; "), std::string::npos);
}

/// A ledger whose second record is an attested login of user 7.
LedgerSample with_attested_login() {
    const Timestamp moment = parse_timestamp("2026-04-01T00:00:01Z").value();
    const auto certificate = test::TestCertificate::self_signed(test::CertificateRequest(), moment);
    LedgerSample ledger(1);
    ledger.append_personal("session.started", test::attested_login(ledger, certificate, moment));
    return ledger;
}

TEST(BundlePersonal, AttestedLoginIsCheckedAsLongAsItsSignatureIsThere) {
    LedgerSample ledger = with_attested_login();
    EXPECT_EQ(ledger.records().back().payload.find("signature"), std::string::npos);
    const CheckedBundle whole = check(ledger.bundle());
    EXPECT_EQ(codes(whole), "");
    EXPECT_EQ(whole.attested, 1U);
    EXPECT_EQ(whole.attested_removed, 0U);
    ledger.openings().clear();
    const CheckedBundle removed = check(ledger.bundle());
    EXPECT_EQ(codes(removed), "") << "no fault of the bundle";
    EXPECT_EQ(removed.attested, 0U);
    EXPECT_EQ(removed.attested_removed, 1U);
    EXPECT_EQ(removed.personal_removed, 1U);
}

TEST(BundlePersonal, AttestationWithoutSignatureIsNoAttestation) {
    LedgerSample ledger(1);
    ledger.append_personal("session.started", {{"login", std::string(32, 'b')},
                                               {"key", "k"},
                                               {"organisation", ""},
                                               {"uid", 7},
                                               {"grade", "attested"}});
    EXPECT_EQ(codes(check(ledger.bundle())), "bundle.attestation_wrong 2; ");
}

TEST(BundlePersonal, ManyRecordsInSeveralSectionsHold) {
    LedgerSample ledger(0);
    for (int number = 0; number < 3000; ++number) {
        if (number % 3 == 0) {
            ledger.append("key.removed", R"({"key":"0123456789ab"})");
        } else {
            ledger.append_personal(
                "key.released",
                {{"key", "0123456789ab"}, {"organisation", std::string(60, '1')}, {"uid", number}});
        }
        if (number % 7 == 0) {
            ledger.openings().erase(ledger.records().size());
        }
    }
    const CheckedBundle bundle = check(ledger.bundle());
    EXPECT_EQ(codes(bundle), "");
    EXPECT_EQ(bundle.personal_removed + ledger.openings().size(), 2000U);
}

} // namespace
} // namespace ukey::ctl
