// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/piv_card.hpp"

#include <algorithm>

#include "tests/card/virtual_ukey/card/data_objects.hpp"
#include "tests/card/virtual_ukey/card/general_authenticate.hpp"
#include "tests/card/virtual_ukey/card/tlv.hpp"

namespace ukey::virtual_card {

namespace {

enum Instruction : std::uint8_t {
    instruction_verify = 0x20,
    instruction_change_reference_data = 0x24,
    instruction_reset_retry_counter = 0x2c,
    instruction_general_authenticate = 0x87,
    instruction_select = 0xa4,
    instruction_get_data = 0xcb,
};

/// Direct convention, T=0 and T=1; historical bytes (ISO 7816-4, 8.1): card capabilities '73' (selection by
/// full name; command chaining and extended length), issuer data '55' "U-Key"; the check byte comes last.
constexpr std::uint8_t answer_to_reset[] = {0x3b, 0x8b, 0x80, 0x01, 0x80, 0x73, 0x80, 0x01,
                                            0xc0, 0x55, 'U',  '-',  'K',  'e',  'y'};

/// One byte more than ISO 7816-3, 8.1 allows. vpcd takes an empty answer for a removed card; this one it
/// calls present and cannot power up, which is what a mute card looks like.
constexpr std::size_t mute_answer_size_bytes = 34;

/// SELECT by name accepts the identifier cut after its ninth byte or later (SP 800-73-4 part 2, 3.1.1).
constexpr std::size_t application_prefix_min_bytes = 9;

bool is_piv_application(ByteView name) {
    const ByteView full(piv_application);
    return name.size() >= application_prefix_min_bytes && name.size() <= full.size() &&
           std::equal(name.begin(), name.end(), full.begin());
}

/// Breaks a signature without breaking its form: the last byte belongs to the RSA number, or to ECDSA's s.
void spoil(Bytes& data) {
    if (!data.empty())
        data.back() = static_cast<std::uint8_t>(data.back() ^ 0x01);
}

} // namespace

Result<std::unique_ptr<PivCard>> PivCard::open(const std::filesystem::path& folder) {
    CardFolder memory(folder);
    auto state = memory.load_state();
    if (!state)
        return tl::unexpected(state.error());
    auto credentials = memory.load_credentials();
    if (!credentials)
        return tl::unexpected(credentials.error());
    return std::unique_ptr<PivCard>(
        new PivCard(std::move(memory), std::move(*state), std::move(*credentials)));
}

PivCard::PivCard(CardFolder folder, CardState state, Credentials credentials)
    : folder_(std::move(folder)), state_(std::move(state)), credentials_(std::move(credentials)),
      pin_(state_, [this] { return save(); }) {}

PivCard::~PivCard() {
    save();
}

bool PivCard::save() {
    return folder_.save_state(state_).has_value();
}

void PivCard::reset() {
    pin_.forget();
    dialogue_.reset();
    selected_ = false;
}

void PivCard::power_on() {
    reset();
    powered_ = true;
    ++state_.counters.power_on_count;
}

void PivCard::power_off() {
    reset();
    if (powered_)
        save();
    powered_ = false;
}

Bytes PivCard::atr() const {
    if (fault_ == Fault::mute)
        return Bytes(mute_answer_size_bytes, 0x00);
    Bytes bytes(std::begin(answer_to_reset), std::end(answer_to_reset));
    // ISO 7816-3, 8.2.5: TCK makes the exclusive-or of T0 to TCK zero.
    std::uint8_t check = 0;
    for (const std::uint8_t byte : ByteView(bytes).subspan(1))
        check = static_cast<std::uint8_t>(check ^ byte);
    bytes.push_back(check);
    return bytes;
}

Answer PivCard::transmit(ByteView apdu) {
    ++state_.counters.apdu_count;
    pulled_out_ = false;
    Answer answer;
    // A card that falls silent in the middle: an empty answer is what vpcd and QEMU take for one.
    if (fault_ == Fault::mute)
        return answer;
    answer.response = dialogue_.transmit(apdu, [this](const Command& command) { return handle(command); });
    answer.pulled_out = pulled_out_;
    if (fault_ == Fault::slow)
        answer.delay = delay_;
    return answer;
}

Response PivCard::handle(const Command& command) {
    if (command.ins == instruction_select)
        return select(command);
    if (!selected_)
        return Status::instruction_not_supported;
    switch (command.ins) {
    case instruction_get_data:
        return get_data(command);
    case instruction_verify:
        return pin_.verify(command);
    case instruction_change_reference_data:
        return pin_.change(command);
    case instruction_reset_retry_counter:
        return pin_.reset_retry_counter(command);
    case instruction_general_authenticate:
        return use_key(command);
    default:
        return Status::instruction_not_supported;
    }
}

/// An application the card does not have leaves everything as it was, and selecting PIV again keeps the PIN
/// verified (SP 800-73-4 part 2, 3.1.1).
Response PivCard::select(const Command& command) {
    constexpr std::uint8_t by_name = 0x04;
    if (command.p1 != by_name || command.p2 != 0x00 || !is_piv_application(command.data))
        return Status::not_found;
    selected_ = true;
    return {application_property_template(), Status::ok};
}

Response PivCard::get_data(const Command& command) const {
    if (command.p1 != 0x3f || command.p2 != 0xff)
        return Status::wrong_parameters;
    const auto elements = parse_tlv(command.data);
    const auto name = elements ? find_element(*elements, 0x5c) : std::nullopt;
    if (!name || name->empty() || name->size() > 3)
        return Status::wrong_data;
    std::uint32_t tag = 0;
    for (const std::uint8_t byte : *name)
        tag = (tag << 8) | byte;
    auto object = data_object(tag, state_.guid, credentials_, fault_);
    if (!object)
        return Status::not_found;
    return {std::move(*object), Status::ok};
}

const PrivateKey* PivCard::key_for(KeySlot slot) const {
    const auto found = credentials_.find(slot);
    if (found == credentials_.end())
        return nullptr;
    if (fault_ == Fault::mismatched_key && slot == KeySlot::authentication && other_key_)
        return &*other_key_;
    return &found->second.key;
}

void PivCard::count_use(KeySlot slot) {
    switch (slot) {
    case KeySlot::authentication:
        ++state_.counters.sign_count;
        return;
    case KeySlot::key_management:
        ++state_.counters.decrypt_count;
        return;
    }
}

/// Both keys ask for the PIN once per session (SP 800-73-4 part 1, table 4b).
Response PivCard::use_key(const Command& command) {
    const auto slot = static_cast<KeySlot>(command.p2);
    const PrivateKey* key = key_for(slot);
    if (key == nullptr)
        return Status::wrong_parameters;
    if (!pin_.verified())
        return Status::security_status_not_satisfied;
    if (fault_ == Fault::remove_during_sign && slot == KeySlot::authentication) {
        pulled_out_ = true;
        return Status::memory_failure;
    }
    Response response = general_authenticate(command, *key);
    if (response.status != static_cast<std::uint16_t>(Status::ok))
        return response;
    count_use(slot);
    save();
    if ((fault_ == Fault::wrong_signature && slot == KeySlot::authentication) ||
        (fault_ == Fault::wrong_decryption && slot == KeySlot::key_management))
        spoil(response.data);
    return response;
}

Result<void> PivCard::reload() {
    auto credentials = folder_.load_credentials();
    if (!credentials)
        return tl::unexpected(credentials.error());
    credentials_ = std::move(*credentials);
    return set_fault(fault_, delay_);
}

Result<void> PivCard::set_fault(Fault fault, std::chrono::milliseconds delay) {
    other_key_.reset();
    const auto own = credentials_.find(KeySlot::authentication);
    if (fault == Fault::mismatched_key && own != credentials_.end()) {
        auto other = PrivateKey::generate(own->second.key.algorithm());
        if (!other)
            return tl::unexpected(other.error());
        other_key_ = std::move(*other);
    }
    if (fault == Fault::last_try)
        state_.pin.limit_tries(1);
    pin_.force_lock(fault == Fault::locked);
    if (fault == Fault::locked)
        pin_.forget();
    fault_ = fault;
    delay_ = delay;
    if (fault == Fault::last_try && !save())
        return fail("io.failed", "save the card's state", "state.json", "cannot be written");
    return {};
}

} // namespace ukey::virtual_card
