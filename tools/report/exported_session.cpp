// SPDX-License-Identifier: Apache-2.0
#include "tools/report/exported_session.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <boost/json/parse.hpp>

#include "daemon/core/base64.hpp"
#include "daemon/core/ledger.hpp"
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

/// An export that begins later than the ledger is believed its first record's hash.
Outcome<void> check_chain(const boost::json::array& records) {
    const LedgerRecord first = read_record(as_object(records.front()));
    const bool whole = first.seq == 1;
    ChainVerifier chain = whole ? ChainVerifier() : ChainVerifier(first.seq, first.hash);
    for (std::size_t place = whole ? 0 : 1; place < records.size(); ++place) {
        const LedgerRecord record = read_record(as_object(records[place]));
        if (const auto reason = chain.add(record)) {
            return fail_with("audit.chain_broken",
                             {{"seq", std::to_string(record.seq)}, {"reason", *reason}});
        }
    }
    return {};
}

boost::json::object payload_of(const boost::json::object& record) {
    boost::json::error_code error;
    const boost::json::value payload = boost::json::parse(raw_text(record, "payload"), error);
    return !error && payload.is_object() ? payload.get_object() : boost::json::object();
}

boost::json::object begun(const boost::json::object& started) {
    boost::json::object session = started;
    session.erase("claim");
    session.erase("attestation");
    session["executable"] = text_of(object_of(started, "claim"), "executable");
    session["ended_at"] = nullptr;
    session["end_reason"] = nullptr;
    return session;
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
    if (const auto checked = check_chain(records); !checked) {
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
