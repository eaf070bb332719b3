// SPDX-License-Identifier: Apache-2.0
#include "tests/support/ledger_sample.hpp"

#include <boost/json/serialize.hpp>

namespace ukey::test {
namespace {

const Timestamp beginning = parse_timestamp("2026-04-01T00:00:00Z").value();

} // namespace

LedgerSample::LedgerSample(std::size_t count)
    : key_(std::make_shared<WorkstationKey>(WorkstationKey::generate())) {
    for (std::size_t index = 0; index < count; ++index) {
        records_.push_back({.seq = index + 1,
                            .time = beginning + std::chrono::seconds(index),
                            .boottime = std::chrono::seconds(100 + index),
                            .kind = "key.inserted",
                            .payload = R"({"key":"0123456789ab","number":)" + std::to_string(index) + "}",
                            .hash = {}});
    }
    link();
}

void LedgerSample::link() {
    std::string head = ledger_genesis_hash();
    for (LedgerRecord& record : records_) {
        record.hash = ledger_hash(head, record);
        head = record.hash;
    }
}

void LedgerSample::change(std::uint64_t seq, std::string kind, std::string payload) {
    records_.at(seq - 1).kind = std::move(kind);
    records_.at(seq - 1).payload = std::move(payload);
    link();
}

void LedgerSample::append(std::string kind, std::string payload) {
    const std::uint64_t seq = records_.size() + 1;
    records_.push_back({.seq = seq,
                        .time = beginning + std::chrono::seconds(seq - 1),
                        .boottime = std::chrono::seconds(99 + seq),
                        .kind = std::move(kind),
                        .payload = std::move(payload),
                        .hash = {}});
    records_.back().hash = ledger_hash(hash_of(seq - 1), records_.back());
}

void LedgerSample::append_personal(std::string kind, boost::json::object payload) {
    const auto opening = take_personal(payload);
    append(std::move(kind), boost::json::serialize(payload));
    if (opening) {
        openings_.emplace(records_.back().seq, *opening);
    }
}

LedgerSample LedgerSample::first(std::size_t count) const {
    LedgerSample part = *this;
    part.records_.resize(count);
    return part;
}

std::string LedgerSample::hash_of(std::uint64_t seq) const {
    return seq == 0 ? ledger_genesis_hash() : records_.at(seq - 1).hash;
}

SignedCheckpoint LedgerSample::checkpoint_at(std::uint64_t seq) const {
    return sign_checkpoint(*key_, seq, hash_of(seq), beginning + std::chrono::seconds(seq));
}

std::vector<SignedCheckpoint> LedgerSample::checkpoints() const {
    return {checkpoint_at(records_.size() / 2), checkpoint_at(records_.size())};
}

std::string LedgerSample::bundle(std::uint64_t first_seq, Signed is_signed) const {
    LedgerSample part = *this;
    part.records_.erase(part.records_.begin(),
                        part.records_.begin() + static_cast<std::ptrdiff_t>(first_seq - 1));
    std::vector<SignedCheckpoint> signatures;
    if (is_signed.checkpoint_before) {
        signatures.push_back(checkpoint_at(first_seq == 1 ? records_.size() / 2 : first_seq - 1));
    }
    if (is_signed.checkpoint_after) {
        signatures.push_back(checkpoint_at(records_.size()));
    }
    return write(part.records_, signatures, first_seq);
}

std::string LedgerSample::bundle_of(const std::vector<LedgerRecord>& records,
                                    const std::vector<SignedCheckpoint>& checkpoints) const {
    return write(records, checkpoints, 1);
}

std::string LedgerSample::write(const std::vector<LedgerRecord>& records,
                                const std::vector<SignedCheckpoint>& checkpoints, std::uint64_t first_seq,
                                const std::vector<std::string>& certificates) const {
    std::string file;
    BundleWriter writer(file, {.public_key = key_->public_key(),
                               .workstation_name = "office",
                               .first_seq = first_seq,
                               .previous_hash = hash_of(first_seq - 1),
                               .written = beginning + std::chrono::hours(1),
                               .software = "test"});
    for (const std::string& certificate : certificates) {
        writer.add_certificate(certificate);
    }
    for (const LedgerRecord& record : records) {
        const auto opening = openings_.find(record.seq);
        writer.add(record, opening == openings_.end() ? nullptr : &opening->second);
    }
    for (const SignedCheckpoint& checkpoint : checkpoints) {
        writer.add(checkpoint);
    }
    writer.finish(*key_);
    return file;
}

} // namespace ukey::test
