// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/login_record.hpp"

#include <algorithm>
#include <array>

namespace ukey {
namespace {

std::string line(std::string_view name, std::string_view value) {
    std::string text(name);
    text += ": ";
    text += value;
    text += '\n';
    return text;
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
    return std::string(login_record_prefix) + line("nonce", record.nonce) +
           line("ledger", std::to_string(record.ledger_seq) + " " + record.ledger_head) +
           line("key", record.key_id) + line("manufacturer", record.manufacturer) +
           line("model", record.model) + line("serial", record.serial) +
           line("public_key", record.public_key) + line("organisation", record.organisation) +
           line("uid", std::to_string(record.uid)) + line("asked_at", record.asked_at) +
           line("login", record.login) + line("started_at", record.started_at);
}

bool is_unambiguous(const LoginRecord& record) {
    const std::array values{&record.nonce,    &record.ledger_head, &record.key_id,     &record.manufacturer,
                            &record.model,    &record.serial,      &record.public_key, &record.organisation,
                            &record.asked_at, &record.login,       &record.started_at};
    return std::all_of(values.begin(), values.end(),
                       [](const std::string* value) { return is_plain(*value); });
}

} // namespace ukey
