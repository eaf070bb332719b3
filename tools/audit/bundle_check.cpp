// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_check.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "daemon/core/big_endian.hpp"
#include "daemon/core/sha256.hpp"
#include "tools/audit/attestation_check.hpp"
#include "tools/audit/record_check.hpp"

namespace ukey::ctl {
namespace {

/// Where a leaf has the record's number and its kind (docs/formats/ledger.md §2).
constexpr std::size_t seq_offset = 15;
constexpr std::size_t kind_offset = seq_offset + 3 * sizeof(std::uint64_t);
/// Records that are looked at together, shared out among the threads: few enough that they are still in the
/// processor's cache when the chain comes to them.
constexpr std::size_t batch_records = 8192;

class BundleCheck {
  public:
    BundleCheck(std::string_view file, const BundleCheckOptions& options)
        : options_(options), reader_(file), attestations_(bundle_, options.trust, options.threads) {}

    CheckedBundle run();

  private:
    bool read_section();
    void take_records(std::string_view body);
    void take_openings(std::string_view body);
    void check_batch();
    void check_chain();
    void take_record(const BundleRecord& record);
    void check_link(const BundleRecord& record, const RecordFacts& facts);
    void open_batch();
    void note_personal(const OpenedRecord& opened, const RecordFacts& facts);
    void note_attestation(const AttestationVerdict& verdict);
    void check_nonces();
    void take_rotation(std::string_view body);
    bool check_rotations();
    bool is_in_its_place(const SignedRotation& rotation) const;
    void check_checkpoint(const SignedCheckpoint& checkpoint, const KeyHistory& keys);
    void check_end(const SignedBundleEnd& end);
    void report(std::string code, std::optional<std::uint64_t> seq, std::string reason);
    void report(const Error& error) { report(error.code, std::nullopt, error.object + ": " + error.reason); }

    const BundleCheckOptions& options_;
    BundleReader reader_;
    CheckedBundle bundle_;
    std::vector<OpenedRecord> batch_;     ///< their openings are found when it is complete
    std::vector<RecordFacts> facts_;      ///< what is found of them
    std::vector<BundleOpening> openings_; ///< of the batch and of what comes after it
    std::vector<SignedCheckpoint> checkpoints_;
    std::vector<SignedRotation> rotations_;
    std::map<std::uint64_t, std::string_view> rotation_payloads_; ///< of records, by their numbers
    AttestationCheck attestations_;
    std::vector<AttestationVerdict> verdicts_; ///< memory for those of the batch's sessions
    std::string head_;
    std::string expected_head_; ///< what head_ should be, after a record that does not fit
    bool is_in_order_ = true;   ///< the records that were taken
    bool broken_off_ = false;   ///< a record is missing: the chain has come to the first that is not in order
    Sha256 chain_;
    RunningSha256 frame_; ///< what the end's signature covers besides the records
    std::size_t bytes_ = 0;
};

std::uint64_t seq_of(const BundleRecord& record) {
    return record.leaf.size() < kind_offset ? 0 : read_big_endian_64(record.leaf.data() + seq_offset);
}

/// Without reading the whole record.
bool is_of_kind(const BundleRecord& record, std::string_view kind) {
    return record.leaf.size() >= kind_offset + 4 + kind.size() &&
           read_big_endian(record.leaf.substr(kind_offset, 4)) == kind.size() &&
           record.leaf.substr(kind_offset + 4, kind.size()) == kind;
}

void BundleCheck::report(std::string code, std::optional<std::uint64_t> seq, std::string reason) {
    const auto of_this_kind = std::ranges::count(bundle_.problems, code, &BundleProblem::code);
    if (static_cast<std::size_t>(of_this_kind) < problems_of_a_kind_max) {
        bundle_.problems.push_back({std::move(code), seq, std::move(reason)});
    } else {
        ++bundle_.problems_left_out;
    }
}

/// A record whose stored hash alone was changed is one problem, and so is one whose content was: the next one
/// must follow what stands there, or what should.
void BundleCheck::check_link(const BundleRecord& record, const RecordFacts& facts) {
    const std::uint64_t expected = bundle_.last_seq + 1;
    if (const std::uint64_t seq = seq_of(record); seq != expected) {
        report("bundle.record_missing", expected, "record " + std::to_string(seq) + " stands in its place");
        broken_off_ = true; // what follows has no number that could be named
        return;
    }
    std::array<char, Sha256::bytes> buffer{};
    const std::string_view computed(buffer.data(), buffer.size());
    const std::string_view leaf_hash(facts.leaf_hash.data(), facts.leaf_hash.size());
    chain_.digest(head_, leaf_hash, buffer.data());
    if (computed != record.hash && !expected_head_.empty()) {
        chain_.digest(expected_head_, leaf_hash, buffer.data());
    }
    expected_head_.clear();
    if (computed != record.hash || !facts.is_well_formed) {
        report("bundle.record_wrong", expected, "its hash does not fit its content and the record before it");
        expected_head_ = computed;
    }
    head_ = record.hash;
    bundle_.last_seq = expected;
}

void BundleCheck::check_batch() {
    if (batch_.empty()) {
        return;
    }
    open_batch();
    if (!broken_off_) {
        check_chain();
        bundle_.hashes.resize((bundle_.last_seq + 1 - bundle_.header.first_seq) * Sha256::bytes);
    }
    if (!broken_off_) {
        if (bundle_.records() == batch_.size()) {
            bundle_.first_time = facts_.front().time;
        }
        bundle_.last_time = facts_[batch_.size() - 1].time;
    }
    const std::uint64_t last = seq_of(batch_.back().record);
    std::erase_if(openings_, [&](const BundleOpening& opening) { return opening.seq <= last; });
    batch_.clear();
}

/// Into the batch. What its attestations are compared with is taken at once: so all threads find it, and none
/// of them changes it.
void BundleCheck::take_record(const BundleRecord& record) {
    batch_.push_back({record, nullptr});
    const std::uint64_t seq = seq_of(record);
    is_in_order_ = is_in_order_ && seq == bundle_.header.first_seq + bundle_.records();
    if (!is_in_order_) {
        return; // the chain breaks off there
    }
    bundle_.hashes.append(record.hash);
    if (is_of_kind(record, "key.bound") || is_of_kind(record, "key.released")) {
        const auto leaf = read_ledger_leaf(record.leaf);
        attestations_.take_binding(seq, leaf ? leaf->payload : std::string_view());
    }
}

void BundleCheck::check_chain() {
    verdicts_.resize(std::max(verdicts_.size(), batch_.size()));
    RecordCheck records(batch_, facts_, options_.threads,
                        [&](std::size_t index, const RecordFacts& facts, std::size_t thread) {
                            if (is_of_kind(batch_[index].record, "session.started")) {
                                verdicts_[index] = attestations_.judge(seq_of(batch_[index].record),
                                                                       batch_[index], facts, thread);
                            }
                        });
    for (std::size_t index = 0; index < batch_.size(); ++index) {
        const RecordFacts& facts = records.at(index);
        check_link(batch_[index].record, facts);
        if (broken_off_) {
            return;
        }
        note_personal(batch_[index], facts);
        if (is_of_kind(batch_[index].record, "workstation.rotated")) {
            rotation_payloads_.emplace(bundle_.last_seq, facts.payload);
        } else if (is_of_kind(batch_[index].record, "state.restored")) {
            bundle_.seams.push_back(bundle_.last_seq);
        } else if (is_of_kind(batch_[index].record, "session.started")) {
            note_attestation(verdicts_[index]);
        }
    }
}

/// Each record of the batch with its opening: both come in the order of their numbers, openings first. The
/// openings stay where they are until the batch is done.
void BundleCheck::open_batch() {
    auto opening = openings_.begin();
    for (OpenedRecord& opened : batch_) {
        if (opening == openings_.end()) {
            return;
        }
        const std::uint64_t seq = seq_of(opened.record);
        for (; opening != openings_.end() && opening->seq < seq; ++opening) {
            report("bundle.personal_wrong", opening->seq, "the file does not have that record after it");
        }
        if (opening != openings_.end() && opening->seq == seq) {
            opened.opening = &*opening++;
        }
    }
}

void BundleCheck::note_personal(const OpenedRecord& opened, const RecordFacts& facts) {
    if (facts.personal == RecordFacts::Personal::wrong) {
        report("bundle.personal_wrong", seq_of(opened.record), "the record refers to something else");
    } else if (facts.personal == RecordFacts::Personal::removed) {
        ++bundle_.personal_removed;
    }
}

/// Of the last record.
void BundleCheck::note_attestation(const AttestationVerdict& verdict) {
    switch (verdict.kind) {
    case AttestationVerdict::Kind::none:
        break;
    case AttestationVerdict::Kind::removed:
        ++bundle_.attested_removed;
        break;
    case AttestationVerdict::Kind::wrong:
        report("bundle.attestation_wrong", bundle_.last_seq, verdict.reason);
        break;
    case AttestationVerdict::Kind::holds:
        ++bundle_.attested;
        bundle_.nonces.push_back({verdict.nonce_digits, bundle_.last_seq});
        break;
    }
}

/// One question, one login: the first that answered it.
void BundleCheck::check_nonces() {
    std::ranges::sort(bundle_.nonces);
    std::size_t kept = 0;
    for (const AnsweredNonce& one : bundle_.nonces) {
        if (kept == 0 || bundle_.nonces[kept - 1].nonce != one.nonce) {
            bundle_.nonces[kept++] = one;
        } else {
            --bundle_.attested;
            report("bundle.attestation_wrong", one.seq, "repeated");
        }
    }
    bundle_.nonces.resize(kept);
}

void BundleCheck::take_records(std::string_view body) {
    for (;;) {
        const auto record = take_bundle_record(body);
        if (!record) {
            report(record.error());
            return;
        }
        if (!*record) {
            return;
        }
        take_record(**record);
        if (batch_.size() == batch_records) {
            check_batch();
        }
    }
}

void BundleCheck::take_openings(std::string_view body) {
    for (;;) {
        const auto opening = take_bundle_opening(body);
        if (!opening) {
            report(opening.error());
            return;
        }
        if (!*opening) {
            return;
        }
        const std::uint64_t before = openings_.empty() ? bundle_.last_seq : openings_.back().seq;
        if ((*opening)->seq <= std::max(before, batch_.empty() ? 0 : seq_of(batch_.back().record))) {
            report("bundle.personal_wrong", (*opening)->seq, "it does not stand before its record");
            continue;
        }
        openings_.push_back(**opening);
    }
}

void BundleCheck::take_rotation(std::string_view body) {
    if (auto rotation = parse_bundle_rotation(body)) {
        rotations_.push_back(std::move(*rotation));
    } else {
        report(rotation.error());
    }
}

/// Not after the last record; if the bundle has its record, it is that one, after the record that it names.
bool BundleCheck::is_in_its_place(const SignedRotation& signed_rotation) const {
    const Rotation& rotation = signed_rotation.rotation;
    if (rotation.seq > bundle_.last_seq) {
        return false;
    }
    if (rotation.seq < bundle_.header.first_seq) {
        return true; // its record is in an earlier bundle
    }
    const auto payload = rotation_payloads_.find(rotation.seq);
    const auto said =
        payload == rotation_payloads_.end() ? tl::unexpected(Error{}) : decode_rotation(payload->second);
    return said && *said == signed_rotation && bundle_.hash_of(rotation.seq - 1) == rotation.head;
}

/// True when the keys before the last one are what they are said to be.
bool BundleCheck::check_rotations() {
    if (const auto fault = rotation_fault(rotations_, bundle_.header.public_key)) {
        report("bundle.rotation_wrong", std::nullopt, *fault);
        return false;
    }
    for (const SignedRotation& rotation : rotations_) {
        if (!is_in_its_place(rotation)) {
            report("bundle.rotation_wrong", rotation.rotation.seq, "it does not stand in its place");
            return false;
        }
    }
    return true;
}

void BundleCheck::check_checkpoint(const SignedCheckpoint& checkpoint, const KeyHistory& keys) {
    const std::uint64_t seq = checkpoint.checkpoint.seq;
    if (!verify(checkpoint, keys.key_at(seq))) {
        report("bundle.checkpoint_wrong", seq, "it is not signed by this workstation's key");
        return;
    }
    const auto hash = bundle_.hash_of(seq);
    if (!hash || *hash != checkpoint.checkpoint.head) {
        report("bundle.checkpoint_wrong", seq,
               hash ? "it was signed over another record" : "the bundle does not have that record");
        return;
    }
    bundle_.checkpoints.push_back(checkpoint);
}

void BundleCheck::check_end(const SignedBundleEnd& signed_end) {
    const BundleEnd& end = signed_end.end;
    if (!verify_ed25519(bundle_.header.public_key, to_text(end), signed_end.signature) ||
        end.frame_sha256 != frame_.finish()) {
        report("bundle.end_wrong", std::nullopt,
               "the file as a whole is not signed by this workstation's key");
    }
    if (broken_off_) {
        return; // said already
    }
    if (end.records != bundle_.records() || end.last_seq != bundle_.last_seq) {
        report("bundle.record_missing", bundle_.last_seq + 1,
               std::to_string(end.records) + " records were written, " + std::to_string(bundle_.records()) +
                   " are here");
    } else if (end.last_hash != head_) {
        report("bundle.record_wrong", bundle_.last_seq, "another record was signed in its place");
    }
}

/// False at the end, or when nothing more can be read.
bool BundleCheck::read_section() {
    const auto section = reader_.next();
    if (!section) {
        check_batch();
        report(section.error());
        return false;
    }
    if (!*section) {
        return false;
    }
    const std::string_view body = (*section)->body;
    bytes_ += body.size();
    if ((*section)->kind == BundleSectionKind::records) {
        frame_.append((*section)->whole.substr(0, (*section)->whole.size() - body.size()));
    } else if ((*section)->kind != BundleSectionKind::end) {
        frame_.append((*section)->whole);
    }
    switch ((*section)->kind) {
    case BundleSectionKind::header: {
        const auto header = parse_bundle_header(body);
        if (!header) {
            report(header.error());
            return false;
        }
        bundle_.header = *header;
        bundle_.workstation = key_fingerprint(header->public_key);
        bundle_.last_seq = header->first_seq - 1;
        head_ = header->previous_hash;
        if (header->first_seq == 1 && head_ != ledger_genesis_hash()) {
            report("bundle.record_wrong", 1, "the ledger's first record follows nothing");
        }
        break;
    }
    case BundleSectionKind::rotation:
        take_rotation(body);
        break;
    case BundleSectionKind::checkpoint:
        if (auto checkpoint = parse_bundle_checkpoint(body)) {
            checkpoints_.push_back(std::move(*checkpoint));
        } else {
            report(checkpoint.error());
        }
        break;
    case BundleSectionKind::openings:
        take_openings(body);
        break;
    case BundleSectionKind::records:
        take_records(body);
        break;
    case BundleSectionKind::certificate:
        attestations_.add_intermediate(std::string(body));
        break;
    case BundleSectionKind::end:
        check_batch();
        for (const BundleOpening& opening : openings_) {
            report("bundle.personal_wrong", opening.seq, "the file does not have that record after it");
        }
        if (const auto end = parse_bundle_end(body)) {
            check_end(*end);
        } else {
            report(end.error());
        }
        break;
    }
    if (options_.progress) {
        options_.progress(bytes_);
    }
    return true;
}

CheckedBundle BundleCheck::run() {
    while (read_section()) {
    }
    check_nonces();
    if (broken_off_) {
        return std::move(bundle_); // what is signed over the rest cannot be said
    }
    if (bundle_.workstation.empty()) {
        return std::move(bundle_); // whose it is cannot be said
    }
    const bool led_here = check_rotations();
    const KeyHistory keys(led_here ? std::span<const SignedRotation>(rotations_)
                                   : std::span<const SignedRotation>(),
                          bundle_.header.public_key);
    bundle_.identities = keys.fingerprints();
    for (const SignedCheckpoint& checkpoint : checkpoints_) {
        check_checkpoint(checkpoint, keys);
    }
    const auto has = [&](std::uint64_t seq) {
        return std::ranges::any_of(bundle_.checkpoints,
                                   [&](const SignedCheckpoint& c) { return c.checkpoint.seq == seq; });
    };
    if (!has(bundle_.last_seq)) {
        report("bundle.checkpoint_missing", bundle_.last_seq, "nothing is signed over its last records");
    }
    if (bundle_.header.first_seq > 1 && !has(bundle_.header.first_seq - 1)) {
        report("bundle.checkpoint_missing", bundle_.header.first_seq - 1,
               "nothing is signed over what came before");
    }
    return std::move(bundle_);
}

} // namespace

bool CheckedBundle::is_signed() const {
    return !workstation.empty() && std::ranges::all_of(problems, [](const BundleProblem& problem) {
        return problem.code == "bundle.attestation_wrong";
    });
}

std::optional<std::string_view> CheckedBundle::hash_of(std::uint64_t seq) const {
    if (seq + 1 == header.first_seq) {
        return header.previous_hash;
    }
    if (seq < header.first_seq || seq - header.first_seq >= records()) {
        return std::nullopt;
    }
    return std::string_view(hashes).substr((seq - header.first_seq) * Sha256::bytes, Sha256::bytes);
}

CheckedBundle check_bundle(std::string_view file, const BundleCheckOptions& options) {
    return BundleCheck(file, options).run();
}

} // namespace ukey::ctl
