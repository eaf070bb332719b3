// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/attestation_reader.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>

#include "daemon/core/base64.hpp"
#include "daemon/core/session.hpp"

namespace ukey::ctl {
namespace {

using boost::json::error_code;
using boost::json::string_view;

/// The objects that have members of interest.
enum class Place : std::uint8_t { session, attestation, token, elsewhere };

/// Every member that is read, and the objects that have them.
enum class Member : std::uint8_t {
    key,
    organisation,
    login,
    started_at,
    grade,
    uid,
    attestation,
    nonce,
    ledger_seq,
    ledger_head,
    public_key,
    asked_at,
    login_started_at,
    scheme,
    signature,
    certificate,
    duration_us,
    token,
    manufacturer,
    model,
    serial,
    count_,
    none,
};
constexpr auto member_count = static_cast<std::size_t>(Member::count_);

enum class Type : std::uint8_t { text, number, object };

struct Known {
    Member member;
    Place place;
    std::string_view name;
    Type type;
};
constexpr std::array known_members{
    Known{Member::key, Place::session, "key", Type::text},
    Known{Member::organisation, Place::session, "organisation", Type::text},
    Known{Member::login, Place::session, "login", Type::text},
    Known{Member::started_at, Place::session, "started_at", Type::text},
    Known{Member::grade, Place::session, "grade", Type::text},
    Known{Member::uid, Place::session, "uid", Type::number},
    Known{Member::attestation, Place::session, "attestation", Type::object},
    Known{Member::nonce, Place::attestation, "nonce", Type::text},
    Known{Member::ledger_seq, Place::attestation, "ledger_seq", Type::number},
    Known{Member::ledger_head, Place::attestation, "ledger_head", Type::text},
    Known{Member::public_key, Place::attestation, "public_key", Type::text},
    Known{Member::asked_at, Place::attestation, "asked_at", Type::text},
    Known{Member::login_started_at, Place::attestation, "started_at", Type::text},
    Known{Member::scheme, Place::attestation, "scheme", Type::text},
    Known{Member::signature, Place::attestation, "signature", Type::text},
    Known{Member::certificate, Place::attestation, "certificate", Type::text},
    Known{Member::duration_us, Place::attestation, "duration_us", Type::number},
    Known{Member::token, Place::attestation, "token", Type::object},
    Known{Member::manufacturer, Place::token, "manufacturer", Type::text},
    Known{Member::model, Place::token, "model", Type::text},
    Known{Member::serial, Place::token, "serial", Type::text},
};
static_assert(known_members.size() == member_count);

constexpr std::size_t index_of(Member member) {
    return static_cast<std::size_t>(member);
}

Member find_member(Place place, std::string_view name) {
    const auto found = std::ranges::find_if(
        known_members, [&](const Known& known) { return known.place == place && known.name == name; });
    return found == known_members.end() ? Member::none : found->member;
}

/// What is known of one member.
enum class State : std::uint8_t { missing, wrong, read };

} // namespace

/// What was read of the members, texts with the memory that they had before.
struct AttestationReader::Members {
    std::array<std::string, member_count> texts;
    std::array<boost::json::value, member_count> numbers;
    std::array<State, member_count> states{};
    bool ambiguous = false; ///< one stands there twice

    std::string& text(Member member) { return texts.at(index_of(member)); }
    State& state(Member member) { return states.at(index_of(member)); }
};

/// What the parser calls. Values of members that nobody wants, and what is in them, are passed over.
class AttestationReader::Handler {
  public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    /// A text of its own: its members must not have stood in it before; those of an earlier one count.
    void begin() {
        places_.clear();
        before_ = members.states;
        key_.clear();
        now_ = Member::none;
    }

    // NOLINTBEGIN(readability-identifier-naming): the parser's names
    bool on_document_begin(error_code& /*error*/) { return true; }
    bool on_document_end(error_code& /*error*/) { return true; }
    bool on_object_begin(error_code& /*error*/) {
        Place place = Place::elsewhere;
        if (places_.empty()) {
            place = Place::session;
        } else if (now_ == Member::attestation) {
            place = Place::attestation;
        } else if (now_ == Member::token) {
            place = Place::token;
        }
        accept(Type::object);
        places_.push_back(place);
        return true;
    }
    bool on_object_end(std::size_t /*size*/, error_code& /*error*/) {
        places_.pop_back();
        return true;
    }
    bool on_array_begin(error_code& /*error*/) {
        now_ = Member::none; // it stays `wrong`
        places_.push_back(Place::elsewhere);
        return true;
    }
    bool on_array_end(std::size_t /*size*/, error_code& /*error*/) {
        places_.pop_back();
        return true;
    }
    bool on_key_part(string_view part, std::size_t /*size*/, error_code& /*error*/) {
        key_.append(part);
        return true;
    }
    bool on_key(string_view part, std::size_t /*size*/, error_code& /*error*/) {
        if (key_.empty()) {
            take_key(part);
        } else {
            key_.append(part);
            take_key(key_);
            key_.clear();
        }
        return true;
    }
    bool on_string_part(string_view part, std::size_t /*size*/, error_code& /*error*/) {
        if (now_ != Member::none) {
            members.text(now_).append(part);
        }
        return true;
    }
    bool on_string(string_view part, std::size_t size, error_code& error) {
        on_string_part(part, size, error);
        accept(Type::text);
        return true;
    }
    bool on_number_part(string_view /*part*/, error_code& /*error*/) { return true; }
    bool on_int64(std::int64_t number, string_view /*text*/, error_code& /*error*/) { return take(number); }
    bool on_uint64(std::uint64_t number, string_view /*text*/, error_code& /*error*/) { return take(number); }
    bool on_double(double number, string_view /*text*/, error_code& /*error*/) { return take(number); }
    bool on_bool(bool /*value*/, error_code& /*error*/) { return pass(); }
    bool on_null(error_code& /*error*/) { return pass(); }
    bool on_comment_part(string_view /*part*/, error_code& /*error*/) { return true; }
    bool on_comment(string_view /*part*/, error_code& /*error*/) { return true; }
    // NOLINTEND(readability-identifier-naming)

    Members members;

  private:
    /// Until its value is there, and is what it should be, it is `wrong`.
    void take_key(std::string_view name) {
        now_ = find_member(places_.back(), name);
        if (now_ == Member::none) {
            return;
        }
        if (before_.at(index_of(now_)) != State::missing) {
            now_ = Member::none; // an earlier text has it
            return;
        }
        members.ambiguous = members.ambiguous || members.state(now_) != State::missing;
        members.state(now_) = State::wrong;
        members.text(now_).clear();
    }

    void accept(Type type) {
        if (now_ != Member::none && known_members.at(index_of(now_)).type == type) {
            members.state(now_) = State::read;
        }
        now_ = Member::none;
    }

    template <typename Number>
    bool take(Number number) {
        if (now_ != Member::none) {
            members.numbers.at(index_of(now_)) = number;
        }
        accept(Type::number);
        return true;
    }

    bool pass() {
        now_ = Member::none;
        return true;
    }

    std::vector<Place> places_; ///< from the outermost object or list to this one
    std::array<State, member_count> before_{};
    std::string key_;           ///< its beginning
    Member now_ = Member::none; ///< whose value comes next
};

struct AttestationReader::Parser {
    boost::json::basic_parser<Handler> parser{boost::json::parse_options()};

    Members& members() { return parser.handler().members; }

    /// False: it is not one JSON object.
    bool read(std::string_view text) {
        parser.reset();
        parser.handler().begin();
        error_code error;
        const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
        const std::size_t first = text.find_first_not_of(" \t\r\n");
        return !error && read == text.size() && first != std::string_view::npos && text[first] == '{';
    }
};

AttestationReader::AttestationReader() : parser_(std::make_unique<Parser>()) {}
AttestationReader::~AttestationReader() = default;

bool AttestationReader::begin(std::string_view payload) {
    Members& members = parser_->members();
    members.states.fill(State::missing);
    members.ambiguous = false;
    return parser_->read(payload) && members.state(Member::grade) == State::read &&
           members.text(Member::grade) == to_string(EvidenceGrade::attested);
}

void AttestationReader::add_opening(std::string_view value) {
    if (!parser_->read(value)) {
        parser_->members().ambiguous = true; // the part before its fault counts no more than the rest
    }
}

const std::string* AttestationReader::decode_certificate(const std::string& base64) {
    const auto known = certificates_.find(base64);
    if (known != certificates_.end()) {
        return &known->second;
    }
    auto der = base64_decode(base64);
    if (!der) {
        return nullptr;
    }
    if (certificates_.size() == kept_certificates_max) {
        certificates_.clear();
    }
    return &certificates_.emplace(base64, std::move(*der)).first->second;
}

const Attestation* AttestationReader::attestation() {
    Members& members = parser_->members();
    const auto needed = [](const Known& known) {
        return known.member != Member::grade && known.member != Member::started_at;
    };
    const bool complete = std::ranges::all_of(known_members, [&](const Known& known) {
        return !needed(known) || members.state(known.member) == State::read;
    });
    if (!complete || members.ambiguous) {
        return nullptr;
    }
    error_code error;
    const auto number = [&](Member member, auto& into) {
        error_code one;
        into = members.numbers.at(index_of(member))
                   .template to_number<std::remove_reference_t<decltype(into)>>(one);
        error = error ? error : one;
    };
    LoginRecord& record = attestation_.record;
    record.nonce.swap(members.text(Member::nonce));
    number(Member::ledger_seq, record.ledger_seq);
    record.ledger_head.swap(members.text(Member::ledger_head));
    record.key_id.swap(members.text(Member::key));
    record.manufacturer.swap(members.text(Member::manufacturer));
    record.model.swap(members.text(Member::model));
    record.serial.swap(members.text(Member::serial));
    record.public_key.swap(members.text(Member::public_key));
    record.organisation.swap(members.text(Member::organisation));
    number(Member::uid, record.uid);
    record.asked_at.swap(members.text(Member::asked_at));
    record.login.swap(members.text(Member::login));
    record.started_at.swap(members.text(Member::login_started_at));
    attestation_.scheme.swap(members.text(Member::scheme));
    std::int64_t duration_us = 0;
    number(Member::duration_us, duration_us);
    attestation_.duration = std::chrono::microseconds(duration_us);
    const bool is_signed = base64_decode(members.text(Member::signature), attestation_.signature);
    const std::string* certificate = decode_certificate(members.text(Member::certificate));
    if (error || !is_signed || certificate == nullptr) {
        return nullptr;
    }
    attestation_.certificate_der = *certificate;
    return &attestation_;
}

std::string_view AttestationReader::started_at() const {
    Members& members = parser_->members();
    return members.state(Member::started_at) == State::read
               ? std::string_view(members.text(Member::started_at))
               : std::string_view();
}

} // namespace ukey::ctl
