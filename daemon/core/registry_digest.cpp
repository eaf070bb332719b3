// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_digest.hpp"

#include "daemon/core/certificate.hpp"

namespace ukey {

void RegistryDigest::add(const Organisation& organisation) {
    add_line(organisation.code);
    add_line(join_path(organisation.path));
    add_line(to_string(organisation.kind));
    add_line(organisation.assessed_unit);
    add_line(organisation.key_required ? "1" : "0");
    add_line(organisation.mobile_terminal ? "1" : "0");
    add_line(organisation.answered_for_by);
    // No other field begins with a tab, and a registry without these dates has the digest that it had before
    // there were any.
    if (organisation.founded) {
        add_line("\tfounded\t" + organisation.founded->text());
    }
    if (organisation.dissolved) {
        add_line("\tdissolved\t" + organisation.dissolved->text());
    }
}

std::string RegistryDigest::sha256() const {
    return sha256_hex(text_);
}

void RegistryDigest::add_line(std::string_view field) {
    text_ += field;
    text_ += '\n';
}

} // namespace ukey
