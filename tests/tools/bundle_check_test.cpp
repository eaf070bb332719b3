// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_check.hpp"

#include <gtest/gtest.h>

#include "tests/support/attested_ledger.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tools/audit/bundle_comparison.hpp"
#include "tools/audit/verification.hpp"

namespace ukey::ctl {
namespace {

using test::LedgerSample;
using test::with_attested_login;

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
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_missing 3; ");
    records = ledger.records();
    records.erase(records.begin() + 2);
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_missing 3; ");
    records = ledger.records();
    records.insert(records.begin() + 2, records[2]);
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_missing 4; ");
    records = ledger.records();
    records.pop_back();
    EXPECT_EQ(codes(check(ledger.bundle_of(records))),
              "bundle.checkpoint_wrong 6; bundle.checkpoint_missing 5; ");
}

TEST(BundleCheck, OneChangeIsOneProblem) {
    const LedgerSample ledger(6);
    auto records = ledger.records();
    records[3].payload = "{}";
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_wrong 4; ");
    records = ledger.records();
    records[3].hash[0] ^= 1;
    EXPECT_EQ(codes(check(ledger.bundle_of(records))), "bundle.record_wrong 4; ");
    records = ledger.records();
    records[1].time = Timestamp(std::chrono::microseconds(-1)); // no time that can be written
    EXPECT_NE(codes(check(ledger.bundle_of(records))), "");
}

TEST(BundleCheck, NoiseDoesNotHideWhatElseThereIs) {
    const LedgerSample ledger(300);
    auto records = ledger.records();
    for (std::size_t index = 0; index < 200; ++index) {
        records[index].payload = "{}";
    }
    records.erase(records.begin() + 250);
    const CheckedBundle bundle = check(ledger.bundle_of(records));
    EXPECT_EQ(bundle.problems.size(), problems_of_a_kind_max + 1);
    EXPECT_EQ(bundle.problems_left_out, 200 - problems_of_a_kind_max);
    EXPECT_EQ(bundle.problems.back().code, "bundle.record_missing");
    EXPECT_EQ(bundle.problems.back().seq, 251U);
    EXPECT_EQ(bundle.records(), 250U); // none of those after the hole
    EXPECT_EQ(bundle.hash_of(250), std::string_view(records[249].hash));
    EXPECT_EQ(bundle.hash_of(252), std::nullopt);
}

TEST(BundleCheck, BytesBetweenTheRecordsAreSignedToo) {
    const LedgerSample ledger(2);
    const std::string file = ledger.bundle();
    const std::string empty = std::string("RECS") + std::string(8, '\0');
    const std::size_t place = file.find("RECS");
    EXPECT_NE(codes(check(file.substr(0, place) + empty + file.substr(place))), "");
}

TEST(BundleCheck, AttestationIsOfItsTimeAndOfOneLogin) {
    const Timestamp moment = parse_timestamp("2026-04-01T00:00:01Z").value();
    const auto certificate = test::TestCertificate::self_signed(test::CertificateRequest(), moment);
    LedgerSample ledger = with_attested_login(certificate, moment);
    const CheckedBundle good = check(ledger.bundle());
    EXPECT_EQ(codes(good), "");
    EXPECT_EQ(good.attested, 1U);

    EXPECT_EQ(codes(check(with_attested_login(certificate, moment + std::chrono::hours(1)).bundle())),
              "bundle.attestation_wrong 2; ")
        << "the record is older than the question";
    EXPECT_EQ(codes(check(with_attested_login(certificate, moment, std::chrono::days(30)).bundle())),
              "bundle.attestation_wrong 2; ")
        << "moved to the next month";
    EXPECT_EQ(codes(check(with_attested_login(certificate, moment, -std::chrono::days(1)).bundle())),
              "bundle.attestation_wrong 2; ")
        << "moved to the month before";

    ledger.append("session.started", ledger.records().back().payload);
    const CheckedBundle repeated = check(ledger.bundle());
    EXPECT_EQ(codes(repeated), "bundle.attestation_wrong 3; ");
    EXPECT_EQ(repeated.attested, 1U);
    const CheckedBundle copy = check(ledger.bundle(3));
    ASSERT_EQ(codes(copy), "") << "alone, nobody can tell";
    const CheckedBundle first = check(ledger.first(2).bundle());
    const std::vector<const CheckedBundle*> both{&first, &copy};
    ASSERT_EQ(compare_bundles(both).size(), 1U);
    EXPECT_EQ(compare_bundles(both).front().problem,
              (BundleProblem{"bundle.attestation_wrong", 3, "repeated"}));
}

TEST(BundleCheck, AttestationIsOfTheKeyThatWasBound) {
    const Timestamp moment = parse_timestamp("2026-04-01T00:00:01Z").value();
    const auto certificate = test::TestCertificate::self_signed(test::CertificateRequest(), moment);
    const std::string own = parse_certificate(certificate.der(), {}).value().spki_sha256;
    const auto binding = [](const std::string& spki_sha256) {
        return std::pair<std::string, std::string>(
            "key.bound", R"({"key":"0123456789ab","organisation":"1","spki_sha256":")" + spki_sha256 + "\"}");
    };
    const std::pair<std::string, std::string> release{"key.released",
                                                      R"({"key":"0123456789ab","organisation":"1"})"};
    const auto check_with = [&](const std::vector<std::pair<std::string, std::string>>& between) {
        return check(with_attested_login(certificate, moment, {}, between).bundle());
    };
    const std::string other(64, 'c');
    EXPECT_EQ(codes(check_with({binding(own)})), "");
    const CheckedBundle foreign = check_with({binding(other)});
    ASSERT_EQ(foreign.problems.size(), 1U);
    EXPECT_EQ(foreign.problems.front(), (BundleProblem{"bundle.attestation_wrong", 3, "other_key"}));
    EXPECT_EQ(codes(check_with({binding(other), release})), "") << "it was bound no more";
    LedgerSample rebound = with_attested_login(certificate, moment, {}, {binding(own)});
    const auto [kind, payload] = binding(other);
    rebound.append(kind, payload);
    EXPECT_EQ(codes(check(rebound.bundle())), "") << "it was bound with a new key pair only later";
}

TEST(BundleCheck, AttestationIsOfATrustedCertificate) {
    const Timestamp moment = parse_timestamp("2026-04-01T00:00:01Z").value();
    const test::TestCertificate root = test::make_root(test::KeyType::p_256, moment);
    test::CertificateRequest authority;
    authority.common_name = "中级CA";
    authority.is_ca = true;
    authority.key_usage = "critical,keyCertSign,cRLSign";
    const test::TestCertificate intermediate = root.issue(authority);
    const test::TestCertificate certificate = intermediate.issue(test::CertificateRequest());
    const LedgerSample ledger = with_attested_login(certificate, moment);
    const auto reasons = [&](const std::string& file, const std::vector<std::string>& trusted) {
        const test::TemporaryFolder folder;
        for (std::size_t index = 0; index < trusted.size(); ++index) {
            folder.write("file" + std::to_string(index) + ".cer", trusted[index]);
        }
        const TrustStore store = TrustStore::load({folder.path().string()}).value();
        std::string text;
        for (const BundleProblem& problem :
             check_bundle(file, {.threads = 2, .trust = &store, .progress = {}}).problems) {
            text += problem.reason + "; ";
        }
        return text;
    };
    const std::string file = ledger.bundle();
    EXPECT_EQ(reasons(file, {root.der(), intermediate.der()}), "");
    EXPECT_EQ(reasons(file, {root.der()}), "untrusted_certificate; ") << "its CA is missing";
    EXPECT_EQ(reasons(file, {root.der(), intermediate.der(),
                             intermediate.revocation_list({.revoked = {&certificate}})}),
              "untrusted_certificate; ");
    EXPECT_EQ(reasons(ledger.bundle_with({intermediate.der()}), {root.der()}), "");
    EXPECT_EQ(reasons(ledger.bundle_with({intermediate.der()}),
                      {test::make_root(test::KeyType::p_256, moment).der()}),
              "untrusted_certificate; ")
        << "the bundle's certificates are no anchors";
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

std::string compare(std::vector<const CheckedBundle*> bundles) {
    std::string text;
    for (const BundleContradiction& found : compare_bundles(bundles)) {
        text += found.problem.code + " " + std::to_string(found.problem.seq.value_or(0)) + "; ";
    }
    return text;
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
    EXPECT_EQ(compare({&first_half, &second_half, &whole}), "");
    EXPECT_EQ(compare({&whole, &first_half}), "bundle.cut_tail 6; ");
    EXPECT_EQ(compare({&whole, &forked}), "bundle.fork 4; ");
    EXPECT_EQ(compare({&first_half, &fork_of_the_rest}), "bundle.fork 5; ");
    EXPECT_EQ(compare({&first_half, &late_part}), "bundle.gap 6; ");
    EXPECT_EQ(compare({&first_half, &late_part, &second_half}), "") << "it fills the gap";
    EXPECT_EQ(compare({&whole, &whole}), "");
}

TEST(BundleComparison, ForkThatABackupExplainsSaysSo) {
    const LedgerSample ledger(10);
    LedgerSample restored = ledger;
    restored.change(4, "state.restored", "{}");
    LedgerSample beside = ledger;
    beside.change(4, "state.restored", R"({"restored_on":"another"})");
    const CheckedBundle lost = check(ledger.bundle());
    const CheckedBundle one = check(restored.bundle());
    const CheckedBundle other = check(beside.bundle());
    const CheckedBundle later = check(restored.bundle(5));
    EXPECT_EQ(compare({&lost, &one}), "bundle.restored 4; ");
    EXPECT_EQ(compare({&one, &lost}), "bundle.restored 4; ");
    EXPECT_EQ(compare({&one, &other}), "bundle.fork 4; ") << "two computers from one backup";
    EXPECT_EQ(compare({&lost, &later}), "bundle.fork 4; ") << "the record that says so is in neither";
}

TEST(VerificationText, NamesCannotPassForOurLines) {
    const LedgerSample ledger(1);
    Verification verification;
    verification.files.push_back({.file = "a\nb",
                                  .bundle = check(ledger.bundle()),
                                  .trust = WorkstationTrust::unknown,
                                  .name = {},
                                  .trusted_through = {}});
    verification.files.front().bundle.header.workstation_name =
        "office\x1b[2A\r✔ trusted\n  Trusted as    office\u202e";
    const std::string text = render(verification, Style());
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_EQ(text.find("\n  Trusted as"), std::string::npos);
    EXPECT_EQ(text.find("a\nb"), std::string::npos);
    EXPECT_EQ(text.find("\u202e"), std::string::npos);
    EXPECT_NE(text.find("not in the list"), std::string::npos);
}

TEST(TrustList, IsReadAsEditorsWriteIt) {
    const std::string fingerprint(64, 'a');
    const auto list =
        TrustList::parse("list", "\xEF\xBB\xBF# ours\r\n" + fingerprint + " trusted 办公室 1 \r\n\n");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->of(fingerprint), WorkstationTrust::trusted);
    EXPECT_EQ(list->name_of(fingerprint), "办公室 1");
    EXPECT_EQ(list->of(std::string(64, 'b')), WorkstationTrust::unknown);
    for (const std::string& line :
         std::vector<std::string>{"", " trust", " trusted x\n" + fingerprint + " revoked x"}) {
        EXPECT_EQ(TrustList::parse("list", fingerprint + line).error().code, "trust_list.malformed") << line;
    }
    EXPECT_EQ(TrustList::load("/").error().code, "file.unreadable");
}

} // namespace
} // namespace ukey::ctl
