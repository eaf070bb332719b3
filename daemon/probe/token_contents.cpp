// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/token_contents.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"
#include "pkcs11/client/session.hpp"

namespace ukey::probe {
namespace {

/// Names and punctuation of one element's JSON.
constexpr std::size_t element_overhead_bytes = 96;

std::size_t base64_bytes(std::size_t bytes) {
    return (bytes + 2) / 3 * 4;
}

std::size_t encoded_bytes(const CertificateReport& certificate) {
    // A quote or a backslash in the label is written as two characters.
    return element_overhead_bytes + certificate.id.size() + 2 * certificate.label.size() +
           base64_bytes(certificate.der.size());
}

std::size_t encoded_bytes(const PublicKeyReport& key) {
    return element_overhead_bytes + key.id.size() + (key.spki ? base64_bytes(key.spki->size()) : 0);
}

/// One reading of one token: what is left of the budget, and the first thing that went wrong.
class Reading {
  public:
    Reading(const pkcs11::Session& session, std::size_t budget_bytes, TokenReport& token)
        : session_(session), budget_bytes_(budget_bytes), token_(token) {}

    void read_certificates() {
        const std::optional<std::vector<std::string>> private_key_ids = read_private_key_ids();
        for (const pkcs11::Object& object : find(pkcs11::ObjectClass::certificate)) {
            const auto type = object.number(pkcs11::Attribute::certificate_type);
            if (type && type->value_or(pkcs11::certificate_type_x509) != pkcs11::certificate_type_x509) {
                continue;
            }
            auto der = bytes(object, pkcs11::Attribute::value, certificate_max_bytes);
            if (!der || der->empty()) {
                continue;
            }
            CertificateReport certificate{
                .id = read_id(object), .label = read_label(object), .der = std::move(*der)};
            certificate.private_key = presence(certificate.id, private_key_ids);
            keep(token_.certificates, std::move(certificate));
        }
    }

    void read_public_keys() {
        for (const pkcs11::Object& object : find(pkcs11::ObjectClass::public_key)) {
            const auto type = object.number(pkcs11::Attribute::key_type);
            keep(token_.public_keys,
                 PublicKeyReport{.id = read_id(object),
                                 .type = type && *type ? pkcs11::key_type_name(**type) : "unknown",
                                 .spki = read_spki(object)});
        }
    }

  private:
    void note(CallError error) {
        if (!token_.read_error) {
            token_.read_error = std::move(error);
        }
    }

    std::vector<pkcs11::Object> find(pkcs11::ObjectClass object_class) {
        auto found = session_.find(object_class, certificates_max);
        if (!found) {
            note(to_call_error(found.error()));
            return {};
        }
        if (!found->complete) {
            note({.function = "C_FindObjects", .rv = "limit"});
        }
        return std::move(found->objects);
    }

    std::optional<std::string> bytes(const pkcs11::Object& object, pkcs11::Attribute attribute,
                                     std::size_t max_bytes) {
        auto value = object.bytes(attribute, max_bytes);
        if (!value) {
            note(to_call_error(value.error()));
            return std::nullopt;
        }
        return std::move(*value);
    }

    std::string read_id(const pkcs11::Object& object) {
        return hex_encode(bytes(object, pkcs11::Attribute::id, id_max_bytes).value_or(""));
    }

    std::string read_label(const pkcs11::Object& object) {
        return to_printable_utf8(bytes(object, pkcs11::Attribute::label, label_max_bytes).value_or(""));
    }

    std::optional<std::string> read_spki(const pkcs11::Object& object) {
        auto spki = bytes(object, pkcs11::Attribute::public_key_info, certificate_max_bytes);
        return spki && !spki->empty() ? std::move(spki) : std::nullopt;
    }

    std::optional<std::vector<std::string>> read_private_key_ids() {
        const auto found = session_.find(pkcs11::ObjectClass::private_key, certificates_max);
        if (!found || !found->complete) {
            return std::nullopt; // Not seeing private keys is no error: most tokens hide them.
        }
        std::vector<std::string> ids;
        for (const pkcs11::Object& object : found->objects) {
            ids.push_back(read_id(object));
        }
        return ids;
    }

    /// Absent only where no login could show more: some tokens show one private key and hide another.
    PrivateKeyPresence presence(const std::string& id,
                                const std::optional<std::vector<std::string>>& ids) const {
        if (ids && !id.empty() && std::ranges::find(*ids, id) != ids->end()) {
            return PrivateKeyPresence::present;
        }
        return ids && !token_.has_flag("login_required") ? PrivateKeyPresence::absent
                                                         : PrivateKeyPresence::unknown;
    }

    template <typename Report>
    void keep(std::vector<Report>& reports, Report&& report) {
        const std::size_t cost = encoded_bytes(report);
        if (cost > budget_bytes_) {
            note({.function = "C_GetAttributeValue", .rv = "limit"});
            return;
        }
        budget_bytes_ -= cost;
        reports.push_back(std::forward<Report>(report));
    }

    const pkcs11::Session& session_;
    std::size_t budget_bytes_;
    TokenReport& token_;
};

} // namespace

TokenReport describe_token(const pkcs11::TokenInfo& info) {
    TokenReport token;
    token.label = info.label;
    token.manufacturer = info.manufacturer;
    token.model = info.model;
    token.serial = info.serial;
    token.flags = info.flags;
    return token;
}

CallError to_call_error(const Error& error) {
    return {.function = error.object, .rv = error.reason};
}

void read_contents(const pkcs11::Slot& slot, std::size_t budget_bytes, TokenReport& token) {
    const auto session = pkcs11::Session::open(slot);
    if (!session) {
        token.read_error = to_call_error(session.error());
        return;
    }
    Reading reading(*session, budget_bytes, token);
    reading.read_certificates();
    reading.read_public_keys();
}

std::size_t encoded_contents_bytes(const TokenReport& token) {
    std::size_t sum = 0;
    for (const CertificateReport& certificate : token.certificates) {
        sum += encoded_bytes(certificate);
    }
    for (const PublicKeyReport& key : token.public_keys) {
        sum += encoded_bytes(key);
    }
    return sum;
}

} // namespace ukey::probe
