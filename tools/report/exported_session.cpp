// SPDX-License-Identifier: Apache-2.0
#include "tools/report/exported_session.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <boost/json/parse.hpp>

#include "daemon/core/attestation.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/core/personal.hpp"
#include "tools/json_view.hpp"

namespace ukey::ctl {
namespace {

Outcome<boost::json::object> read_export(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) {
        return fail_with(
            "file.unreadable",
            {{"object", file}, {"reason", std::error_code(errno, std::generic_category()).message()}});
    }
    boost::json::error_code error;
    boost::json::value value = boost::json::parse(text, error);
    if (error || !value.is_object() || list_of(value.get_object(), "records").empty()) {
        return fail_with("file.unreadable",
                         {{"object", file}, {"reason", "no export in JSON with records in it"}});
    }
    return std::move(value.get_object());
}

LedgerRecord read_record(const boost::json::object& record) {
    return {.seq = static_cast<std::uint64_t>(number_of(record, "seq").value_or(0)),
            .time = Timestamp(std::chrono::microseconds(number_of(record, "time_us").value_or(0))),
            .boottime = std::chrono::microseconds(number_of(record, "boottime_us").value_or(0)),
            .kind = raw_text(record, "kind"),
            .payload = raw_text(record, "payload"),
            .hash = hex_decode(raw_text(record, "hash")).value_or(std::string())};
}

/// What a record refers to; empty: nothing, or it was removed.
Opening opening_of(const boost::json::object& record) {
    const boost::json::object& personal = object_of(record, "personal");
    return {hex_decode(raw_text(personal, "salt")).value_or(std::string()), raw_text(personal, "value")};
}

/// Why a record does not hold for itself.
std::optional<std::string> opening_fault(const boost::json::object& record) {
    const Opening opening = opening_of(record);
    const bool fits =
        opening.value.empty() || reference_to(opening) == reference_in(raw_text(record, "payload"));
    return fits ? std::nullopt : std::optional<std::string>("its personal data is not what it refers to");
}

/// An export that begins later than the ledger is believed the hash of the record before its first.
Outcome<void> check_chain(const boost::json::object& exported) {
    const boost::json::array& records = list_of(exported, "records");
    const LedgerRecord first = read_record(as_object(records.front()));
    const auto before = hex_decode(raw_text(exported, "previous_hash"));
    if (first.seq == 0 || (first.seq > 1 && (!before || before->size() != ledger_genesis_hash().size()))) {
        return fail_with("audit.chain_broken", {{"seq", std::to_string(first.seq)},
                                                {"reason", "the hash of the record before it is missing"}});
    }
    ChainVerifier chain = first.seq == 1 ? ChainVerifier() : ChainVerifier(first.seq - 1, *before);
    for (const boost::json::value& value : records) {
        const LedgerRecord record = read_record(as_object(value));
        auto reason = chain.add(record);
        if (!reason) {
            reason = opening_fault(as_object(value));
        }
        if (reason) {
            return fail_with("audit.chain_broken",
                             {{"seq", std::to_string(record.seq)}, {"reason", *reason}});
        }
    }
    return {};
}

boost::json::object payload_of(const boost::json::object& record) {
    boost::json::error_code error;
    const boost::json::value payload = boost::json::parse(raw_text(record, "payload"), error);
    return !error && payload.is_object() ? reveal(payload.get_object(), opening_of(record).value)
                                         : boost::json::object();
}

boost::json::object begun(const boost::json::object& started) {
    boost::json::object session = started;
    session.erase("claim");
    session.erase("attestation");
    session.erase("personal");
    session.erase("program");
    const std::string executable = text_of(object_of(started, "claim"), "executable");
    session["executable"] = executable.empty() ? text_of(started, "program") : executable;
    session["ended_at"] = nullptr;
    session["end_reason"] = nullptr;
    return session;
}

/// Does the attestation fit where its record stands? What the key signed names a record before it. Empty: it
/// does, or the export does not reach back to that record (`found` false). The records' chain is whole.
std::string misplaced(const boost::json::object& attestation, const LedgerRecord& started,
                      const boost::json::array& records, bool& found) {
    const auto named = static_cast<std::uint64_t>(number_of(attestation, "ledger_seq").value_or(0));
    const auto asked = parse_timestamp(raw_text(attestation, "asked_at"));
    if (!asked || started.time + clock_tolerance < *asked) {
        return "wrong_time";
    }
    if (named >= started.seq) {
        return "wrong_place";
    }
    const std::uint64_t first = read_record(as_object(records.front())).seq;
    found = named == 0 || named >= first;
    const std::string head =
        named == 0 ? hex_encode(ledger_genesis_hash())
                   : (found ? raw_text(as_object(records[named - first]), "hash") : std::string());
    return found && head != raw_text(attestation, "ledger_head") ? "wrong_place" : "";
}

void place(boost::json::object& answer, const boost::json::object& record,
           const boost::json::array& records) {
    if (!answer.at("attestation").is_object() ||
        !answer.at("attestation").get_object().contains("signature")) {
        return;
    }
    bool found = false;
    const std::string reason =
        misplaced(answer.at("attestation").get_object(), read_record(record), records, found);
    answer["place"] = !reason.empty() ? reason : (found ? "confirmed" : "not_in_export");
}

/// What later records say of the session.
void follow(boost::json::object& session, const boost::json::object& record) {
    const boost::json::object payload = payload_of(record);
    if (raw_text(payload, "login") != raw_text(session, "login")) {
        return;
    }
    const std::string kind = raw_text(record, "kind");
    if (kind == "session.used" || kind == "session.ended" || kind == "session.resumed") {
        session["uses"] = number_of(payload, "uses").value_or(0);
    }
    if (kind == "session.ended") {
        session["ended_at"] = raw_text(record, "time");
        session["end_reason"] = raw_text(payload, "reason");
    } else if (kind == "session.resumed") {
        session["ended_at"] = nullptr;
        session["end_reason"] = nullptr;
    }
}

} // namespace

Outcome<boost::json::object> exported_session(const std::string& file, const std::string& login) {
    const auto exported = read_export(file);
    if (!exported) {
        return tl::unexpected(exported.error());
    }
    const boost::json::array& records = list_of(*exported, "records");
    if (const auto checked = check_chain(*exported); !checked) {
        return tl::unexpected(checked.error());
    }
    boost::json::object answer;
    for (const boost::json::value& value : records) {
        const boost::json::object& record = as_object(value);
        if (raw_text(record, "kind") == "session.started") {
            const boost::json::object started = payload_of(record);
            if (!raw_text(started, "login").starts_with(login)) {
                continue;
            }
            if (!answer.empty()) {
                return fail_with("session.ambiguous", {{"object", login}});
            }
            const boost::json::value* attestation = started.if_contains("attestation");
            answer["session"] = begun(started);
            answer["attestation"] = attestation == nullptr ? boost::json::value(nullptr) : *attestation;
            place(answer, record, records);
        } else if (!answer.empty()) {
            follow(answer["session"].get_object(), record);
        }
    }
    if (answer.empty()) {
        return fail_with("session.not_found", {{"object", login}});
    }
    return answer;
}

} // namespace ukey::ctl
