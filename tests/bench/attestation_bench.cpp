// SPDX-License-Identifier: Apache-2.0
// Attested logins that are checked in a second with their bundle, beside OpenSSL's verification of the same
// signatures with a key that was parsed before, on as many threads.
#include <benchmark/benchmark.h>

#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "daemon/core/attestation.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/signature.hpp"
#include "tests/support/ledger_sample.hpp"
#include "tests/support/test_certificate.hpp"
#include "tools/audit/bundle_check.hpp"

namespace ukey {
namespace {

constexpr std::size_t login_count = 20'000;
/// Keys of one computer.
constexpr std::size_t key_count = 10;

const Timestamp moment = parse_timestamp("2026-04-01T00:00:00Z").value();

struct SignedDigest {
    std::size_t key;
    std::string digest;
    std::string signature;
};

/// A bundle of attested logins, and what is signed in it.
struct Sample {
    SignatureScheme scheme;
    std::vector<test::TestCertificate> keys;
    std::vector<std::string> public_keys; ///< their digests
    std::vector<SignedDigest> logins;
    std::string bundle;
    std::string unattested; ///< the same bytes under a kind of record of which nothing is attested
};

Attestation attest(const Sample& sample, std::size_t number, const std::string& head) {
    const test::TestCertificate& key = sample.keys[number % key_count];
    const std::string time = format_timestamp(moment + std::chrono::seconds(number));
    Attestation attestation{.record = {.nonce = fmt::format("{:064x}", number),
                                       .ledger_seq = 0,
                                       .ledger_head = head,
                                       .key_id = "0123456789ab",
                                       .manufacturer = "Feitian",
                                       .model = "ePass",
                                       .serial = "1",
                                       .public_key = sample.public_keys[number % key_count],
                                       .organisation = "500102000001",
                                       .uid = 1000,
                                       .asked_at = time,
                                       .login = fmt::format("{:032x}", number),
                                       .started_at = time},
                            .scheme = std::string(to_string(sample.scheme)),
                            .signature = {},
                            .certificate_der = key.der(),
                            .duration = std::chrono::milliseconds(40)};
    attestation.signature = key.sign(to_text(attestation.record));
    return attestation;
}

Sample make_sample(test::KeyType type, SignatureScheme scheme) {
    Sample sample{
        .scheme = scheme, .keys = {}, .public_keys = {}, .logins = {}, .bundle = {}, .unattested = {}};
    for (std::size_t number = 0; number < key_count; ++number) {
        test::CertificateRequest request;
        request.common_name = "测试党支部";
        request.key_type = type;
        sample.keys.push_back(test::TestCertificate::self_signed(request, moment));
        sample.public_keys.push_back(parse_certificate(sample.keys.back().der(), {})->spki_sha256);
    }
    test::LedgerSample ledger(0);
    test::LedgerSample unattested(0);
    const std::string head = to_hex(ledger_genesis_hash());
    for (std::size_t number = 0; number < login_count; ++number) {
        const Attestation attestation = attest(sample, number, head);
        const LoginRecord& record = attestation.record;
        sample.logins.push_back({number % key_count, sha256(to_text(record)), attestation.signature});
        const boost::json::object payload{{"login", record.login},
                                          {"key", record.key_id},
                                          {"organisation", record.organisation},
                                          {"uid", record.uid},
                                          {"claim", {{"executable", "/usr/bin/firefox"}}},
                                          {"started_at", record.started_at},
                                          {"grade", "attested"},
                                          {"attestation", to_json(attestation)}};
        ledger.append_personal("session.started", payload);
        unattested.append_personal("session.written", payload);
    }
    sample.bundle = ledger.bundle();
    sample.unattested = unattested.bundle();
    return sample;
}

const Sample& sample_of(std::int64_t number) {
    static const Sample p256 = make_sample(test::KeyType::p_256, SignatureScheme::ecdsa_sha256);
    static const Sample rsa = make_sample(test::KeyType::rsa_2048, SignatureScheme::rsa_pkcs1_sha256);
    return number == 0 ? p256 : rsa;
}

/// One thread's part of the signatures.
void verify_part(const Sample& sample, std::size_t first, std::size_t step) {
    std::vector<CertificateKey> keys;
    for (const test::TestCertificate& key : sample.keys) {
        keys.push_back(std::move(*CertificateKey::parse(key.der())));
    }
    for (std::size_t number = first; number < sample.logins.size(); number += step) {
        const SignedDigest& login = sample.logins[number];
        benchmark::DoNotOptimize(keys[login.key].verifies(sample.scheme, login.digest, login.signature));
    }
}

/// Arguments: 0 for P-256 or 1 for RSA-2048, threads.
void verify_signatures(benchmark::State& state) {
    const Sample& sample = sample_of(state.range(0));
    const auto threads = static_cast<std::size_t>(state.range(1));
    for (auto _ : state) {
        std::vector<std::jthread> others;
        for (std::size_t number = 1; number < threads; ++number) {
            others.emplace_back([&sample, number, threads] { verify_part(sample, number, threads); });
        }
        verify_part(sample, 0, threads);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(login_count) *
                            static_cast<std::int64_t>(state.iterations()));
}

void check(benchmark::State& state, const std::string& bundle, std::size_t attested) {
    for (auto _ : state) {
        const ctl::CheckedBundle checked = ctl::check_bundle(
            bundle, {.threads = static_cast<unsigned>(state.range(1)), .trust = nullptr, .progress = {}});
        if (!checked.problems.empty() || checked.attested != attested) {
            state.SkipWithError("the bundle does not hold");
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(login_count) *
                            static_cast<std::int64_t>(state.iterations()));
}

void check_attested_bundle(benchmark::State& state) {
    check(state, sample_of(state.range(0)).bundle, login_count);
}

/// What the chain and the personal data of the same records take: they have a bar of their own.
void check_same_records(benchmark::State& state) {
    check(state, sample_of(state.range(0)).unattested, 0);
}

void arguments(benchmark::internal::Benchmark* bench) {
    bench->ArgsProduct({{0, 1}, {1, 2}})->ArgNames({"rsa", "threads"});
    bench->Unit(benchmark::kMillisecond)->UseRealTime()->Repetitions(5);
}
BENCHMARK(verify_signatures)->Apply(arguments);
BENCHMARK(check_attested_bundle)->Apply(arguments);
BENCHMARK(check_same_records)->Apply(arguments);

} // namespace
} // namespace ukey

BENCHMARK_MAIN();
