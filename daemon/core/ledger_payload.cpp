// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/ledger_payload.hpp"

#include <array>
#include <limits>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace ukey::payload {
namespace {

/// Takes members out of an object; remembers whether one that is needed was missing or of another type.
class Members {
  public:
    explicit Members(const boost::json::object& object, const boost::json::object* opening = nullptr)
        : object_(object), opening_(opening) {}

    /// What the record refers to was removed, or is not at hand.
    bool personal_removed() const { return object_.contains("personal") && opening_ == nullptr; }

    std::string text(std::string_view name) const {
        const boost::json::value* value = find(name);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    }

    std::string needed_text(std::string_view name) {
        std::string value = text(name);
        complete_ = complete_ && !value.empty();
        return value;
    }

    template <typename Number>
    std::optional<Number> number(std::string_view name) const {
        const boost::json::value* value = find(name);
        if (value == nullptr) {
            return std::nullopt;
        }
        boost::system::error_code error;
        const Number result = value->is_number() ? value->to_number<Number>(error) : Number();
        return error || !value->is_number() ? std::nullopt : std::optional(result);
    }

    std::uint64_t count(std::string_view name) const { return number<std::uint64_t>(name).value_or(0); }

    std::chrono::microseconds needed_microseconds(std::string_view name) {
        const auto value = number<std::int64_t>(name);
        complete_ = complete_ && value.has_value();
        return std::chrono::microseconds(value.value_or(0));
    }

    std::optional<Timestamp> time(std::string_view name) const {
        const boost::json::value* value = find(name);
        return value == nullptr ? std::nullopt : time_of(*value);
    }

    Timestamp needed_time(std::string_view name) {
        const auto moment = time(name);
        complete_ = complete_ && moment.has_value();
        return moment.value_or(Timestamp());
    }

    bool flag(std::string_view name) const {
        const boost::json::value* value = find(name);
        return value != nullptr && value->is_bool() && value->get_bool();
    }

    std::vector<std::string> texts(std::string_view name) const {
        std::vector<std::string> list;
        const boost::json::value* value = find(name);
        if (value != nullptr && value->is_array()) {
            for (const boost::json::value& entry : value->get_array()) {
                if (entry.is_string()) {
                    list.emplace_back(entry.get_string());
                }
            }
        }
        return list;
    }

    /// A list of [from, to]; nullopt when the member is null or not there.
    std::optional<std::vector<TimeSpan>> intervals(std::string_view name) {
        const boost::json::value* value = find(name);
        if (value == nullptr || !value->is_array()) {
            return std::nullopt;
        }
        std::vector<TimeSpan> list;
        for (const boost::json::value& entry : value->get_array()) {
            const boost::json::array* pair = entry.if_array();
            const bool is_pair = pair != nullptr && pair->size() == 2;
            const auto from = is_pair ? time_of((*pair)[0]) : std::nullopt;
            const auto to = is_pair ? time_of((*pair)[1]) : std::nullopt;
            complete_ = complete_ && from && to;
            list.push_back({from.value_or(Timestamp()), to.value_or(Timestamp())});
        }
        return list;
    }

    Members object(std::string_view name) const {
        static const boost::json::object nothing;
        const boost::json::value* value = find(name);
        return Members(value != nullptr && value->is_object() ? value->get_object() : nothing);
    }

    /// A member as it stands; empty: it is not there.
    std::string json(std::string_view name) const {
        const boost::json::value* value = find(name);
        return value == nullptr ? std::string() : boost::json::serialize(*value);
    }

    bool complete() const { return complete_; }

  private:
    /// What the payload has itself counts more than what it refers to.
    const boost::json::value* find(std::string_view name) const {
        const boost::json::value* value = object_.if_contains(name);
        return value == nullptr && opening_ != nullptr ? opening_->if_contains(name) : value;
    }

    static std::optional<Timestamp> time_of(const boost::json::value& value) {
        if (!value.is_string()) {
            return std::nullopt;
        }
        const auto moment = parse_timestamp(std::string_view(value.get_string()));
        return moment ? std::optional(*moment) : std::nullopt;
    }

    const boost::json::object& object_;
    const boost::json::object* opening_;
    bool complete_ = true;
};

Payload read_configured(Members& members, bool started) {
    return ServiceConfigured{.started = started,
                             .version = members.text("version"),
                             .mode = members.text("mode"),
                             .modules = members.texts("modules"),
                             .policy_sha256 = members.text("policy_sha256"),
                             .rule = members.text("rule")};
}

Payload read_started(Members& members) {
    return read_configured(members, true);
}

Payload read_reconfigured(Members& members) {
    return read_configured(members, false);
}

Payload read_stopped(Members&) {
    return ServiceStopped{};
}

Payload read_unclean(Members& members) {
    return ServiceUnclean{.last_alive = members.time("last_alive")};
}

Payload read_absence(Members& members) {
    return CoverageAbsence{.from = members.needed_time("from"),
                           .to = members.needed_time("to"),
                           .unclean = members.flag("unclean"),
                           .occupied = members.intervals("occupied")};
}

Payload read_gap(Members& members) {
    return CoverageGap{.reason = members.needed_text("reason"), .key_id = members.text("key")};
}

Payload read_resumed(Members& members) {
    return ComputerResumed{.slept = members.needed_microseconds("slept_us")};
}

Payload read_stepped(Members& members) {
    return ClockStepped{.stepped = members.needed_microseconds("stepped_us")};
}

Payload read_key_seen(Members& members) {
    return KeySeen{.key_id = members.needed_text("key"),
                   .manufacturer = members.text("manufacturer"),
                   .model = members.text("model"),
                   .serial = members.text("serial")};
}

Payload read_key_inserted(Members& members) {
    return KeyInserted{.key_id = members.needed_text("key"),
                       .module = members.text("module"),
                       .certificate_sha256 = members.text("certificate_sha256"),
                       .spki_sha256 = members.text("spki_sha256"),
                       .certificate_name = members.text("certificate_name")};
}

Payload read_key_removed(Members& members) {
    return KeyRemoved{.key_id = members.needed_text("key")};
}

Payload read_key_bound(Members& members) {
    return KeyBound{.key_id = members.needed_text("key"),
                    .organisation = members.needed_text("organisation"),
                    .organisation_name = members.text("organisation_name"),
                    .spki_sha256 = members.text("spki_sha256"),
                    .certificate_sha256 = members.text("certificate_sha256"),
                    .uid = members.number<std::uint32_t>("uid")};
}

Payload read_key_released(Members& members) {
    return KeyReleased{.key_id = members.needed_text("key"),
                       .organisation = members.text("organisation"),
                       .uid = members.number<std::uint32_t>("uid")};
}

Payload read_key_returned(Members& members) {
    return KeyReturned{.key_id = members.needed_text("key"),
                       .replaced_by = members.text("replaced_by"),
                       .uid = members.number<std::uint32_t>("uid")};
}

Payload read_pin_state(Members& members) {
    return PinState{.key_id = members.needed_text("key"), .is_default = members.flag("default")};
}

Payload read_personal_removed(Members& members) {
    return PersonalRemoved{.before = members.needed_time("before"), .records = members.count("records")};
}

Payload read_state_restored(Members& members) {
    return StateRestored{.made = members.needed_time("made_at"),
                         .made_on = members.text("made_on"),
                         .restored_on = members.text("restored_on"),
                         .last_seq = members.count("last_seq"),
                         .head = members.needed_text("head")};
}

Payload read_session_started(Members& members) {
    const Members claim = members.object("claim");
    const auto attestation_us = members.object("attestation").number<std::int64_t>("duration_us");
    SessionStarted session{
        .login = members.needed_text("login"),
        .key_id = members.text("key"),
        .organisation = members.text("organisation"),
        .uid = members.number<std::uint32_t>("uid"),
        .pid = members.number<std::int64_t>("pid").value_or(0),
        .executable = claim.text("executable"),
        .application = claim.text("application"),
        .program = members.text("program"),
        .personal_removed = members.personal_removed(),
        .verdict = members.text("verdict"),
        .codes = members.texts("codes"),
        .grade = parse_evidence_grade(members.text("grade")).value_or(EvidenceGrade::observed),
        .started = members.needed_time("started_at"),
        .uses = members.count("uses"),
        .attestation = members.json("attestation"),
        .attestation_duration =
            attestation_us ? std::optional(std::chrono::microseconds(*attestation_us)) : std::nullopt};
    if (session.program.empty()) {
        session.program = file_name(session.executable);
    }
    return session;
}

Payload read_session_used(Members& members) {
    return SessionUsed{.login = members.needed_text("login"), .uses = members.count("uses")};
}

Payload read_session_resumed(Members& members) {
    return SessionResumed{
        .login = members.needed_text("login"), .key_id = members.text("key"), .uses = members.count("uses")};
}

Payload read_session_ended(Members& members) {
    return SessionEnded{.login = members.needed_text("login"),
                        .key_id = members.text("key"),
                        .reason = parse_end_reason(members.text("reason")).value_or(EndReason::unclean),
                        .ended = members.time("ended_at"),
                        .uses = members.count("uses")};
}

/// Null when it is no JSON.
boost::json::value parse(std::string_view text, boost::json::monotonic_resource* memory) {
    boost::json::error_code error;
    boost::json::value value =
        boost::json::parse(boost::json::string_view(text.data(), text.size()), error, memory);
    if (error) {
        value = nullptr;
    }
    return value; // not copied: it would leave that memory
}

struct Kind {
    std::string_view name;
    Payload (*read)(Members&);
};

/// The most frequent ones first: they are looked for one after the other.
constexpr auto kinds = std::to_array<Kind>({
    {"session.used", read_session_used},
    {"session.started", read_session_started},
    {"session.ended", read_session_ended},
    {"key.inserted", read_key_inserted},
    {"key.removed", read_key_removed},
    {"computer.resumed", read_resumed},
    {"daemon.started", read_started},
    {"daemon.stopped", read_stopped},
    {"coverage.absence", read_absence},
    {"clock.stepped", read_stepped},
    {"coverage.gap", read_gap},
    {"daemon.unclean", read_unclean},
    {"session.resumed", read_session_resumed},
    {"daemon.configured", read_reconfigured},
    {"key.seen", read_key_seen},
    {"key.bound", read_key_bound},
    {"key.released", read_key_released},
    {"key.returned", read_key_returned},
    {"pin.state", read_pin_state},
    {"personal.removed", read_personal_removed},
    {"state.restored", read_state_restored},
});

} // namespace

std::string_view file_name(std::string_view executable) {
    const std::size_t slash = executable.rfind('/');
    return slash == std::string_view::npos ? executable : executable.substr(slash + 1);
}

Result<Payload> decode(std::string_view kind, std::string_view text, std::string_view opening) {
    for (const Kind& known : kinds) {
        if (kind != known.name) {
            continue;
        }
        /// Most payloads fit it; a larger one takes more memory by itself.
        std::array<unsigned char, 4096> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): room only
        boost::json::monotonic_resource memory(buffer.data(), buffer.size());
        const boost::json::value value = parse(text, &memory);
        const boost::json::value opened = opening.empty() ? boost::json::value() : parse(opening, &memory);
        if (!value.is_object() || (!opening.empty() && !opened.is_object())) {
            return fail("ledger.unreadable", "read a record", std::string(kind), "no JSON object");
        }
        Members members(value.get_object(), opened.if_object());
        Payload payload = known.read(members);
        if (!members.complete()) {
            return fail("ledger.unreadable", "read a record", std::string(kind), "a member is missing");
        }
        return payload;
    }
    return Payload(Other());
}

} // namespace ukey::payload
