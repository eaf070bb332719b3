// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/bundle.hpp"

#include <algorithm>
#include <array>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/big_endian.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/signed_lines.hpp"

namespace ukey {
namespace {

constexpr std::string_view magic = "ukey-bundle-v1\n";
constexpr std::size_t kind_bytes = 4;
constexpr std::size_t section_head_bytes = kind_bytes + 8;
constexpr std::size_t hash_bytes = 32;
constexpr std::size_t header_members = 7;

struct KindName {
    BundleSectionKind kind;
    std::string_view name;
};
constexpr std::array kind_names{
    KindName{BundleSectionKind::header, "HEAD"},     KindName{BundleSectionKind::rotation, "ROTA"},
    KindName{BundleSectionKind::checkpoint, "CKPT"}, KindName{BundleSectionKind::openings, "REFS"},
    KindName{BundleSectionKind::records, "RECS"},    KindName{BundleSectionKind::certificate, "CERT"},
    KindName{BundleSectionKind::end, "LAST"},
};

std::string section(BundleSectionKind kind, std::string_view body) {
    std::string bytes(std::ranges::find(kind_names, kind, &KindName::kind)->name);
    append_big_endian(bytes, body.size(), 8);
    return bytes.append(body);
}

tl::unexpected<Error> malformed_section(const char* which) {
    return fail("bundle.malformed", "read the bundle", which, "it has another form");
}

std::string text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// A whole number, written as one.
std::optional<std::uint64_t> number_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    if (value == nullptr || value->is_double()) {
        return std::nullopt;
    }
    boost::json::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return error ? std::nullopt : std::optional(number);
}

std::optional<boost::json::object> parse_object(std::string_view text) {
    boost::json::error_code error;
    boost::json::value value = boost::json::parse(text, error);
    return !error && value.is_object() ? std::optional(std::move(value.get_object())) : std::nullopt;
}

} // namespace

std::string to_text(const BundleEnd& end) {
    return fmt::format("ukey-bundle-end-v1\nrecords: {}\nlast_seq: {}\nlast_hash: {}\nframe: {}\n",
                       end.records, end.last_seq, hex_encode(end.last_hash), hex_encode(end.frame_sha256));
}

BundleWriter::BundleWriter(std::string& out, const BundleHeader& header) : out_(out) {
    end_.last_seq = header.first_seq - 1;
    end_.last_hash = header.previous_hash;
    const boost::json::object object{{"public_key", base64_encode(header.public_key)},
                                     {"workstation", key_fingerprint(header.public_key)},
                                     {"workstation_name", header.workstation_name},
                                     {"first_seq", header.first_seq},
                                     {"previous_hash", hex_encode(header.previous_hash)},
                                     {"written_at", format_timestamp(header.written)},
                                     {"software", header.software}};
    add_section(std::string(magic) + section(BundleSectionKind::header, boost::json::serialize(object)));
}

void BundleWriter::add_section(std::string section) {
    add_records();
    out_.append(section);
    frame_.append(section);
}

void BundleWriter::add(const SignedCheckpoint& checkpoint) {
    add_section(
        section(BundleSectionKind::checkpoint, checkpoint.signature + to_text(checkpoint.checkpoint)));
}

void BundleWriter::add(const SignedRotation& rotation) {
    add_section(section(BundleSectionKind::rotation,
                        rotation.old_signature + rotation.new_signature + to_text(rotation.rotation)));
}

void BundleWriter::add_certificate(std::string_view der) {
    add_section(section(BundleSectionKind::certificate, der));
}

void BundleWriter::add(const LedgerRecord& record, const Opening* opening) {
    if (opening != nullptr) {
        append_big_endian(openings_, record.seq, 8);
        openings_.append(opening->salt);
        append_big_endian(openings_, opening->value.size(), 4);
        openings_.append(opening->value);
    }
    const std::string leaf = ledger_leaf(record);
    append_big_endian(records_, leaf.size(), 4);
    records_.append(leaf).append(record.hash);
    ++end_.records;
    end_.last_seq = record.seq;
    end_.last_hash = record.hash;
    if (records_.size() + openings_.size() >= records_section_bytes) {
        add_records();
    }
}

void BundleWriter::add_records() {
    if (!openings_.empty()) { // before the records that refer to them
        const std::string whole = section(BundleSectionKind::openings, openings_);
        out_.append(whole);
        frame_.append(whole);
        openings_.clear();
    }
    if (!records_.empty()) {
        const std::string whole = section(BundleSectionKind::records, records_);
        out_.append(whole);
        frame_.append(std::string_view(whole).substr(0, section_head_bytes));
        records_.clear();
    }
}

void BundleWriter::finish(const WorkstationKey& key) {
    add_records();
    end_.frame_sha256 = frame_.finish();
    const std::string text = to_text(end_);
    out_.append(section(BundleSectionKind::end, key.sign(text) + text));
}

tl::unexpected<Error> BundleReader::malformed(std::string reason) const {
    return fail("bundle.malformed", "read the bundle", "byte " + std::to_string(file_.size() - rest_.size()),
                std::move(reason));
}

Result<std::optional<BundleSection>> BundleReader::next() {
    const bool beginning = rest_.size() == file_.size();
    const std::string_view from_here = rest_;
    if (beginning) {
        if (!rest_.starts_with(magic)) {
            return malformed("this is no bundle");
        }
        rest_.remove_prefix(magic.size());
    }
    if (ended_) {
        return rest_.empty() ? Result<std::optional<BundleSection>>(std::nullopt)
                             : malformed("something stands after its end");
    }
    if (rest_.size() < section_head_bytes) {
        return fail("bundle.truncated", "read the bundle", "byte " + std::to_string(file_.size()),
                    "it ends too early");
    }
    const auto kind = std::ranges::find(kind_names, rest_.substr(0, kind_bytes), &KindName::name);
    const std::uint64_t length = read_big_endian(rest_.substr(kind_bytes, 8));
    if (kind == kind_names.end() || (beginning != (kind->kind == BundleSectionKind::header))) {
        return malformed("a section of this kind cannot stand here");
    }
    if (length > rest_.size() - section_head_bytes) {
        return fail("bundle.truncated", "read the bundle", "byte " + std::to_string(file_.size()),
                    "it ends too early");
    }
    if (length == 0 &&
        (kind->kind == BundleSectionKind::records || kind->kind == BundleSectionKind::openings)) {
        return malformed("a section of records is empty");
    }
    const std::string_view body = rest_.substr(section_head_bytes, length);
    rest_.remove_prefix(section_head_bytes + length);
    const BundleSection found{kind->kind, body, from_here.substr(0, from_here.size() - rest_.size())};
    ended_ = found.kind == BundleSectionKind::end;
    return found;
}

Result<std::optional<BundleRecord>> take_bundle_record(std::string_view& body) {
    if (body.empty()) {
        return std::nullopt;
    }
    const std::uint64_t length = body.size() < 4 ? 0 : read_big_endian(body.substr(0, 4));
    if (length == 0 || body.size() - 4 < length || body.size() - 4 - length < hash_bytes) {
        return malformed_section("a record");
    }
    const BundleRecord record{body.substr(4, length), body.substr(4 + length, hash_bytes)};
    body.remove_prefix(4 + length + hash_bytes);
    return record;
}

Result<std::optional<BundleOpening>> take_bundle_opening(std::string_view& body) {
    constexpr std::size_t head_bytes = 8 + opening_salt_bytes + 4;
    if (body.empty()) {
        return std::nullopt;
    }
    const std::uint64_t length =
        body.size() < head_bytes ? 0 : read_big_endian(body.substr(8 + opening_salt_bytes, 4));
    if (length == 0 || body.size() - head_bytes < length) {
        return malformed_section("personal data");
    }
    const BundleOpening opening{read_big_endian(body.substr(0, 8)), body.substr(8, opening_salt_bytes),
                                body.substr(head_bytes, length)};
    body.remove_prefix(head_bytes + length);
    return opening;
}

Result<BundleHeader> parse_bundle_header(std::string_view body) {
    const auto object = parse_object(body);
    if (!object || object->size() != header_members) {
        return malformed_section("the header");
    }
    const auto public_key = base64_decode(text_member(*object, "public_key"));
    const auto previous_hash = hex_decode(text_member(*object, "previous_hash"));
    const auto first_seq = number_member(*object, "first_seq");
    const auto written = parse_timestamp(text_member(*object, "written_at"));
    if (!public_key || public_key->size() != ed25519_public_key_bytes || !previous_hash ||
        previous_hash->size() != hash_bytes || !first_seq || *first_seq == 0 || !written ||
        text_member(*object, "workstation") != key_fingerprint(*public_key)) {
        return malformed_section("the header");
    }
    return BundleHeader{.public_key = *public_key,
                        .workstation_name = text_member(*object, "workstation_name"),
                        .first_seq = *first_seq,
                        .previous_hash = *previous_hash,
                        .written = *written,
                        .software = text_member(*object, "software")};
}

Result<SignedCheckpoint> parse_bundle_checkpoint(std::string_view body) {
    if (body.size() < ed25519_signature_bytes) {
        return malformed_section("a checkpoint");
    }
    auto checkpoint = parse_checkpoint(body.substr(ed25519_signature_bytes));
    if (!checkpoint) {
        return tl::unexpected(checkpoint.error());
    }
    return SignedCheckpoint{std::move(*checkpoint), std::string(body.substr(0, ed25519_signature_bytes))};
}

Result<SignedRotation> parse_bundle_rotation(std::string_view body) {
    constexpr std::size_t signatures_bytes = 2 * ed25519_signature_bytes;
    if (body.size() < signatures_bytes) {
        return malformed_section("a change of keys");
    }
    auto rotation = parse_rotation(body.substr(signatures_bytes));
    if (!rotation) {
        return tl::unexpected(rotation.error());
    }
    return SignedRotation{std::move(*rotation), std::string(body.substr(0, ed25519_signature_bytes)),
                          std::string(body.substr(ed25519_signature_bytes, ed25519_signature_bytes))};
}

Result<SignedBundleEnd> parse_bundle_end(std::string_view body) {
    if (body.size() < ed25519_signature_bytes) {
        return malformed_section("the end");
    }
    const std::string_view text = body.substr(ed25519_signature_bytes);
    SignedLines lines(text, "ukey-bundle-end-v1\n");
    SignedBundleEnd end{.end = {.records = lines.number("records"),
                                .last_seq = lines.number("last_seq"),
                                .last_hash = lines.bytes("last_hash"),
                                .frame_sha256 = lines.bytes("frame")},
                        .signature = std::string(body.substr(0, ed25519_signature_bytes))};
    if (!lines.complete() || to_text(end.end) != text) {
        return malformed_section("the end");
    }
    return end;
}

} // namespace ukey
