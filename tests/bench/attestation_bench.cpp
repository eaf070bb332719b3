// SPDX-License-Identifier: Apache-2.0
// Attested logins that are checked in a second with their bundle, beside OpenSSL's verification of the same
// signatures with a key that was parsed before, on as many threads; also with the keys' CAs, so that their
// certificates are looked at too. By turns: a computer's speed changes.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/attestation.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/signature.hpp"
#include "tests/bench/by_turns.hpp"
#include "tests/support/ledger_sample.hpp"
#include "tests/support/temporary_folder.hpp"
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
    std::vector<std::string> certificates; ///< of the keys, DER
    std::vector<SignedDigest> logins;
    std::string bundle;
    std::string unattested; ///< the same bytes under a kind of record of which nothing is attested
    TrustStore authorities; ///< above the keys, with their revocation lists
};

/// Of one intermediate.
struct Keys {
    SignatureScheme scheme;
    std::vector<std::string> authorities; ///< certificates and lists, DER
    std::vector<test::TestCertificate> certificates;
    std::vector<std::string> public_keys; ///< their digests
};

Keys make_keys(test::KeyType type, SignatureScheme scheme) {
    test::CertificateRequest authority;
    authority.common_name = "中级CA";
    authority.key_type = type;
    authority.is_ca = true;
    authority.key_usage = "critical,keyCertSign,cRLSign";
    const test::TestCertificate root = test::make_root(type, moment);
    const test::TestCertificate intermediate = root.issue(authority);
    Keys keys{.scheme = scheme,
              .authorities = {root.der(), root.revocation_list({.revoked = {}}), intermediate.der(),
                              intermediate.revocation_list({.revoked = {}})},
              .certificates = {},
              .public_keys = {}};
    for (std::size_t number = 0; number < key_count; ++number) {
        test::CertificateRequest request;
        request.common_name = "测试党支部";
        request.key_type = type;
        keys.certificates.push_back(intermediate.issue(request));
        keys.public_keys.push_back(parse_certificate(keys.certificates.back().der(), {})->spki_sha256);
    }
    return keys;
}

Attestation attest(const Keys& keys, std::size_t number, const std::string& head) {
    const test::TestCertificate& key = keys.certificates[number % key_count];
    const std::string time = format_timestamp(moment + std::chrono::seconds(number));
    const std::string random = sha256_hex(fmt::format("nonce {}", number));
    Attestation attestation{.record = {.nonce = random,
                                       .ledger_seq = 0,
                                       .ledger_head = head,
                                       .key_id = "0123456789ab",
                                       .manufacturer = "Feitian",
                                       .model = "ePass",
                                       .serial = "1",
                                       .public_key = keys.public_keys[number % key_count],
                                       .organisation = "500102000001",
                                       .uid = 1000,
                                       .asked_at = time,
                                       .login = random.substr(0, 32),
                                       .started_at = time},
                            .scheme = std::string(to_string(keys.scheme)),
                            .signature = {},
                            .certificate_der = key.der(),
                            .duration = std::chrono::milliseconds(40)};
    attestation.signature = key.sign(to_text(attestation.record));
    return attestation;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_sample(const Keys& keys, const test::TemporaryFolder& folder) {
    for (std::size_t number = 0; number < keys.authorities.size(); ++number) {
        folder.write(fmt::format("authority{}.cer", number), keys.authorities[number]);
    }
    test::LedgerSample ledger(0);
    test::LedgerSample unattested(0);
    std::ofstream certificates(folder.path() / "certificates");
    for (const test::TestCertificate& certificate : keys.certificates) {
        certificates << base64_encode(certificate.der()) << '\n';
    }
    std::ofstream logins(folder.path() / "logins");
    const std::string head = hex_encode(ledger_genesis_hash());
    for (std::size_t number = 0; number < login_count; ++number) {
        const Attestation attestation = attest(keys, number, head);
        const LoginRecord& record = attestation.record;
        logins << number % key_count << ' ' << base64_encode(sha256(to_text(record))) << ' '
               << base64_encode(attestation.signature) << '\n';
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
    folder.write("bundle", ledger.bundle());
    folder.write("unattested", unattested.bundle());
}

Sample read_sample(SignatureScheme scheme, const std::filesystem::path& folder) {
    Sample sample{.scheme = scheme,
                  .certificates = {},
                  .logins = {},
                  .bundle = read_file(folder / "bundle"),
                  .unattested = read_file(folder / "unattested"),
                  .authorities = TrustStore::load({folder.string()}).value()};
    std::string text;
    for (std::ifstream certificates(folder / "certificates"); certificates >> text;) {
        sample.certificates.push_back(base64_decode(text).value());
    }
    std::size_t key = 0;
    std::string signature;
    for (std::ifstream logins(folder / "logins"); logins >> key >> text >> signature;) {
        sample.logins.push_back({key, base64_decode(text).value(), base64_decode(signature).value()});
    }
    return sample;
}

/// Made by a process of its own: the memory in pieces that making it leaves behind is not what a check finds.
Sample make_sample(test::KeyType type, SignatureScheme scheme) {
    const test::TemporaryFolder folder;
    const pid_t child = fork();
    if (child == 0) {
        write_sample(make_keys(type, scheme), folder);
        _exit(0);
    }
    int status = 0;
    const bool made = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    Sample sample = read_sample(scheme, folder.path());
    if (!made || sample.logins.size() != login_count) {
        fmt::print(stderr, "attestation_bench: the bundle could not be made\n");
        std::exit(1);
    }
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
    for (const std::string& certificate : sample.certificates) {
        keys.push_back(std::move(*CertificateKey::parse(certificate)));
    }
    for (std::size_t number = first; number < sample.logins.size(); number += step) {
        const SignedDigest& login = sample.logins[number];
        benchmark::DoNotOptimize(keys[login.key].verifies(sample.scheme, login.digest, login.signature));
    }
}

void verify_signatures(const Sample& sample, unsigned threads) {
    std::vector<std::jthread> others;
    for (std::size_t number = 1; number < threads; ++number) {
        others.emplace_back([&sample, number, threads] { verify_part(sample, number, threads); });
    }
    verify_part(sample, 0, threads);
}

bool holds(const std::string& bundle, const ctl::BundleCheckOptions& options, std::size_t attested) {
    const ctl::CheckedBundle checked = ctl::check_bundle(bundle, options);
    return checked.problems.empty() && checked.attested == attested;
}

/// Arguments: 0 for P-256 or 1 for RSA-2048, threads, 1 with the keys' CAs. The time is the whole bundle's.
/// Counters, medians of the turns: signatures a second of OpenSSL and logins of the bundle, and the bundle's
/// part of OpenSSL's rate; `attestations_part` is the same without what the chain and the personal data of
/// the same records take, which have a bar of their own.
void check_attested_bundle(benchmark::State& state) {
    const Sample& sample = sample_of(state.range(0));
    const auto threads = static_cast<unsigned>(state.range(1));
    const ctl::BundleCheckOptions options{
        .threads = threads, .trust = state.range(2) == 0 ? nullptr : &sample.authorities, .progress = {}};
    std::vector<double> openssl;
    std::vector<double> bundle;
    std::vector<double> bundle_part;
    std::vector<double> attestations_part;
    for (auto _ : state) {
        bool good = true;
        openssl.push_back(seconds_of([&] { verify_signatures(sample, threads); }));
        bundle.push_back(seconds_of([&] { good = good && holds(sample.bundle, options, login_count); }));
        const double chain = seconds_of([&] { good = good && holds(sample.unattested, options, 0); });
        if (!good) {
            state.SkipWithError("the bundle does not hold");
        }
        bundle_part.push_back(openssl.back() / bundle.back());
        attestations_part.push_back(openssl.back() / (bundle.back() - chain));
        state.SetIterationTime(bundle.back());
    }
    state.counters["openssl/s"] = login_count / median(openssl);
    state.counters["bundle/s"] = login_count / median(bundle);
    state.counters["bundle_part"] = median(bundle_part);
    state.counters["attestations_part"] = median(attestations_part);
}
BENCHMARK(check_attested_bundle)
    ->ArgsProduct({{0, 1}, {1, 2}, {0, 1}})
    ->ArgNames({"rsa", "threads", "cas"})
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(turns);

} // namespace
} // namespace ukey

BENCHMARK_MAIN();
