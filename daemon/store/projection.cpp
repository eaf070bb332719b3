// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/projection.hpp"

#include <map>
#include <span>

#include <fmt/format.h>

#include "daemon/core/certificate.hpp"
#include "daemon/store/rebuild.hpp"

namespace ukey {
namespace {

/// A column of the table in force (`f`), and what it should be by the rebuilt one (`r`). What no record says
/// is taken from the table.
struct Column {
    std::string name;
    std::string derived;
};

Column exact(const std::string& name) {
    return {name, "r." + name};
}

/// The clock was read once for the row and once for the record.
Column moment(const std::string& name) {
    constexpr std::int64_t tolerance_us = 1'000'000;
    return {name,
            fmt::format("CASE WHEN abs(f.{0} - r.{0}) <= {1} THEN f.{0} ELSE r.{0} END", name, tolerance_us)};
}

struct Table {
    std::string name;
    std::vector<std::string> key;
    std::vector<Column> columns;
};

std::vector<Table> projected_tables() {
    return {
        {"key",
         {"key_id"},
         {exact("manufacturer"),
          exact("model"),
          exact("serial"),
          moment("first_seen_us"),
          moment("last_seen_us"),
          exact("pin_default"),
          exact("returned"),
          {"attestation_us", "CASE WHEN r.attested_us IS NULL THEN NULL "
                             "ELSE coalesce(r.attestation_us, f.attestation_us) END"},
          moment("attested_us")}},
        {"key_public_key", {"key_id", "spki_sha256"}, {moment("first_seen_us")}},
        {"binding",
         {"key_id"},
         {exact("organisation"), exact("spki_sha256"), moment("bound_us"), exact("bound_by_uid")}},
        {"session",
         {"login"},
         {exact("key_id"),
          exact("organisation"),
          exact("uid"),
          exact("pid"),
          exact("executable"),
          exact("application"),
          exact("grade"),
          exact("verdict"),
          exact("codes"),
          exact("started_us"),
          // An older service's end has no time of its own in its record; an end has one at all.
          {"ended_us", "CASE r.ended WHEN 0 THEN NULL ELSE coalesce(r.ended_us, f.ended_us, 0) END"},
          exact("end_reason"),
          exact("uses"),
          exact("attestation")}},
    };
}

template <typename Texts, typename Make>
std::string join(const Texts& texts, std::string_view between, Make make) {
    std::string joined;
    for (const auto& text : texts) {
        joined += (joined.empty() ? "" : std::string(between)) + make(text);
    }
    return joined;
}

/// One row for each that differs: the key's columns, whether each side has it, then both values of each
/// column.
std::string comparison(const Table& table) {
    const auto on = [](const std::string& name) { return fmt::format("f.{0} = r.{0}", name); };
    const auto either = [](const std::string& name) { return fmt::format("coalesce(f.{0}, r.{0})", name); };
    const auto both = [](const Column& column) {
        return fmt::format("f.{}, {}", column.name, column.derived);
    };
    const auto differ = [](const Column& column) {
        return fmt::format("f.{} IS NOT ({})", column.name, column.derived);
    };
    const std::string& first = table.key.front();
    return fmt::format(
        "SELECT {}, f.{} IS NOT NULL, r.{} IS NOT NULL, {} FROM main.{} f FULL JOIN temp.rebuilt_{} r "
        "ON {} WHERE f.{} IS NULL OR r.{} IS NULL OR {}",
        join(table.key, " || ' ' || ", either), first, first, join(table.columns, ", ", both), table.name,
        table.name, join(table.key, " AND ", on), first, first, join(table.columns, " OR ", differ));
}

class Comparison {
  public:
    explicit Comparison(Storage& storage) : storage_(storage) {}

    Result<ProjectionVerdict> run();

  private:
    Result<void> compare(const Table& table);
    void take(const Table& table, const Statement& row);
    Result<void> compare_certificates();
    Result<void> count(const Table& table);
    void report(ProjectionDifference difference);

    Storage& storage_;
    ProjectionVerdict verdict_;
};

void Comparison::report(ProjectionDifference difference) {
    ++verdict_.differing;
    if (verdict_.differences.size() < projection_differences_max) {
        verdict_.differences.push_back(std::move(difference));
    }
}

void Comparison::take(const Table& table, const Statement& row) {
    const std::string key = row.text(0);
    const bool in_force = row.integer(1) != 0;
    const bool derived = row.integer(2) != 0;
    if (!in_force || !derived) {
        report({table.name, key, {}, in_force ? "a row" : "", derived ? "a row" : ""});
        return;
    }
    int place = 3;
    for (const Column& column : table.columns) {
        const bool same =
            row.text(place) == row.text(place + 1) && row.is_null(place) == row.is_null(place + 1);
        if (!same) {
            report({table.name, key, column.name, row.text(place), row.text(place + 1)});
        }
        place += 2;
    }
}

Result<void> Comparison::compare(const Table& table) {
    auto statement = storage_.database().prepare(comparison(table));
    return statement.each([&] { take(table, statement); });
}

/// The ledger has the certificate's SHA-256, the table the certificate.
Result<void> Comparison::compare_certificates() {
    auto statement =
        storage_.database().prepare("SELECT f.key_id, f.certificate, coalesce(r.certificate_sha256, ''), "
                                    "r.certificate_removed FROM main.key f "
                                    "JOIN temp.rebuilt_key r ON r.key_id = f.key_id ORDER BY f.key_id");
    return statement.each([&] {
        const std::string certificate = statement.text(1);
        const std::string in_force = certificate.empty() ? std::string() : sha256_hex(certificate);
        const bool removed = certificate.empty() && statement.integer(3) != 0;
        if (!removed && in_force != statement.text(2)) {
            report({"key", statement.text(0), "certificate", in_force, statement.text(2)});
        }
    });
}

Result<void> Comparison::count(const Table& table) {
    auto statement = storage_.database().prepare("SELECT count(*) FROM temp.rebuilt_" + table.name);
    UKEY_TRY(statement.step());
    verdict_.rows += static_cast<std::uint64_t>(statement.integer(0));
    return {};
}

Result<ProjectionVerdict> Comparison::run() {
    const auto rebuilt = rebuild_tables(storage_, storage_.head_seq());
    if (!rebuilt) {
        return tl::unexpected(rebuilt.error());
    }
    for (const std::uint64_t seq : rebuilt->unreadable) {
        report({"ledger", std::to_string(seq), "payload", {}, {}});
    }
    for (const std::uint64_t seq : rebuilt->wrong_openings) {
        report({"personal", std::to_string(seq), "value", {}, {}});
    }
    if (rebuilt->missing_opening) {
        report({"personal", std::to_string(*rebuilt->missing_opening), {}, {}, "a row"});
    }
    for (const Table& table : projected_tables()) {
        UKEY_TRY(compare(table));
        UKEY_TRY(count(table));
    }
    UKEY_TRY(compare_certificates());
    return std::move(verdict_);
}

} // namespace

Result<ProjectionVerdict> compare_projection(Storage& storage) {
    return Comparison(storage).run();
}

} // namespace ukey
