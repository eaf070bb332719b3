// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/verdict.hpp"

#include <algorithm>
#include <array>

namespace ukey::ctl {
namespace {

using enum Side;

constexpr std::array verdict_names{"key_in_order", "fix_this_computer", "user_action", "return_key",
                                   "try_another_computer"};

constexpr std::array decision_names{
    "chip_is_wrong",  "works_elsewhere", "computer_at_fault", "same_on_two_computers", "other_key_works_here",
    "suspicion_only", "person_can_act",  "service_away",      "nothing_wrong",         "cannot_tell"};

constexpr std::array side_names{"computer", "person", "chip", "suspicion", "note"};
constexpr std::array proof_names{"none", "two_computers", "other_key_too"};

constexpr FaultRule on_two_computers(std::string_view code) {
    return {code, suspicion, Proof::two_computers, Verdict::return_key};
}
constexpr FaultRule or_beside_other_key(std::string_view code) {
    return {code, suspicion, Proof::other_key_too, Verdict::return_key};
}

constexpr auto rules = std::to_array<FaultRule>({
    {"binding.name_mismatch", person},
    {"binding.none", person},
    {"binding.other_organisation", person},
    {"binding.rekeyed", person},
    {"binding.unknown_organisation", person},
    {"certificate.expired", person},
    {"certificate.expires_soon", note},
    // Personalisation can be repeated: what is on the key is at fault, not the key.
    {"certificate.garbage", suspicion, Proof::two_computers, Verdict::user_action},
    {"certificate.key_usage", person},
    {"certificate.missing", person},
    {"certificate.no_revocation_list", note},
    {"certificate.no_trust_anchor", computer},
    {"certificate.not_yet_valid", person},
    {"certificate.revoked", person},
    {"certificate.text_rescued", note},
    {"certificate.untrusted", computer},
    {"clock.behind", computer},
    {"key.returned", person},
    or_beside_other_key("key.unreadable"),
    {"module.crashed", computer},
    {"module.garbage", computer},
    {"module.hung", computer},
    {"module.initialize_failed", computer},
    {"module.missing", computer},
    {"module.none", computer},
    {"module.not_loadable", computer},
    {"module.not_pkcs11", computer},
    {"module.not_started", computer},
    {"module.wrong_architecture", computer},
    {"pcscd.absent", computer},
    {"pcscd.failed", computer},
    {"pcscd.hung", computer},
    {"pcscd.not_allowed", computer},
    {"pcscd.refused", computer},
    {"pin.count_low", note},
    {"pin.default", person},
    {"pin.final_try", person},
    {"pin.locked", person},
    {"pin.to_be_changed", person},
    or_beside_other_key("reader.empty"),
    {"reader.exclusive", computer},
    or_beside_other_key("reader.mute"),
    {"reader.stale", computer},
    on_two_computers("self_test.failed"),
    {"self_test.no_key", person},
    {"self_test.pin_incorrect", person},
    {"self_test.pin_length", person},
    on_two_computers("self_test.stopped"),
    {"self_test.unknown", suspicion},
    {"self_test.unsupported", note},
    // It may be the module's padding, or the certificate of a key that was replaced: a second computer with
    // the same module and the same certificate excludes neither.
    {"self_test.wrong_decryption", suspicion},
    {"self_test.wrong_signature", chip},
    {"trust.unreadable", computer},
    {"usb.claimed", computer},
    {"usb.no_controller", computer},
    on_two_computers("usb.no_device"),
    {"usb.no_driver", computer},
    {"usb.no_middleware", computer},
    {"usb.no_node", computer},
    {"usb.no_power", computer},
    {"usb.no_reader", computer},
    {"usb.no_token", computer},
    {"usb.node_denied", computer},
    {"usb.node_world_writable", note},
    {"usb.not_authorized", computer},
    {"usb.other_device", person},
    {"usb.over_current", computer},
    on_two_computers("usb.port_errors"),
    on_two_computers("usb.unsteady"),
});

/// Codes of one suspicion: on the second computer the same fault may show itself by a neighbour of the first.
enum class Kind : std::uint8_t { bus, card, certificate, other };

Kind kind_of(std::string_view code) {
    if (code == "usb.no_device" || code == "usb.port_errors" || code == "usb.unsteady") {
        return Kind::bus;
    }
    if (code == "reader.mute" || code == "reader.empty" || code == "key.unreadable" ||
        code == "self_test.failed" || code == "self_test.stopped") {
        return Kind::card;
    }
    return code == "certificate.garbage" ? Kind::certificate : Kind::other;
}

std::vector<std::string> faults_at(const Evidence& evidence, Side side) {
    std::vector<std::string> codes;
    std::ranges::copy_if(evidence.faults, std::back_inserter(codes),
                         [&](const std::string& code) { return rule_of(code).side == side; });
    return codes;
}

bool has_fault(const Evidence& evidence, Side side) {
    return !faults_at(evidence, side).empty();
}

struct Likeness {
    bool differs = false; ///< something that both show is not the same
    bool agrees = false;  ///< something that both show is
};

/// By serials and ids; not by the token's id, which is another one where its public key could not be read.
Likeness compare(const Evidence& one, const Evidence& other) {
    Likeness likeness;
    for (const auto member : {&Evidence::serial, &Evidence::usb_id, &Evidence::usb_serial}) {
        const bool both = !(one.*member).empty() && !(other.*member).empty();
        likeness.differs = likeness.differs || (both && one.*member != other.*member);
        likeness.agrees = likeness.agrees || (both && one.*member == other.*member);
    }
    return likeness;
}

bool counts(const Evidence& now, const Evidence& previous, Timestamp::duration max_age) {
    return previous.time <= now.time && now.time - previous.time <= max_age;
}

bool is_same_computer(const Evidence& one, const Evidence& other) {
    return !one.computer.empty() && one.computer == other.computer &&
           one.computer_name == other.computer_name;
}

bool is_other_computer(const Evidence& one, const Evidence& other) {
    return !one.computer.empty() && !other.computer.empty() && one.computer != other.computer &&
           one.computer_name != other.computer_name;
}

/// Of a hub nobody knows whether it went along to the other computer.
bool is_behind_hub(const Evidence& evidence) {
    return evidence.port.find('.') != std::string::npos;
}

/// The same key, as far as it can be seen: of a device that no computer saw the person alone knows.
bool is_elsewhere(const Evidence& now, const Evidence& previous) {
    return counts(now, previous, previous_max_age) && is_other_computer(now, previous) &&
           !compare(now, previous).differs;
}

template <typename Predicate>
std::optional<std::size_t> find_previous(std::span<const Evidence> previous, const Predicate& predicate) {
    const auto found = std::ranges::find_if(previous, predicate);
    return found == previous.end() ? std::nullopt
                                   : std::optional(static_cast<std::size_t>(found - previous.begin()));
}

/// What it says of the bus is of the port that the key is in.
bool sees_the_port(const Evidence& evidence) {
    return !is_behind_hub(evidence) && !evidence.virtual_machine;
}

/// On a second computer, and nothing there but the same suspicion.
std::optional<std::size_t> find_same_elsewhere(const Evidence& now, std::string_view code,
                                               std::span<const Evidence> previous) {
    const Kind kind = kind_of(code);
    if (kind == Kind::bus && !sees_the_port(now)) {
        return std::nullopt;
    }
    return find_previous(previous, [&](const Evidence& other) {
        return is_elsewhere(now, other) && !other.service_away && !has_fault(other, computer) &&
               !(kind == Kind::bus && !sees_the_port(other)) &&
               std::ranges::any_of(other.faults, [&](const std::string& theirs) {
                   return kind_of(theirs) == kind && rule_of(theirs).proof != Proof::none;
               });
    });
}

/// Another key of its kind at the same port, in order a short while ago: so are the port and all above it.
std::optional<std::size_t> find_other_key_here(const Evidence& now, std::span<const Evidence> previous) {
    return find_previous(previous, [&](const Evidence& other) {
        return counts(now, other, other_key_max_age) && is_same_computer(now, other) && !now.port.empty() &&
               other.port == now.port && !now.usb_id.empty() && other.usb_id == now.usb_id &&
               other.is_in_order() && compare(now, other).differs;
    });
}

/// Once nothing but suspicions is left.
Judgement judge_suspicions(const Evidence& now, std::span<const Evidence> previous,
                           const std::vector<std::string>& codes) {
    for (const std::string& code : codes) {
        const FaultRule rule = rule_of(code);
        if (rule.proof == Proof::none || now.service_away) {
            continue;
        }
        if (const auto with = find_same_elsewhere(now, code, previous)) {
            return {rule.proved, Decision::same_on_two_computers, {code}, with};
        }
        if (rule.proof == Proof::other_key_too) {
            if (const auto with = find_other_key_here(now, previous)) {
                return {rule.proved, Decision::other_key_works_here, {code}, with};
            }
        }
    }
    return {Verdict::try_another_computer, Decision::suspicion_only, codes, std::nullopt};
}

} // namespace

std::string_view to_string(Verdict verdict) {
    return verdict_names.at(static_cast<std::size_t>(verdict));
}

std::string_view to_string(Decision decision) {
    return decision_names.at(static_cast<std::size_t>(decision));
}

std::string_view to_string(Side side) {
    return side_names.at(static_cast<std::size_t>(side));
}

std::string_view to_string(Proof proof) {
    return proof_names.at(static_cast<std::size_t>(proof));
}

std::span<const FaultRule> fault_rules() {
    return rules;
}

const FaultRule* find_rule(std::string_view code) {
    const auto found = std::ranges::lower_bound(rules, code, {}, &FaultRule::code);
    return found != rules.end() && found->code == code ? &*found : nullptr;
}

FaultRule rule_of(std::string_view code) {
    const FaultRule* found = find_rule(code);
    return found != nullptr ? *found : FaultRule{code, suspicion};
}

SameKey compare_keys(const Evidence& one, const Evidence& other) {
    const Likeness likeness = compare(one, other);
    const auto both_have = [&](std::string Evidence::*member) {
        return !(one.*member).empty() && one.*member == other.*member;
    };
    if (likeness.differs) {
        return SameKey::different;
    }
    // All keys of a kind have the same USB ids.
    return both_have(&Evidence::serial) || both_have(&Evidence::usb_serial) ? SameKey::same
                                                                            : SameKey::unknown;
}

bool Evidence::is_in_order() const {
    const bool notes_only =
        std::ranges::all_of(faults, [](const std::string& code) { return rule_of(code).side == note; });
    return notes_only && complete && !key.empty();
}

Judgement judge(const Evidence& now, std::span<const Evidence> previous) {
    if (has_fault(now, chip)) {
        return {Verdict::return_key, Decision::chip_is_wrong, faults_at(now, chip), std::nullopt};
    }
    const std::vector<std::string> suspicions = faults_at(now, suspicion);
    if (!suspicions.empty()) {
        const auto good = find_previous(previous, [&](const Evidence& other) {
            return is_elsewhere(now, other) && other.is_in_order() && compare(now, other).agrees;
        });
        if (good) {
            return {Verdict::fix_this_computer, Decision::works_elsewhere, suspicions, good};
        }
    }
    if (has_fault(now, computer)) {
        return {Verdict::fix_this_computer, Decision::computer_at_fault, faults_at(now, computer),
                std::nullopt};
    }
    if (!suspicions.empty()) {
        return judge_suspicions(now, previous, suspicions);
    }
    if (has_fault(now, person)) {
        return {Verdict::user_action, Decision::person_can_act, faults_at(now, person), std::nullopt};
    }
    if (now.service_away) {
        return {Verdict::fix_this_computer, Decision::service_away, {"daemon.unreachable"}, std::nullopt};
    }
    if (now.is_in_order()) {
        return {Verdict::key_in_order, Decision::nothing_wrong, {}, std::nullopt};
    }
    return {Verdict::try_another_computer, Decision::cannot_tell, {}, std::nullopt};
}

} // namespace ukey::ctl
