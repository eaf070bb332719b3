// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/card_state.hpp"

#include <boost/json.hpp>
#include <openssl/rand.h>

namespace ukey::virtual_card {

namespace json = boost::json;

namespace {

/// What the last nibble of '63 CX' can express.
constexpr unsigned tries_max_limit = 15;

json::object encode_reference(const ReferenceData& reference) {
    return {{"salt", to_hex(reference.salt())},
            {"digest", to_hex(reference.digest())},
            {"tries_max", reference.tries_max()},
            {"tries_left", reference.tries_left()}};
}

Bytes hex_field(const json::object& object, std::string_view name) {
    return from_hex(json::value_to<std::string>(object.at(name))).value();
}

/// Throws what Boost.JSON throws when a field is missing or of another type.
ReferenceData decode_reference(const json::object& object) {
    return {hex_field(object, "salt"), hex_field(object, "digest"),
            object.at("tries_max").to_number<unsigned>(), object.at("tries_left").to_number<unsigned>()};
}

} // namespace

Result<CardState> make_card_state(std::string_view pin, std::string_view puk, unsigned pin_tries,
                                  Bytes guid) {
    const auto padded_pin = pad_pin(pin);
    const auto padded_puk = pad_pin(puk);
    if (!padded_pin || !padded_puk)
        return fail("virtual_card.pin", "make a card", "PIN or PUK", "not six to eight decimal digits");
    if (pin_tries == 0 || pin_tries > tries_max_limit)
        return fail("virtual_card.pin", "make a card", "retries", "not between 1 and 15");
    if (guid.empty()) {
        guid.resize(guid_size_bytes);
        if (RAND_bytes(guid.data(), static_cast<int>(guid.size())) != 1)
            return fail("virtual_card.guid", "make a card", "GUID", "no random bytes");
    }
    if (guid.size() != guid_size_bytes)
        return fail("virtual_card.guid", "make a card", "GUID", "not 16 bytes");
    return CardState{
        std::move(guid), ReferenceData(*padded_pin, pin_tries), ReferenceData(*padded_puk, puk_tries), {}};
}

std::string encode_card_state(const CardState& state) {
    json::object counters;
    for (const CounterField& field : counter_fields)
        counters[field.name] = state.counters.*field.value;
    const json::object root{{"guid", to_hex(state.guid)},
                            {"pin", encode_reference(state.pin)},
                            {"puk", encode_reference(state.puk)},
                            {"counters", counters}};
    return json::serialize(root) + "\n";
}

Result<CardState> decode_card_state(std::string_view text) try {
    const json::value parsed = json::parse(text);
    const json::object& root = parsed.as_object();
    CardState state;
    state.guid = hex_field(root, "guid");
    state.pin = decode_reference(root.at("pin").as_object());
    state.puk = decode_reference(root.at("puk").as_object());
    const json::object& counters = root.at("counters").as_object();
    for (const CounterField& field : counter_fields)
        if (const json::value* value = counters.if_contains(field.name))
            state.counters.*field.value = value->to_number<std::uint64_t>();
    return state;
} catch (const std::exception& error) {
    return fail("virtual_card.state", "read the card's state", "state.json", error.what());
}

} // namespace ukey::virtual_card
