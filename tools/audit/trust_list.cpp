// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/trust_list.hpp"

#include <sstream>

#include "daemon/core/base64.hpp"
#include "daemon/core/csv.hpp"
#include "tools/audit/whole_file.hpp"

namespace ukey::ctl {
namespace {

constexpr std::size_t fingerprint_bytes = 32;

bool is_fingerprint(const std::string& text) {
    const auto bytes = hex_decode(text);
    return bytes && bytes->size() == fingerprint_bytes;
}

} // namespace

Result<TrustList> TrustList::parse(std::string_view file, std::string_view text) {
    TrustList list;
    if (text.starts_with(utf8_byte_order_mark)) { // Windows' editors write one
        text.remove_prefix(utf8_byte_order_mark.size());
    }
    std::istringstream lines{std::string(text)};
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string fingerprint;
        std::string trust;
        if (!(words >> fingerprint)) {
            continue;
        }
        words >> trust;
        std::string name;
        std::getline(words >> std::ws, name);
        const bool known_word = trust == "trusted" || trust == "revoked";
        if (!is_fingerprint(fingerprint) || !known_word || list.entries_.contains(fingerprint)) {
            return fail("trust_list.malformed", "read the list of workstations",
                        std::string(file) + ":" + std::to_string(number),
                        "a line is FINGERPRINT trusted|revoked NAME, each fingerprint once");
        }
        name.erase(name.find_last_not_of(" \t\r") + 1);
        list.entries_[fingerprint] = {
            trust == "trusted" ? WorkstationTrust::trusted : WorkstationTrust::revoked, name};
    }
    return list;
}

Result<TrustList> TrustList::load(const std::string& path) {
    const auto text = read_whole_file(path);
    if (!text) {
        return tl::unexpected(text.error());
    }
    return parse(path, *text);
}

WorkstationTrust TrustList::of(const std::string& fingerprint) const {
    const auto entry = entries_.find(fingerprint);
    return entry == entries_.end() ? WorkstationTrust::unknown : entry->second.trust;
}

std::string TrustList::name_of(const std::string& fingerprint) const {
    const auto entry = entries_.find(fingerprint);
    return entry == entries_.end() ? std::string() : entry->second.name;
}

} // namespace ukey::ctl
