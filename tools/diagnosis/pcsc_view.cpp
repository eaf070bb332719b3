// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/pcsc_view.hpp"

#include <array>
#include <cstring>

#include <boost/json.hpp>
#include <winscard.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"
#include "tools/diagnosis/bounded.hpp"
#include "tools/json_view.hpp"

namespace ukey::ctl {
namespace {

constexpr std::array state_names{"answered", "absent", "refused", "failed", "hung"};

boost::json::object failure(LONG error) {
    PcscState state = PcscState::failed;
    if (error == SCARD_E_NO_SERVICE || error == SCARD_E_SERVICE_STOPPED) {
        state = PcscState::absent;
    } else if (error == SCARD_W_SECURITY_VIOLATION) {
        state = PcscState::refused;
    }
    return {{"state", state_names.at(static_cast<std::size_t>(state))},
            {"reason", pcsc_stringify_error(error)}};
}

boost::json::object to_json(const SCARD_READERSTATE& reader) {
    const auto has = [&](DWORD flag) { return (reader.dwEventState & flag) != 0; };
    const std::string_view atr(reinterpret_cast<const char*>(reader.rgbAtr), reader.cbAtr);
    return {{"name", to_printable_utf8(reader.szReader)},
            {"atr", has(SCARD_STATE_PRESENT) ? hex_encode(atr) : ""},
            {"has_card", has(SCARD_STATE_PRESENT)},
            {"mute", has(SCARD_STATE_MUTE)},
            {"exclusive", has(SCARD_STATE_EXCLUSIVE)},
            {"gone", has(SCARD_STATE_UNAVAILABLE) || has(SCARD_STATE_UNKNOWN)}};
}

/// The readers' names stand one after the other, each with a zero behind it; an empty one ends them.
boost::json::object list_readers(SCARDCONTEXT context) {
    DWORD length = 0;
    LONG error = SCardListReaders(context, nullptr, nullptr, &length);
    std::string names(length, '\0');
    if (error == SCARD_S_SUCCESS) {
        error = SCardListReaders(context, nullptr, names.data(), &length);
    }
    if (error != SCARD_S_SUCCESS && error != SCARD_E_NO_READERS_AVAILABLE) {
        return failure(error);
    }
    std::vector<SCARD_READERSTATE> states;
    if (error == SCARD_S_SUCCESS) {
        for (const char* name = names.c_str(); *name != '\0'; name += std::strlen(name) + 1) {
            states.push_back({});
            states.back().szReader = name;
        }
        error = SCardGetStatusChange(context, 0, states.data(), states.size());
        if (error != SCARD_S_SUCCESS) {
            return failure(error);
        }
    }
    boost::json::array readers;
    for (const SCARD_READERSTATE& state : states) {
        readers.emplace_back(to_json(state));
    }
    return {{"state", "answered"}, {"readers", std::move(readers)}};
}

std::string ask_pcscd() {
    SCARDCONTEXT context = 0;
    const LONG error = SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
    const boost::json::object answer = error == SCARD_S_SUCCESS ? list_readers(context) : failure(error);
    if (error == SCARD_S_SUCCESS) {
        SCardReleaseContext(context);
    }
    return boost::json::serialize(answer);
}

PcscReader reader_from(const boost::json::object& object) {
    const auto flag = [&](std::string_view name) { return flag_of(object, name).value_or(false); };
    return {.name = raw_text(object, "name"),
            .atr = raw_text(object, "atr"),
            .has_card = flag("has_card"),
            .mute = flag("mute"),
            .exclusive = flag("exclusive"),
            .gone = flag("gone")};
}

} // namespace

PcscView look_at_readers(std::chrono::milliseconds deadline) {
    const auto answer = answer_within(deadline, ask_pcscd);
    PcscView view;
    if (!answer) {
        view.state = PcscState::hung;
        return view;
    }
    boost::json::error_code error;
    const boost::json::value parsed = boost::json::parse(*answer, error);
    const boost::json::object& object = as_object(parsed);
    const auto name = std::ranges::find(state_names, raw_text(object, "state"));
    view.state =
        name != state_names.end() ? static_cast<PcscState>(name - state_names.begin()) : PcscState::failed;
    view.reason = raw_text(object, "reason");
    for (const boost::json::value& reader : list_of(object, "readers")) {
        view.readers.push_back(reader_from(as_object(reader)));
    }
    return view;
}

} // namespace ukey::ctl
