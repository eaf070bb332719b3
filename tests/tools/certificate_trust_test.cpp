// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/certificate_trust.hpp"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_certificate.hpp"

namespace ukey::ctl {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::CertificateRequest;
using test::TestCertificate;

const Timestamp now = parse_timestamp("2026-04-01T08:30:00Z").value();

CertificateRequest dated(const std::string& name, days from, days to) {
    CertificateRequest request;
    request.common_name = name;
    request.valid_from = from;
    request.valid_to = to;
    return request;
}

CertificateRequest dated_ca(const std::string& name, days from, days to) {
    CertificateRequest request = dated(name, from, to);
    request.is_ca = true;
    request.key_usage = "critical,keyCertSign,cRLSign";
    return request;
}

TrustStore store_of(const std::vector<std::string>& files) {
    const test::TemporaryFolder folder;
    for (std::size_t index = 0; index < files.size(); ++index) {
        folder.write("file" + std::to_string(index) + ".cer", files[index]);
    }
    return TrustStore::load({folder.path().string()}).value();
}

/// The same without remembering anything.
bool verify(const TrustStore& store, const std::string& der, const std::vector<std::string>& extra,
            Timestamp moment) {
    const Verification verification = store.verify(parse_certificate(der, {}).value(), extra, moment);
    return verification.trust == Trust::trusted && !verification.revoked && !verification.expired &&
           !verification.not_yet_valid;
}

/// Authorities of one ledger's keys: an intermediate that was renewed, and lists that revoke it and the leaf.
class Authorities {
  public:
    const TestCertificate root = TestCertificate::self_signed(dated_ca("根CA", days(-100), days(100)), now);
    const TestCertificate authority = root.issue(dated_ca("中级CA", days(-100), days(100)));
    const TestCertificate leaf = authority.issue(dated("支部", days(-100), days(100)));

    std::string renewed(days from, days to) const {
        return root.issue_again(dated_ca("中级CA", from, to), authority).der();
    }
};

TEST(CertificateTrust, FollowsTheDatesOfARenewedCa) {
    const Authorities made;
    const TrustStore store =
        store_of({made.root.der(), made.renewed(days(-30), days(-10)), made.renewed(days(10), days(30))});
    CertificateTrust trust(store);
    for (int round = 0; round < 2; ++round) {
        for (int day = -40; day < 40; ++day) {
            const bool in_date = (day >= -30 && day < -10) || (day >= 10 && day < 30);
            EXPECT_EQ(trust.holds(made.leaf.der(), now + days(day) + 1h), in_date) << "day " << day;
        }
    }
}

TEST(CertificateTrust, AsksTheListsThatAreInDate) {
    const Authorities made;
    const std::string of_leaf = made.authority.revocation_list(
        {.revoked = {&made.leaf}, .updated = days(5), .next_update = days(15)});
    const std::string of_authority = made.root.revocation_list(
        {.revoked = {&made.authority}, .updated = days(25), .next_update = days(35)});
    const TrustStore store = store_of({made.root.der(), made.authority.der(), of_leaf, of_authority});
    CertificateTrust trust(store);
    for (int round = 0; round < 2; ++round) {
        for (int day = 0; day < 40; ++day) {
            const bool revoked = (day >= 5 && day < 15) || (day >= 25 && day < 35);
            EXPECT_EQ(trust.holds(made.leaf.der(), now + days(day) + 1h), !revoked) << "day " << day;
        }
    }
}

TEST(CertificateTrust, TakesIntermediatesThatComeLater) {
    const Authorities made;
    const TrustStore store = store_of({made.root.der()});
    CertificateTrust trust(store);
    EXPECT_FALSE(trust.holds(made.leaf.der(), now));
    trust.add_intermediate(made.renewed(days(-1), days(1)));
    EXPECT_TRUE(trust.holds(made.leaf.der(), now));
    EXPECT_FALSE(trust.holds(made.leaf.der(), now + days(2)));
    for (int count = 0; count < 100; ++count) {
        trust.add_intermediate("noise");
    }
    EXPECT_TRUE(trust.holds(made.leaf.der(), now)) << "only so many are looked at, the first ones";
}

TEST(CertificateTrust, NoiseIsNotTrusted) {
    const TrustStore store = store_of({Authorities().root.der()});
    CertificateTrust trust(store);
    EXPECT_FALSE(trust.holds("noise", now));
    EXPECT_FALSE(trust.holds("", now));
}

using Random = std::mt19937;

days any_day(Random& random, int from = -50, int to = 50) {
    return days(std::uniform_int_distribution(from, to)(random));
}

std::pair<days, days> any_days(Random& random) {
    const days from = any_day(random, -50, 30);
    return {from, any_day(random, static_cast<int>(from.count()) + 1, 50)};
}

/// Also at the very seconds at which something begins or ends: the leaves often.
Timestamp any_moment(Random& random, const std::array<days, 2>& of_leaves) {
    constexpr std::array<std::chrono::microseconds, 7> beside = {-1s, -1us, 0s, 1us, 999'999us, 1s, 7h};
    const days day = random() % 2 == 0 ? of_leaves[random() % 2] : any_day(random, -52, 52);
    return now + day + beside[random() % beside.size()];
}

/// Of a few certificates and lists of random dates, some of them with the bundle.
TEST(CertificateTrust, SaysWhatVerifyingAnewSays) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Authorities made;
    const TestCertificate other =
        TestCertificate::self_signed(dated_ca("别的CA", days(-100), days(100)), now);
    std::array<int, 2> answers{};
    for (int history = 0; history < 10; ++history) {
        const auto renewed = [&] {
            const auto [from, to] = any_days(random);
            return made.renewed(from, to);
        };
        const auto list = [&](const TestCertificate& issuer, const TestCertificate& revoked) {
            const auto [from, to] = any_days(random);
            return issuer.revocation_list({.revoked = {&revoked}, .updated = from, .next_update = to});
        };
        const auto [from, to] = any_days(random);
        const std::array leaves = {made.root.issue(dated("甲", from, to)).der(),
                                   made.authority.issue(dated("乙", from, to)).der(), made.leaf.der(),
                                   other.issue(dated("丙", from, to)).der()};
        const TrustStore store = store_of(
            {made.root.der(), renewed(), list(made.root, made.authority), list(made.authority, made.leaf)});
        const std::vector<std::string> extra = {renewed(), other.der(), renewed()};
        CertificateTrust trust(store);
        for (const std::string& der : extra) {
            trust.add_intermediate(der);
        }
        for (int login = 0; login < 150; ++login) {
            const std::string& leaf = leaves[random() % leaves.size()];
            const Timestamp moment = any_moment(random, {from, to});
            const bool holds = trust.holds(leaf, moment);
            ASSERT_EQ(holds, verify(store, leaf, extra, moment))
                << "history " << history << " login " << login << " " << format_timestamp(moment);
            ++answers[holds ? 1 : 0];
        }
    }
    EXPECT_GT(answers[0], 50);
    EXPECT_GT(answers[1], 50);
}

} // namespace
} // namespace ukey::ctl
