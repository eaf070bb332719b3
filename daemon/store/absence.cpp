// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/absence.hpp"

#include "daemon/core/ledger_payload.hpp"
#include "daemon/store/archive_store.hpp"

namespace ukey {
namespace {

/// The parts of a record that say whether the service was there.
struct Sign {
    std::string kind;
    Timestamp time;
    std::string payload;
};

Result<std::optional<Sign>> read_sign(Storage& storage, std::uint64_t seq) {
    auto statement = storage.database().prepare("SELECT kind, time_us, payload FROM ledger WHERE seq = ?");
    const auto row = statement.bind(static_cast<std::int64_t>(seq)).step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row ? std::optional(
                      Sign{statement.text(0), from_microseconds(statement.integer(1)), statement.text(2)})
                : std::nullopt;
}

/// The last record that is not later than `moment`, the newest archived one (0) if there is none. By
/// bisection: times ascend with the numbers but for steps of the clock, and then any of the places will do.
Result<std::uint64_t> last_record_until(Storage& storage, Timestamp moment) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    std::uint64_t not_later = archived->seq;
    std::uint64_t later = storage.head_seq() + 1;
    while (later - not_later > 1) {
        const std::uint64_t middle = not_later + (later - not_later) / 2;
        const auto sign = read_sign(storage, middle);
        if (!sign) {
            return tl::unexpected(sign.error());
        }
        (*sign && (*sign)->time <= moment ? not_later : later) = middle;
    }
    return not_later;
}

/// The record after the last one before `moment` tells: only a start, or the traces of a stop that was not
/// clean, follow an absence.
Result<bool> was_away(Storage& storage, Timestamp moment) {
    const auto before = last_record_until(storage, moment);
    if (!before) {
        return tl::unexpected(before.error());
    }
    auto next = read_sign(storage, *before + 1);
    if (next && *next && (*next)->kind == "state.restored") {
        next = read_sign(storage, *before + 2); // a start that says first where its ledger comes from
    }
    if (!next) {
        return tl::unexpected(next.error());
    }
    if (!*next) {
        return false;
    }
    if ((*next)->kind == "daemon.unclean") {
        const auto payload = payload::decode((*next)->kind, (*next)->payload);
        const auto* unclean = payload ? std::get_if<payload::ServiceUnclean>(&*payload) : nullptr;
        return unclean != nullptr && unclean->last_alive && moment >= *unclean->last_alive - report_delay_max;
    }
    return (*next)->kind == "coverage.absence" ||
           (*next)->kind == "daemon.started"; // older: without the former
}

} // namespace

Result<Timestamp> believable_start(Storage& storage, Timestamp claimed) {
    const Timestamp now = storage.now();
    if (claimed > now || claimed < storage.booted()) {
        return now;
    }
    if (claimed >= now - report_delay_max) {
        return claimed;
    }
    const auto away = was_away(storage, claimed);
    if (!away) {
        return tl::unexpected(away.error());
    }
    return *away ? claimed : now;
}

} // namespace ukey
