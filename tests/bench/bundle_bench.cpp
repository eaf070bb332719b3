// SPDX-License-Identifier: Apache-2.0
// How fast a bundle of 1,000,000 records is checked, beside OpenSSL's SHA-256 over the same bytes in one
// piece.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include <openssl/evp.h>

#include "daemon/core/bundle.hpp"
#include "tests/bench/by_turns.hpp"
#include "tools/audit/bundle_check.hpp"

namespace ukey {
namespace {

constexpr std::size_t record_count = 1'000'000;

/// Records like those of logins, without their attestations: some 400 bytes each.
std::string make_bundle() {
    const WorkstationKey key = WorkstationKey::generate();
    const std::string claim(250, 'x');
    std::string file;
    BundleWriter writer(file, {.public_key = key.public_key(),
                               .workstation_name = "bench",
                               .first_seq = 1,
                               .previous_hash = ledger_genesis_hash(),
                               .written = Timestamp(),
                               .software = "bench"});
    std::string head = ledger_genesis_hash();
    for (std::size_t seq = 1; seq <= record_count; ++seq) {
        LedgerRecord record{.seq = seq,
                            .time = Timestamp(std::chrono::seconds(seq)),
                            .boottime = std::chrono::seconds(seq),
                            .kind = "session.ended",
                            .payload =
                                R"({"login":")" + std::to_string(seq) + R"(","claim":")" + claim + "\"}",
                            .hash = {}};
        record.hash = ledger_hash(head, record);
        head = record.hash;
        writer.add(record);
    }
    writer.add(sign_checkpoint(key, record_count, head, Timestamp()));
    writer.finish(key);
    return file;
}

const std::string& bundle() {
    static const std::string file = make_bundle();
    return file;
}

double sha256_in_one_piece() {
    return seconds_of([] {
        unsigned char digest[EVP_MAX_MD_SIZE];
        EVP_Digest(bundle().data(), bundle().size(), digest, nullptr, EVP_sha256(), nullptr);
        benchmark::DoNotOptimize(digest);
    });
}

/// Argument: threads. Counter: the check's part of the speed of SHA-256, the median of the turns.
void check_bundle(benchmark::State& state) {
    const ctl::BundleCheckOptions options{
        .threads = static_cast<unsigned>(state.range(0)), .trust = nullptr, .progress = {}};
    std::vector<double> part;
    sha256_in_one_piece(); // the file is made, and in memory
    for (auto _ : state) {
        const double sha256 = sha256_in_one_piece();
        const double check = seconds_of([&] {
            const ctl::CheckedBundle checked = ctl::check_bundle(bundle(), options);
            if (!checked.problems.empty() || checked.records() != record_count) {
                state.SkipWithError("the bundle does not hold");
            }
        });
        part.push_back(sha256 / check);
        state.SetIterationTime(check);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bundle().size()));
    state.counters["sha256_part"] = median(part);
}
BENCHMARK(check_bundle)
    ->Arg(1)
    ->Arg(2)
    ->ArgName("threads")
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(turns);

} // namespace
} // namespace ukey

BENCHMARK_MAIN();
