// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/token.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/core/base64.hpp"

namespace ukey {
namespace {

/// Longest text of a slot or token in UTF-8: 64 bytes that each became U+FFFD, doubled for safety.
constexpr std::size_t text_max_bytes = 512;
constexpr std::size_t flags_max = 64;

constexpr std::array<std::string_view, 4> pin_flags = {"user_pin_locked", "user_pin_final_try",
                                                       "user_pin_count_low", "user_pin_to_be_changed"};

Tristate pin_hint(const TokenReport& token, std::string_view flag) {
    if (token.has_flag(flag)) {
        return Tristate::yes;
    }
    const bool sets_pin_flags =
        std::ranges::any_of(pin_flags, [&token](std::string_view name) { return token.has_flag(name); });
    return sets_pin_flags ? Tristate::no : Tristate::unknown;
}

boost::json::value to_json_or_null(const std::optional<CallError>& error) {
    if (!error) {
        return nullptr;
    }
    return boost::json::object{{"function", error->function}, {"rv", error->rv}};
}

boost::json::object to_json(const TokenReport& token) {
    boost::json::array flags(token.flags.begin(), token.flags.end());
    boost::json::array certificates;
    for (const CertificateReport& certificate : token.certificates) {
        certificates.push_back({{"id", certificate.id},
                                {"label", certificate.label},
                                {"der", base64_encode(certificate.der)},
                                {"private_key", to_string(certificate.private_key)}});
    }
    boost::json::array public_keys;
    for (const PublicKeyReport& key : token.public_keys) {
        boost::json::value spki = nullptr;
        if (key.spki) {
            spki = base64_encode(*key.spki);
        }
        public_keys.push_back({{"id", key.id}, {"type", key.type}, {"spki", std::move(spki)}});
    }
    return {{"generation", token.generation},
            {"label", token.label},
            {"manufacturer", token.manufacturer},
            {"model", token.model},
            {"serial", token.serial},
            {"flags", std::move(flags)},
            {"certificates", std::move(certificates)},
            {"public_keys", std::move(public_keys)},
            {"read_ms", token.read_ms},
            {"read_error", to_json_or_null(token.read_error)}};
}

/// Reads members of one JSON object and remembers the first that is missing or wrong, so that a decoder reads
/// as the list of its members.
class Members {
  public:
    /// Keeps the pointer: not for a temporary, hence no reference.
    Members(const boost::json::value* value, std::string name) : name_(std::move(name)) {
        if (value != nullptr && value->is_object()) {
            object_ = &value->get_object();
        } else {
            reject("", "is not an object");
        }
    }

    std::string text(std::string_view member, std::size_t max_bytes = text_max_bytes) {
        const boost::json::value* value = find(member);
        if (value == nullptr || !value->is_string() || value->get_string().size() > max_bytes) {
            reject(member, "is not a text of the expected length");
            return {};
        }
        return std::string(value->get_string());
    }

    std::uint64_t number(std::string_view member) {
        const boost::json::value* value = find(member);
        boost::json::error_code error;
        const auto number = value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
        if (value == nullptr || error) {
            reject(member, "is not a natural number");
            return 0;
        }
        return number;
    }

    bool boolean(std::string_view member) {
        const boost::json::value* value = find(member);
        if (value == nullptr || !value->is_bool()) {
            reject(member, "is not true or false");
            return false;
        }
        return value->get_bool();
    }

    std::string bytes(std::string_view member, std::size_t max_bytes) {
        const std::string encoded = text(member, (max_bytes + 2) / 3 * 4);
        auto decoded = base64_decode(encoded);
        if (!decoded) {
            reject(member, "is not base64");
            return {};
        }
        return std::move(*decoded);
    }

    const boost::json::array& list(std::string_view member, std::size_t max_elements) {
        static const boost::json::array nothing;
        const boost::json::value* value = find(member);
        if (value == nullptr || !value->is_array() || value->get_array().size() > max_elements) {
            reject(member, "is not a list of the expected length");
            return nothing;
        }
        return value->get_array();
    }

    /// The member itself when it is there and not null; null is allowed, absence is not.
    const boost::json::value* nullable(std::string_view member) {
        const boost::json::value* value = find(member);
        if (value == nullptr) {
            reject(member, "is missing");
            return nullptr;
        }
        return value->is_null() ? nullptr : value;
    }

    void reject(std::string_view member, std::string_view reason) {
        if (!error_) {
            error_ = Error{"frame.malformed", "read a worker's frame",
                           name_ + (member.empty() ? "" : "." + std::string(member)), std::string(reason)};
        }
    }

    void adopt(const Error& error) {
        if (!error_) {
            error_ = error;
        }
    }

    template <typename T>
    Result<T> finish(T&& decoded) {
        if (error_) {
            return tl::unexpected(*error_);
        }
        return std::forward<T>(decoded);
    }

  private:
    const boost::json::value* find(std::string_view member) const {
        return object_ == nullptr ? nullptr : object_->if_contains(member);
    }

    std::string name_;
    const boost::json::object* object_ = nullptr;
    std::optional<Error> error_;
};

Result<CallError> decode_call_error(const boost::json::value& value) {
    Members members(&value, "error");
    CallError error{.function = members.text("function"), .rv = members.text("rv")};
    return members.finish(std::move(error));
}

std::optional<CallError> decode_nullable_error(Members& members, std::string_view member) {
    const boost::json::value* value = members.nullable(member);
    if (value == nullptr) {
        return std::nullopt;
    }
    auto error = decode_call_error(*value);
    if (!error) {
        members.adopt(error.error());
        return std::nullopt;
    }
    return std::move(*error);
}

Result<CertificateReport> decode_certificate(const boost::json::value& value) {
    Members members(&value, "certificate");
    CertificateReport certificate{.id = members.text("id", 2 * id_max_bytes),
                                  // Every byte of a label may have become U+FFFD, three bytes.
                                  .label = members.text("label", 3 * label_max_bytes),
                                  .der = members.bytes("der", certificate_max_bytes)};
    const std::string private_key = members.text("private_key");
    if (private_key == "present") {
        certificate.private_key = PrivateKeyPresence::present;
    } else if (private_key == "absent") {
        certificate.private_key = PrivateKeyPresence::absent;
    } else if (private_key != "unknown") {
        members.reject("private_key", "is not one of its words");
    }
    return members.finish(std::move(certificate));
}

Result<PublicKeyReport> decode_public_key(const boost::json::value& value) {
    Members members(&value, "public_key");
    PublicKeyReport key{.id = members.text("id", 2 * id_max_bytes), .type = members.text("type"), .spki = {}};
    if (members.nullable("spki") != nullptr) {
        key.spki = members.bytes("spki", certificate_max_bytes);
    }
    return members.finish(std::move(key));
}

template <typename T, typename Decode>
std::vector<T> decode_list(Members& members, std::string_view member, std::size_t max_elements,
                           Decode decode) {
    std::vector<T> decoded;
    for (const boost::json::value& value : members.list(member, max_elements)) {
        Result<T> element = decode(value);
        if (!element) {
            members.adopt(element.error());
            return {};
        }
        decoded.push_back(std::move(*element));
    }
    return decoded;
}

Result<TokenReport> decode_token(const boost::json::value& value) {
    Members members(&value, "token");
    TokenReport token;
    token.generation = members.number("generation");
    token.label = members.text("label");
    token.manufacturer = members.text("manufacturer");
    token.model = members.text("model");
    token.serial = members.text("serial");
    for (const boost::json::value& flag : members.list("flags", flags_max)) {
        if (!flag.is_string() || flag.get_string().size() > text_max_bytes) {
            members.reject("flags", "has an element that is not a name");
            break;
        }
        token.flags.emplace(flag.get_string());
    }
    token.certificates =
        decode_list<CertificateReport>(members, "certificates", certificates_max, decode_certificate);
    token.public_keys =
        decode_list<PublicKeyReport>(members, "public_keys", certificates_max, decode_public_key);
    token.read_ms = members.number("read_ms");
    token.read_error = decode_nullable_error(members, "read_error");
    return members.finish(std::move(token));
}

Result<SlotReport> decode_slot(const boost::json::value& value) {
    Members members(&value, "slot");
    SlotReport slot{.slot = members.number("slot"),
                    .description = members.text("description"),
                    .manufacturer = members.text("manufacturer"),
                    .present = members.boolean("present"),
                    .error = decode_nullable_error(members, "error"),
                    .token = {}};
    if (const boost::json::value* token_value = members.nullable("token")) {
        auto token = decode_token(*token_value);
        if (token) {
            slot.token = std::move(*token);
        } else {
            members.adopt(token.error());
        }
    }
    return members.finish(std::move(slot));
}

} // namespace

std::string_view to_string(Tristate value) {
    switch (value) {
    case Tristate::no:
        return "no";
    case Tristate::yes:
        return "yes";
    case Tristate::unknown:
        return "unknown";
    }
    return "unknown";
}

std::string_view to_string(PrivateKeyPresence presence) {
    switch (presence) {
    case PrivateKeyPresence::present:
        return "present";
    case PrivateKeyPresence::absent:
        return "absent";
    case PrivateKeyPresence::unknown:
        return "unknown";
    }
    return "unknown";
}

Tristate TokenReport::pin_locked() const {
    if (has_flag("user_pin_locked") && !has_flag("user_pin_initialized")) {
        return Tristate::unknown;
    }
    return pin_hint(*this, "user_pin_locked");
}

Tristate TokenReport::pin_final_try() const {
    return pin_hint(*this, "user_pin_final_try");
}

Tristate TokenReport::pin_count_low() const {
    return pin_hint(*this, "user_pin_count_low");
}

Tristate TokenReport::pin_to_be_changed() const {
    return pin_hint(*this, "user_pin_to_be_changed");
}

boost::json::object to_json(const SlotReport& slot) {
    boost::json::value token = nullptr;
    if (slot.token) {
        token = to_json(*slot.token);
    }
    return {{"slot", slot.slot},
            {"description", slot.description},
            {"manufacturer", slot.manufacturer},
            {"present", slot.present},
            {"error", to_json_or_null(slot.error)},
            {"token", std::move(token)}};
}

boost::json::array to_json(const std::vector<SlotReport>& slots) {
    boost::json::array array;
    for (const SlotReport& slot : slots) {
        array.push_back(to_json(slot));
    }
    return array;
}

boost::json::object hello_to_json(const ModuleReport& module) {
    return {{"type", "hello"},
            {"version", UKEY_VERSION},
            {"module",
             {{"path", module.path},
              {"description", module.description},
              {"manufacturer", module.manufacturer},
              {"library_version", module.library_version},
              {"cryptoki_version", module.cryptoki_version}}},
            {"events", module.events}};
}

Result<std::vector<SlotReport>> decode_slots(const boost::json::value& slots) {
    const boost::json::value frame = boost::json::object{{"slots", slots}};
    Members members(&frame, "frame");
    auto decoded = decode_list<SlotReport>(members, "slots", slots_max, decode_slot);
    return members.finish(std::move(decoded));
}

Result<ModuleReport> decode_hello(const boost::json::object& hello) {
    // A path may be longer than the texts of a module.
    constexpr std::size_t path_max_bytes = 4096;
    Members module(hello.if_contains("module"), "hello.module");
    ModuleReport report;
    report.path = module.text("path", path_max_bytes);
    report.description = module.text("description");
    report.manufacturer = module.text("manufacturer");
    report.library_version = module.text("library_version");
    report.cryptoki_version = module.text("cryptoki_version");
    const boost::json::value* events = hello.if_contains("events");
    if (events == nullptr || !events->is_bool()) {
        module.reject("events", "is not true or false");
    } else {
        report.events = events->get_bool();
    }
    return module.finish(std::move(report));
}

} // namespace ukey
