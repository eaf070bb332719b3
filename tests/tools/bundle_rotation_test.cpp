// SPDX-License-Identifier: Apache-2.0
// Bundles of a workstation that has changed its key.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include <boost/json/serialize.hpp>

#include "daemon/core/bundle.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tools/audit/verification.hpp"

namespace ukey::ctl {
namespace {

const Timestamp beginning = parse_timestamp("2026-04-01T00:00:00Z").value();

/// A ledger of five records; the third one changes the key.
class Rotated {
  public:
    Rotated() : rotation(sign_rotation(first, second, 3, {}, beginning)) {
        append("key.removed", R"({"key":"a"})");
        append("key.removed", R"({"key":"b"})");
        rotation = sign_rotation(first, second, 3, records.back().hash, beginning);
        append("workstation.rotated", boost::json::serialize(to_json(rotation)));
        append("key.removed", R"({"key":"c"})");
        append("key.removed", R"({"key":"d"})");
    }

    void append(std::string kind, std::string payload) {
        LedgerRecord record{.seq = records.size() + 1,
                            .time = beginning + std::chrono::seconds(records.size()),
                            .boottime = {},
                            .kind = std::move(kind),
                            .payload = std::move(payload),
                            .hash = {}};
        record.hash = ledger_hash(hash_of(records.size()), record);
        records.push_back(std::move(record));
    }

    std::string hash_of(std::uint64_t seq) const {
        return seq == 0 ? ledger_genesis_hash() : records.at(seq - 1).hash;
    }

    SignedCheckpoint at(const WorkstationKey& key, std::uint64_t seq) const {
        return sign_checkpoint(key, seq, hash_of(seq), beginning);
    }

    std::string bundle(std::uint64_t first_seq, std::uint64_t last_seq, const WorkstationKey& key,
                       const std::vector<SignedRotation>& rotations,
                       const std::vector<SignedCheckpoint>& checkpoints) const {
        std::string file;
        BundleWriter writer(file, {.public_key = key.public_key(),
                                   .workstation_name = "office",
                                   .first_seq = first_seq,
                                   .previous_hash = hash_of(first_seq - 1),
                                   .written = beginning + std::chrono::seconds(last_seq),
                                   .software = "test"});
        for (const SignedRotation& step : rotations) {
            writer.add(step);
        }
        for (const SignedCheckpoint& checkpoint : checkpoints) {
            writer.add(checkpoint);
        }
        for (std::uint64_t seq = first_seq; seq <= last_seq; ++seq) {
            writer.add(records.at(seq - 1));
        }
        writer.finish(key);
        return file;
    }

    std::string before() const { return bundle(1, 2, first, {}, {at(first, 2)}); }
    std::string whole() const { return bundle(1, 5, second, {rotation}, {at(first, 2), at(second, 5)}); }
    std::string after() const { return bundle(4, 5, second, {rotation}, {at(second, 3), at(second, 5)}); }

  private:
    // Shared by copies.
    std::shared_ptr<const WorkstationKey> first_ =
        std::make_shared<const WorkstationKey>(WorkstationKey::generate());
    std::shared_ptr<const WorkstationKey> second_ =
        std::make_shared<const WorkstationKey>(WorkstationKey::generate());

  public:
    const WorkstationKey& first = *first_;
    const WorkstationKey& second = *second_;
    std::vector<LedgerRecord> records;
    SignedRotation rotation;
};

std::string codes(std::string_view file) {
    std::string text;
    for (const BundleProblem& problem :
         check_bundle(file, {.threads = 2, .trust = nullptr, .progress = {}}).problems) {
        text += problem.code + (problem.seq ? " " + std::to_string(*problem.seq) : "") + "; ";
    }
    return text;
}

class BundleRotation : public ::testing::Test {
  protected:
    std::string save(const std::string& name, const std::string& bytes) {
        const std::string path = (folder_.path() / name).string();
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }

    Verification verify(const std::vector<std::string>& files, const std::string& trusted) {
        return verify_files({.files = files, .trust_list = save("trusted", trusted), .ca_paths = {}}).value();
    }

    test::TemporaryFolder folder_;
    Rotated ledger_;
};

TEST_F(BundleRotation, HoldsWithEachCheckpointByTheKeyOfItsPlace) {
    EXPECT_EQ(codes(ledger_.before()), "");
    EXPECT_EQ(codes(ledger_.whole()), "");
    EXPECT_EQ(codes(ledger_.after()), "");
    const CheckedBundle bundle =
        check_bundle(ledger_.whole(), {.threads = 1, .trust = nullptr, .progress = {}});
    EXPECT_EQ(bundle.workstation, ledger_.second.fingerprint());
    EXPECT_EQ(bundle.identities, (std::vector{ledger_.first.fingerprint(), ledger_.second.fingerprint()}));
    EXPECT_EQ(bundle.origin(), ledger_.first.fingerprint());
    EXPECT_EQ(bundle.checkpoints.size(), 2U);

    // By the old key after it, or by the new one before it.
    EXPECT_EQ(codes(ledger_.bundle(1, 5, ledger_.second, {ledger_.rotation},
                                   {ledger_.at(ledger_.first, 4), ledger_.at(ledger_.second, 5)})),
              "bundle.checkpoint_wrong 4; ");
    EXPECT_EQ(codes(ledger_.bundle(1, 5, ledger_.second, {ledger_.rotation},
                                   {ledger_.at(ledger_.second, 2), ledger_.at(ledger_.second, 5)})),
              "bundle.checkpoint_wrong 2; ");
    EXPECT_EQ(codes(ledger_.bundle(1, 5, ledger_.second, {}, {ledger_.at(ledger_.second, 5)})), "")
        << "it does not say that it was another one's";
}

TEST_F(BundleRotation, ForgedBridgeIsRefused) {
    const WorkstationKey thief = WorkstationKey::generate();
    // Without the old key: somebody else's signature, or the real bridge to another key.
    SignedRotation forged = sign_rotation(thief, ledger_.second, 3, ledger_.hash_of(2), beginning);
    forged.rotation.old_public_key = ledger_.first.public_key();
    EXPECT_NE(codes(ledger_.bundle(4, 5, ledger_.second, {forged},
                                   {ledger_.at(ledger_.second, 3), ledger_.at(ledger_.second, 5)}))
                  .find("bundle.rotation_wrong"),
              std::string::npos);
    EXPECT_NE(
        codes(ledger_.bundle(4, 5, thief, {ledger_.rotation}, {ledger_.at(thief, 3), ledger_.at(thief, 5)}))
            .find("bundle.rotation_wrong"),
        std::string::npos);
    // A real one, of another place or of another ledger.
    for (const auto& [seq, head] : std::vector<std::pair<std::uint64_t, std::string>>{
             {2, ledger_.hash_of(1)}, {3, ledger_.hash_of(1)}, {6, ledger_.hash_of(5)}}) {
        const SignedRotation moved = sign_rotation(ledger_.first, ledger_.second, seq, head, beginning);
        EXPECT_NE(codes(ledger_.bundle(1, 5, ledger_.second, {moved}, {ledger_.at(ledger_.second, 5)}))
                      .find("bundle.rotation_wrong"),
                  std::string::npos)
            << seq;
    }
    const CheckedBundle refused =
        check_bundle(ledger_.bundle(4, 5, ledger_.second, {forged},
                                    {ledger_.at(ledger_.second, 3), ledger_.at(ledger_.second, 5)}),
                     {.threads = 1, .trust = nullptr, .progress = {}});
    EXPECT_EQ(refused.identities, std::vector{ledger_.second.fingerprint()}) << "nothing is inherited";
}

TEST_F(BundleRotation, WhoTrustsTheOldKeyAcceptsTheNewOneAndIsTold) {
    const std::string path = save("after", ledger_.after());
    const std::string old_line = ledger_.first.fingerprint();
    const std::string new_line = ledger_.second.fingerprint();
    Verification verification = verify({path}, old_line + " trusted office\n");
    EXPECT_TRUE(verification.holds());
    EXPECT_EQ(verification.files.front().trusted_through, old_line);
    EXPECT_NE(render(verification, Style()).find(old_line), std::string::npos);

    verification = verify({path}, old_line + " revoked lost\n");
    EXPECT_FALSE(verification.holds()) << "whoever has the old key could have made the new one";
    verification = verify({path}, old_line + " revoked lost\n" + new_line + " trusted office\n");
    EXPECT_TRUE(verification.holds()) << "compared anew";
    EXPECT_EQ(verification.files.front().trusted_through, "");
    verification = verify({path}, old_line + " trusted office\n" + new_line + " revoked stolen\n");
    EXPECT_FALSE(verification.holds());
    verification = verify({path}, std::string(64, '0') + " trusted another\n");
    EXPECT_EQ(verification.files.front().trust, WorkstationTrust::unknown);
}

TEST_F(BundleRotation, BundlesBeforeAndAfterAreOfOneLedger) {
    const std::string trusted = ledger_.first.fingerprint() + " trusted office\n";
    const std::string before = save("before", ledger_.before());
    const std::string whole = save("whole", ledger_.whole());
    EXPECT_TRUE(verify({whole, before, save("after", ledger_.after())}, trusted).holds());

    // Somebody with the old key goes on with it: a fork.
    Rotated fork = ledger_;
    fork.records.resize(2);
    fork.append("key.removed", R"({"key":"x"})");
    const std::string other = save("fork", fork.bundle(1, 3, fork.first, {}, {fork.at(fork.first, 3)}));
    const Verification verification = verify({whole, other}, trusted);
    ASSERT_EQ(verification.contradictions.size(), 1U);
    EXPECT_EQ(verification.contradictions.front().problem.code, "bundle.fork");
    EXPECT_EQ(verification.contradictions.front().problem.seq, 3U);
}

} // namespace
} // namespace ukey::ctl
