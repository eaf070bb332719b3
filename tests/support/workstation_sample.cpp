// SPDX-License-Identifier: Apache-2.0
#include "tests/support/workstation_sample.hpp"

#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "daemon/core/base64.hpp"

namespace ukey::test {

WorkstationSample::WorkstationSample(std::string name, std::string_view now)
    : key_(std::make_shared<WorkstationKey>(WorkstationKey::generate())), name_(std::move(name)),
      now_(parse_timestamp(now).value()), booted_(now_) {}

WorkstationSample& WorkstationSample::at(std::string_view time) {
    now_ = parse_timestamp(time).value();
    return *this;
}

WorkstationSample& WorkstationSample::booted_at(std::string_view time) {
    at(time);
    booted_ = now_;
    return *this;
}

std::string WorkstationSample::hash_of(std::uint64_t seq) const {
    return seq == 0 ? ledger_genesis_hash() : records_.at(seq - 1).hash;
}

WorkstationSample& WorkstationSample::append(std::string kind, std::string payload) {
    LedgerRecord record{.seq = records_.size() + 1,
                        .time = now_,
                        .boottime = std::max(now_ - booted_, std::chrono::microseconds(0)),
                        .kind = std::move(kind),
                        .payload = std::move(payload),
                        .hash = {}};
    record.hash = ledger_hash(hash_of(records_.size()), record);
    records_.push_back(std::move(record));
    return *this;
}

/// By the key that signed then.
SignedCheckpoint WorkstationSample::checkpoint(std::uint64_t seq, Timestamp time) const {
    for (std::size_t place = 0; place < rotations_.size(); ++place) {
        if (seq < rotations_[place].rotation.seq) {
            return sign_checkpoint(*earlier_keys_[place], seq, hash_of(seq), time);
        }
    }
    return sign_checkpoint(*key_, seq, hash_of(seq), time);
}

WorkstationSample& WorkstationSample::rotate_key() {
    auto next = std::make_shared<const WorkstationKey>(WorkstationKey::generate());
    rotations_.push_back(sign_rotation(*key_, *next, last_seq() + 1, hash_of(last_seq()), now_));
    earlier_keys_.push_back(std::exchange(key_, std::move(next)));
    return append("workstation.rotated", boost::json::serialize(to_json(rotations_.back())));
}

WorkstationSample& WorkstationSample::start(std::string_view modules) {
    checkpoints_.push_back(checkpoint(last_seq(), now_));
    return append("daemon.started",
                  fmt::format(R"({{"version":"1","mode":"observe","modules":{}}})", modules));
}

WorkstationSample& WorkstationSample::restore() {
    const std::string now = format_timestamp(now_);
    const std::string last = records_.empty() ? now : format_timestamp(records_.back().time);
    append("state.restored",
           fmt::format(R"({{"made_at":"{}","made_on":"old","restored_on":"new","last_seq":{},"head":"{}"}})",
                       last, last_seq(), hex_encode(hash_of(last_seq()))));
    append("daemon.unclean", fmt::format(R"({{"last_alive":"{}"}})", last));
    append("coverage.absence",
           fmt::format(R"({{"from":"{}","to":"{}","unclean":true,"occupied":null}})", last, now));
    return start();
}

WorkstationSample& WorkstationSample::configure(std::string_view modules) {
    return append("daemon.configured", fmt::format(R"({{"modules":{}}})", modules));
}

WorkstationSample& WorkstationSample::stop() {
    return append("daemon.stopped", "{}");
}

WorkstationSample& WorkstationSample::insert(std::string_view key) {
    return append("key.inserted", fmt::format(R"({{"key":"{}","module":"/opensc.so"}})", key));
}

WorkstationSample& WorkstationSample::remove(std::string_view key) {
    return append("key.removed", fmt::format(R"({{"key":"{}"}})", key));
}

WorkstationSample& WorkstationSample::bind(std::string_view key, std::string_view organisation) {
    return append("key.bound",
                  fmt::format(R"({{"key":"{}","organisation":"{}","uid":0}})", key, organisation));
}

WorkstationSample& WorkstationSample::release(std::string_view key, std::string_view organisation) {
    return append("key.released",
                  fmt::format(R"({{"key":"{}","organisation":"{}","uid":0}})", key, organisation));
}

WorkstationSample& WorkstationSample::begin_session(std::string_view login, std::string_view key,
                                                    std::string_view organisation) {
    return append(
        "session.started",
        fmt::format(R"({{"login":"{}","key":"{}","organisation":"{}","uid":1000,"pid":1,)"
                    R"("claim":{{"executable":"/usr/bin/vpn-client","application":"VPN"}},)"
                    R"("verdict":"allow","codes":[],"grade":"observed","started_at":"{}","uses":0}})",
                    login, key, organisation, format_timestamp(now_)));
}

WorkstationSample& WorkstationSample::use_session(std::string_view login, unsigned uses) {
    return append("session.used", fmt::format(R"({{"login":"{}","uses":{}}})", login, uses));
}

WorkstationSample& WorkstationSample::end_session(std::string_view login, unsigned uses) {
    return append("session.ended",
                  fmt::format(R"({{"login":"{}","reason":"logout","uses":{}}})", login, uses));
}

WorkstationSample& WorkstationSample::session(std::string_view key, std::string_view organisation,
                                              unsigned uses) {
    const std::string login = fmt::format("{}{:08x}", key_->fingerprint().substr(0, 24), ++logins_);
    return begin_session(login, key, organisation).end_session(login, uses);
}

std::string WorkstationSample::bundle(std::uint64_t first_seq) const {
    std::string file;
    BundleWriter writer(file, {.public_key = key_->public_key(),
                               .workstation_name = name_,
                               .first_seq = first_seq,
                               .previous_hash = hash_of(first_seq - 1),
                               .written = now_,
                               .software = "test"});
    for (const SignedRotation& rotation : rotations_) {
        writer.add(rotation);
    }
    if (first_seq > 1) {
        writer.add(checkpoint(first_seq - 1, records_.at(first_seq - 2).time));
    }
    for (std::uint64_t seq = first_seq; seq <= last_seq(); ++seq) {
        writer.add(records_[seq - 1]);
    }
    for (const SignedCheckpoint& at_start : checkpoints_) {
        if (at_start.checkpoint.seq >= first_seq) {
            writer.add(at_start);
        }
    }
    writer.add(checkpoint(last_seq(), now_));
    writer.finish(*key_);
    return file;
}

WorkstationSample WorkstationSample::forked_after(std::uint64_t seq) const {
    WorkstationSample other = *this;
    other.records_.resize(seq);
    std::erase_if(other.checkpoints_,
                  [&](const SignedCheckpoint& at_start) { return at_start.checkpoint.seq > seq; });
    other.logins_ += 1'000'000; // its logins are others
    return other;
}

} // namespace ukey::test
