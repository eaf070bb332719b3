// SPDX-License-Identifier: Apache-2.0
#include "tools/district/bundle_facts.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "daemon/core/bundle.hpp"
#include "tests/support/district_sample.hpp"
#include "tools/district/fact_writer.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::string_view login = "00112233445566778899aabbccddeeff";

boost::json::object started() {
    return {{"login", login},
            {"key", "0123456789ab"},
            {"organisation", "002"},
            {"uid", 1000},
            {"claim", {{"executable", "/usr/bin/browser"}, {"application", "browser"}}},
            {"grade", "attested"},
            {"started_at", "2026-04-10T01:00:00.000000Z"},
            {"uses", 1},
            {"attestation", {{"signature", "AA=="}}}};
}

/// A bundle of this one record. What it says is not checked here: that was done with the bundle.
std::string bundle_of(boost::json::object payload, bool refers, bool opened) {
    const WorkstationKey key = WorkstationKey::generate();
    const auto opening = refers ? take_personal(payload) : std::nullopt;
    LedgerRecord record{.seq = 1,
                        .time = parse_timestamp("2026-04-10T01:00:01Z").value(),
                        .boottime = {},
                        .kind = "session.started",
                        .payload = boost::json::serialize(payload),
                        .hash = {}};
    record.hash = ledger_hash(ledger_genesis_hash(), record);
    std::string file;
    BundleWriter writer(file, {.public_key = key.public_key(),
                               .workstation_name = "office",
                               .first_seq = 1,
                               .previous_hash = ledger_genesis_hash(),
                               .written = record.time,
                               .software = "test"});
    writer.add(record, opened && opening ? &*opening : nullptr);
    writer.finish(key);
    return file;
}

EvidenceGrade grade_in(const std::string& bundle) {
    const BundleFacts facts = read_facts(bundle, 2);
    EXPECT_EQ(facts.sessions.size(), 1U);
    return facts.sessions.empty() ? EvidenceGrade::late : facts.sessions.front().grade;
}

TEST(BundleFacts, WithoutItsSignatureASessionIsNotAttested) {
    EXPECT_EQ(grade_in(bundle_of(started(), true, true)), EvidenceGrade::attested);
    EXPECT_EQ(grade_in(bundle_of(started(), true, false)), EvidenceGrade::observed)
        << "a workstation that keeps the signature back only says so";
    EXPECT_EQ(grade_in(bundle_of(started(), false, false)), EvidenceGrade::attested)
        << "an older service's record has it itself";
    boost::json::object late = started();
    late["grade"] = "late";
    EXPECT_EQ(grade_in(bundle_of(late, true, false)), EvidenceGrade::late);
}

/// The same record in two bundles, in whatever order they come.
TEST(BundleFacts, SignatureThatComesWithAnotherBundleCounts) {
    const std::string record = bundle_of(started(), true, true);
    BundleFacts with = read_facts(record, 1);
    BundleFacts without = with;
    without.sessions.front().grade = EvidenceGrade::observed;
    for (const bool proof_first : {true, false}) {
        test::DistrictSample district;
        ASSERT_TRUE(district.database().execute(
            "INSERT INTO workstation (id, fingerprint, name, enrolled_us) VALUES (1, 'f', '', 0)"));
        auto writer = FactWriter::make(district.database());
        ASSERT_TRUE(writer->write(1, proof_first ? with : without, {{1, 1}}));
        ASSERT_TRUE(writer->write(1, proof_first ? without : with, {}));
        auto statement = district.database().prepare("SELECT grade FROM session");
        ASSERT_TRUE(statement.step().value());
        EXPECT_EQ(static_cast<EvidenceGrade>(statement.integer(0)), EvidenceGrade::attested) << proof_first;
    }
}

} // namespace
} // namespace ukey::ctl::district
