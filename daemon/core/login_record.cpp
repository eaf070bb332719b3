// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/login_record.hpp"

#include <algorithm>
#include <array>

namespace ukey {
namespace {

/// What most have, and what glibc's malloc gives fast (up to 1032 bytes).
constexpr std::size_t usual_text_bytes = 960;

void add_line(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).push_back('\n');
}

bool is_plain(const std::string& value) {
    return value.size() <= login_record_value_max_bytes &&
           std::none_of(value.begin(), value.end(), [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < 0x20 || byte == 0x7F;
           });
}

} // namespace

std::string to_text(const LoginRecord& record) {
    std::string text;
    text.reserve(usual_text_bytes);
    text.append(login_record_prefix);
    add_line(text, "nonce", record.nonce);
    add_line(text, "ledger", std::to_string(record.ledger_seq) + " " + record.ledger_head);
    add_line(text, "key", record.key_id);
    add_line(text, "manufacturer", record.manufacturer);
    add_line(text, "model", record.model);
    add_line(text, "serial", record.serial);
    add_line(text, "public_key", record.public_key);
    add_line(text, "organisation", record.organisation);
    add_line(text, "uid", std::to_string(record.uid));
    add_line(text, "asked_at", record.asked_at);
    add_line(text, "login", record.login);
    add_line(text, "started_at", record.started_at);
    return text;
}

bool is_unambiguous(const LoginRecord& record) {
    const std::array values{&record.nonce,    &record.ledger_head, &record.key_id,     &record.manufacturer,
                            &record.model,    &record.serial,      &record.public_key, &record.organisation,
                            &record.asked_at, &record.login,       &record.started_at};
    return std::all_of(values.begin(), values.end(),
                       [](const std::string* value) { return is_plain(*value); });
}

} // namespace ukey
