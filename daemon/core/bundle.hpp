// SPDX-License-Identifier: Apache-2.0
// The file in which a workstation hands its ledger to others (docs/formats/bundle.md): its sections, written
// and read. Whether what it says is true is looked at elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/checkpoint.hpp"
#include "daemon/core/clock.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/core/personal.hpp"
#include "daemon/core/result.hpp"
#include "daemon/core/rotation.hpp"
#include "daemon/core/sha256.hpp"

namespace ukey {

struct BundleHeader {
    std::string public_key; ///< the workstation's, 32 raw bytes
    std::string workstation_name;
    std::uint64_t first_seq = 1;
    std::string previous_hash; ///< of the record before the first one, 32 raw bytes
    Timestamp written{};
    std::string software;

    bool operator==(const BundleHeader&) const = default;
};

/// What stands at the very end, signed: a file that was cut off does not have it.
struct BundleEnd {
    std::uint64_t records = 0;
    std::uint64_t last_seq = 0; ///< first_seq - 1 when there are no records
    std::string last_hash;      ///< 32 raw bytes; previous_hash when there are no records
    std::string frame_sha256;   ///< of all bytes before this section but the bodies of records; 32 raw bytes

    bool operator==(const BundleEnd&) const = default;
};
/// The exact bytes that are signed.
std::string to_text(const BundleEnd& end);

/// Writes a bundle piece by piece into a text that grows; what has been written may be taken out of it at any
/// time.
class BundleWriter {
  public:
    /// Writes the magic line and the header. `out` must outlive it.
    BundleWriter(std::string& out, const BundleHeader& header);

    void add(const SignedCheckpoint& checkpoint);
    /// In their order.
    void add(const SignedRotation& rotation);
    /// A certificate of a CA above the U-Keys', DER.
    void add_certificate(std::string_view der);
    /// In the order of their numbers, each with what it refers to, if that is to be in the bundle. They are
    /// collected in sections of about records_section_bytes.
    void add(const LedgerRecord& record, const Opening* opening = nullptr);
    /// The signed end.
    void finish(const WorkstationKey& key);

  private:
    void add_section(std::string section);
    void add_records();

    static constexpr std::size_t records_section_bytes = std::size_t{128} * 1024;

    std::string& out_;
    RunningSha256 frame_;
    std::string openings_; ///< of records_
    std::string records_;
    BundleEnd end_;
};

enum class BundleSectionKind { header, rotation, checkpoint, openings, records, certificate, end };
struct BundleSection {
    BundleSectionKind kind;
    std::string_view body; ///< in the file's bytes
    std::string_view
        whole; ///< with what stands before it that is no section: its kind and length, the magic line
};

/// Walks a file's sections. The bytes must outlive it.
class BundleReader {
  public:
    explicit BundleReader(std::string_view file) : file_(file), rest_(file) {}

    /// The next section, nullopt after the end section. Errors `bundle.malformed`, `bundle.truncated`.
    Result<std::optional<BundleSection>> next();

  private:
    tl::unexpected<Error> malformed(std::string reason) const;

    std::string_view file_;
    std::string_view rest_;
    bool ended_ = false;
};

/// One record as it stands in a section.
struct BundleRecord {
    std::string_view leaf; ///< the exact bytes that are hashed (ledger_leaf)
    std::string_view hash; ///< 32 raw bytes
};
/// Takes the first record off `body`; nullopt when it is empty. Error `bundle.malformed`.
Result<std::optional<BundleRecord>> take_bundle_record(std::string_view& body);

/// What a record refers to, as it stands in a section.
struct BundleOpening {
    std::uint64_t seq = 0; ///< of the record
    std::string_view salt; ///< opening_salt_bytes
    std::string_view value;
};
/// Takes the first opening off `body`; nullopt when it is empty. Error `bundle.malformed`.
Result<std::optional<BundleOpening>> take_bundle_opening(std::string_view& body);

/// Errors `bundle.malformed`.
Result<BundleHeader> parse_bundle_header(std::string_view body);
Result<SignedCheckpoint> parse_bundle_checkpoint(std::string_view body);
Result<SignedRotation> parse_bundle_rotation(std::string_view body);
struct SignedBundleEnd {
    BundleEnd end;
    std::string signature; ///< 64 raw bytes, by the workstation
};
Result<SignedBundleEnd> parse_bundle_end(std::string_view body);

} // namespace ukey
