// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_message.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <sys/random.h>
#include <unistd.h>
#include <utility>

#include <boost/json/array.hpp>

#include "pkcs11/module/bounds.hpp"
#include "pkcs11/module/token_text.hpp"

namespace ukey::filter {
namespace {

boost::json::object to_json(const TokenIdentity& token) {
    return {{"manufacturer", token.manufacturer},
            {"model", token.model},
            {"serial", token.serial},
            {"label", token.label}};
}

/// By the names that ukey-probe uses.
boost::json::array pin_flags(CK_FLAGS flags) {
    boost::json::array names;
    for (const auto& [flag, name] : {std::pair{CKF_USER_PIN_COUNT_LOW, "user_pin_count_low"},
                                     std::pair{CKF_USER_PIN_FINAL_TRY, "user_pin_final_try"},
                                     std::pair{CKF_USER_PIN_LOCKED, "user_pin_locked"}}) {
        if ((flags & flag) != 0) {
            names.push_back(boost::json::value(name));
        }
    }
    return names;
}

boost::json::value to_json(const std::optional<bool>& answer) {
    return answer ? boost::json::value(*answer) : boost::json::value(nullptr);
}

bool is_inside_character(std::string_view text, std::size_t position) {
    return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xC0U) == 0x80U;
}

/// Printable, and what is too long of it left out at the end.
std::string name_text(std::string_view name) {
    std::string text = to_printable_utf8(name);
    std::size_t end = std::min(text.size(), application_max_bytes);
    while (is_inside_character(text, end)) {
        --end;
    }
    text.resize(end);
    return text;
}

/// Printable, and what is too long of it left out at the beginning: the file's name matters most.
std::string path_text(std::string_view path) {
    constexpr std::string_view left_out = "…";
    std::string text = to_printable_utf8(path);
    if (text.size() <= path_max_bytes) {
        return text;
    }
    std::size_t begin = text.size() - (path_max_bytes - left_out.size());
    while (is_inside_character(text, begin)) {
        ++begin;
    }
    return text.replace(0, begin, left_out);
}

} // namespace

TokenIdentity TokenIdentity::from(const CK_TOKEN_INFO& info) {
    return {field_text(info.manufacturerID), field_text(info.model), field_text(info.serialNumber),
            field_text(info.label)};
}

std::string random_id() {
    std::array<unsigned char, login_id_bytes> bytes{};
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const ssize_t count = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
        if (count < 0 && errno != EINTR) {
            break; // no kernel with U-Keys lacks it; the daemon refuses an id that it knows
        }
        filled += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes) {
        text.push_back(digits[byte >> 4U]);
        text.push_back(digits[byte & 0x0FU]);
    }
    return text;
}

std::string format_timestamp(Timestamp moment) {
    // Not by gmtime_r: in a forked child the C library's lock of the time zone may be held for ever.
    const auto microseconds = std::chrono::floor<std::chrono::microseconds>(moment);
    const auto day = std::chrono::floor<std::chrono::days>(microseconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(microseconds - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                  static_cast<int>(time.subseconds().count()));
    return text.data();
}

boost::json::object process_claim() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    const std::string_view executable(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    const char* application = program_invocation_short_name;
    return {{"executable", path_text(executable)},
            {"application", name_text(application == nullptr ? "" : application)}};
}

boost::json::object ask_message(const TokenIdentity& token, const AskDetails& details) {
    boost::json::object message{
        {"type", "ask"},
        {"token", to_json(token)},
        {"claim", process_claim()},
        {"filter", {{"version", UKEY_VERSION}, {"backend", path_text(details.backend_path)}}}};
    if (details.flags) {
        message["pin_flags"] = pin_flags(*details.flags);
    }
    if (details.guarded_last_try) {
        message["guarded_last_try"] = true;
    }
    return message;
}

boost::json::object result_message(const std::string& login, const TokenIdentity& token,
                                   const LoginOutcome& outcome) {
    return {{"type", "result"},
            {"login", login},
            {"token", to_json(token)},
            {"claim", process_claim()},
            {"rv", static_cast<std::uint64_t>(outcome.rv)},
            {"default_pin", to_json(outcome.default_pin)},
            {"started_at", format_timestamp(outcome.started_at)},
            {"duration_us", outcome.duration.count()},
            {"verdict", outcome.verdict ? boost::json::value(*outcome.verdict) : boost::json::value(nullptr)},
            {"uses", 0U}};
}

boost::json::object use_message(const std::string& login, std::uint64_t uses) {
    return {{"type", "use"}, {"login", login}, {"uses", uses}};
}

boost::json::object end_message(const std::string& login, std::string_view reason, std::uint64_t uses,
                                Timestamp ended_at) {
    return {{"type", "end"},
            {"login", login},
            {"reason", reason},
            {"uses", uses},
            {"ended_at", format_timestamp(ended_at)}};
}

boost::json::object pin_message(std::string_view function, const TokenIdentity& token, CK_RV rv,
                                std::optional<bool> default_pin) {
    return {{"type", "pin"},
            {"token", to_json(token)},
            {"function", function},
            {"rv", static_cast<std::uint64_t>(rv)},
            {"default_pin", to_json(default_pin)},
            // Beyond the contract's members: with them a report that comes late or twice can be told as such.
            {"change", random_id()},
            {"changed_at", format_timestamp(std::chrono::system_clock::now())}};
}

} // namespace ukey::filter
