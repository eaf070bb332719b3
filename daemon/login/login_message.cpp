// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_message.hpp"

#include <algorithm>

#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"

namespace ukey {
namespace {

/// PKCS#11 2.40 §3.2: token strings have at most 32 bytes, of which each may become a U+FFFD; paths have at
/// most 4096 bytes.
constexpr std::size_t token_text_max_bytes = 128;
constexpr std::size_t path_max_bytes = 4096;
/// What is kept of a program's claim goes into the ledger with every login. Of a path the end says more.
constexpr std::size_t executable_max_bytes = 1024;
constexpr std::size_t application_max_bytes = 64;
constexpr std::size_t login_id_digits = 32;
constexpr std::size_t nonce_digits = 64;
/// Names of schemes and reasons.
constexpr std::size_t word_max_bytes = 64;
/// PKCS#11 2.40 has four for the user's PIN.
constexpr std::size_t pin_flags_max = 8;
/// In base64: an RSA key of 16384 bits.
constexpr std::size_t signature_max_bytes = 2736;
/// Signatures that one login can make, and more; sums of many stay within 64 bits.
constexpr std::uint64_t uses_max = 1'000'000'000'000;

bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; // UTF-8
}

std::string keep_begin(std::string text, std::size_t max_bytes) {
    if (text.size() > max_bytes) {
        while (continues_character(text[max_bytes])) {
            --max_bytes;
        }
        text.resize(max_bytes);
    }
    return text;
}

std::string keep_end(std::string text, std::size_t max_bytes) {
    if (text.size() > max_bytes) {
        std::size_t begin = text.size() - max_bytes;
        while (begin < text.size() && continues_character(text[begin])) {
            ++begin;
        }
        text.erase(0, begin);
    }
    return text;
}

bool is_pin_flag(std::string_view name) {
    return name == "user_pin_count_low" || name == "user_pin_final_try" || name == "user_pin_locked";
}

/// Reads members and remembers the first that is not as it must be.
class Members {
  public:
    explicit Members(const boost::json::object& object) : object_(&object) {}

    /// Printable, and of at most so many bytes as it is then.
    std::string text(std::string_view name, std::size_t max_bytes) {
        std::string printable = long_text(name);
        if (printable.size() > max_bytes) {
            complain(name);
            return {};
        }
        return printable;
    }

    /// Printable; the frame's length is its bound.
    std::string long_text(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
        if (text == nullptr) {
            complain(name);
            return {};
        }
        return to_printable_utf8(std::string_view(text->data(), text->size()));
    }

    std::string optional_text(std::string_view name, std::size_t max_bytes) {
        return object_->contains(name) ? text(name, max_bytes) : std::string();
    }

    template <typename Number>
    Number number(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        boost::json::error_code error;
        const Number number = value == nullptr ? Number{} : value->to_number<Number>(error);
        if (value == nullptr || error) {
            complain(name);
        }
        return number;
    }

    std::uint64_t uses() {
        const auto uses = number<std::uint64_t>("uses");
        if (uses > uses_max) {
            complain("uses");
        }
        return uses;
    }

    bool flag(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        if (value == nullptr || !value->is_bool()) {
            complain(name);
            return false;
        }
        return value->get_bool();
    }

    std::optional<bool> optional_flag(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        if (value == nullptr || value->is_null()) {
            return std::nullopt;
        }
        return flag(name);
    }

    std::string login_id() {
        std::string login = text("login", login_id_digits);
        const bool hexadecimal = std::ranges::all_of(
            login, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
        if (login.size() != login_id_digits || !hexadecimal) {
            complain("login");
        }
        return login;
    }

    KeyIdentity token() {
        static const boost::json::object nothing;
        const boost::json::value* value = object_->if_contains("token");
        Members token(value != nullptr && value->is_object() ? value->get_object() : nothing);
        KeyIdentity identity{token.text("manufacturer", token_text_max_bytes),
                             token.text("model", token_text_max_bytes),
                             token.text("serial", token_text_max_bytes)};
        if (!token.ok()) {
            complain("token." + token.bad_);
        }
        return identity;
    }

    LoginClaim claim() {
        static const boost::json::object nothing;
        const boost::json::value* value = object_->if_contains("claim");
        Members claim(value != nullptr && value->is_object() ? value->get_object() : nothing);
        LoginClaim read{keep_end(claim.long_text("executable"), executable_max_bytes),
                        keep_begin(claim.long_text("application"), application_max_bytes)};
        if (!claim.ok()) {
            complain("claim." + claim.bad_);
        }
        return read;
    }

    /// base64
    std::string bytes(std::string_view name, std::size_t max_bytes) {
        auto decoded = base64_decode(text(name, max_bytes));
        if (!decoded) {
            complain(name);
        }
        return std::move(decoded).value_or(std::string());
    }

    std::optional<AttestationReply> attestation() {
        const boost::json::value* value = object_->if_contains("attestation");
        if (value == nullptr || !value->is_object()) {
            return std::nullopt;
        }
        Members members(value->get_object());
        AttestationReply reply{.nonce = members.text("nonce", nonce_digits),
                               .absent = members.optional_text("absent", word_max_bytes),
                               .scheme = {},
                               .signature = {},
                               .duration_us = members.number<std::int64_t>("duration_us")};
        if (reply.absent.empty()) {
            reply.scheme = members.text("scheme", word_max_bytes);
            reply.signature = members.bytes("signature", signature_max_bytes);
        }
        if (!members.ok()) {
            complain("attestation." + members.bad_);
        }
        return reply;
    }

    FilterClaim filter() {
        const boost::json::value* value = object_->if_contains("filter");
        if (value == nullptr || !value->is_object()) {
            return {};
        }
        Members filter(value->get_object());
        FilterClaim read{filter.text("version", word_max_bytes), filter.text("backend", path_max_bytes)};
        if (!filter.ok()) {
            complain("filter." + filter.bad_);
        }
        return read;
    }

    std::optional<std::set<std::string, std::less<>>> pin_flags() {
        const boost::json::value* value = object_->if_contains("pin_flags");
        if (value == nullptr || value->is_null()) {
            return std::nullopt;
        }
        std::set<std::string, std::less<>> flags;
        const boost::json::array* array = value->if_array();
        if (array == nullptr || array->size() > pin_flags_max) {
            complain("pin_flags");
            return flags;
        }
        for (const boost::json::value& flag : *array) {
            if (!flag.is_string()) {
                complain("pin_flags");
                return flags;
            }
            if (is_pin_flag(flag.get_string())) {
                flags.emplace(flag.get_string());
            }
        }
        return flags;
    }

    void complain(std::string_view name) {
        if (bad_.empty()) {
            bad_ = name;
        }
    }
    bool ok() const { return bad_.empty(); }
    tl::unexpected<Error> error() const {
        return fail("frame.malformed", "read a login message", bad_,
                    "missing, of the wrong type or too long");
    }

  private:
    const boost::json::object* object_;
    std::string bad_;
};

ResultMessage read_result(Members& members) {
    ResultMessage message{.request = members.number<std::int64_t>("request"),
                          .login = members.login_id(),
                          .token = members.token(),
                          .claim = members.claim(),
                          .rv = members.number<std::uint64_t>("rv"),
                          .default_pin = members.optional_flag("default_pin"),
                          .started = {},
                          .late = members.flag("late"),
                          .uses = members.uses(),
                          .attestation = members.attestation()};
    const auto started = parse_timestamp(members.text("started_at", 64));
    if (!started) {
        members.complain("started_at");
    }
    message.started = started.value_or(Timestamp{});
    return message;
}

EndMessage read_end(Members& members) {
    const auto reason = parse_end_reason(members.text("reason", 32));
    const bool may_say =
        reason == EndReason::logout || reason == EndReason::sessions_closed || reason == EndReason::finalized;
    if (!may_say) {
        members.complain("reason");
    }
    return {.request = members.number<std::int64_t>("request"),
            .login = members.login_id(),
            .reason = reason.value_or(EndReason::logout),
            .uses = members.uses()};
}

} // namespace

Result<LoginMessage> decode_login_message(const boost::json::object& message) {
    Members members(message);
    const std::string type = members.text("type", 16);
    LoginMessage decoded;
    if (type == "ask") {
        decoded = AskMessage{members.number<std::int64_t>("request"),
                             members.token(),
                             members.claim(),
                             members.filter(),
                             members.pin_flags(),
                             members.optional_flag("guarded_last_try").value_or(false)};
    } else if (type == "result") {
        decoded = read_result(members);
    } else if (type == "use") {
        decoded = UseMessage{members.login_id(), members.uses()};
    } else if (type == "end") {
        decoded = read_end(members);
    } else if (type == "pin") {
        decoded =
            PinMessage{members.number<std::int64_t>("request"), members.token(), members.text("function", 32),
                       members.number<std::uint64_t>("rv"), members.optional_flag("default_pin")};
    } else {
        members.complain("type");
    }
    if (!members.ok()) {
        return members.error();
    }
    return decoded;
}

} // namespace ukey
