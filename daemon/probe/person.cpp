// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/person.hpp"

#include <unistd.h>

#include <memory>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/core/base64.hpp"
#include "daemon/core/token.hpp"
#include "daemon/probe/pin_reader.hpp"
#include "daemon/probe/slot_reader.hpp"
#include "pkcs11/client/pin_operations.hpp"

namespace ukey::probe {
namespace {

using Answer = Result<boost::json::object>;

Result<pkcs11::Slot> find_token(const std::shared_ptr<pkcs11::Module>& module, const std::string& serial) {
    const auto ids = module->slot_ids();
    if (!ids) {
        return tl::unexpected(ids.error());
    }
    std::vector<pkcs11::Slot> found;
    for (const pkcs11::SlotId id : *ids) {
        pkcs11::Slot slot(module, id);
        const auto token = slot.token_info();
        if (token && token->serial == serial) {
            found.push_back(std::move(slot));
        }
    }
    if (found.empty()) {
        return fail("key.not_found", "find the key", serial, "no token has this serial");
    }
    if (found.size() > 1) {
        // A PIN sent to the wrong one of two tokens costs a try.
        return fail("key.ambiguous", "find the key", serial, "several tokens have this serial");
    }
    return found.front();
}

Answer list_slots(const std::shared_ptr<pkcs11::Module>& module) {
    const auto info = module->info();
    if (!info) {
        return tl::unexpected(info.error());
    }
    SlotReader reader(module, [] {});
    const auto slots = reader.look(SlotReader::Others::ask, {});
    if (!slots) {
        return tl::unexpected(slots.error());
    }
    return boost::json::object{{"module",
                                {{"path", module->path()},
                                 {"description", info->description},
                                 {"manufacturer", info->manufacturer},
                                 {"library_version", info->library_version},
                                 {"cryptoki_version", info->cryptoki_version}}},
                               {"slots", to_json(*slots)}};
}

Answer change_pin(const pkcs11::Slot& slot, const PersonOptions& options, const std::vector<Secret>& pins) {
    const auto changed =
        pkcs11::change_pin(slot, pins.at(0), pins.at(1),
                           options.allow_final_try ? pkcs11::FinalTry::allow : pkcs11::FinalTry::refuse);
    if (!changed) {
        return tl::unexpected(changed.error());
    }
    return boost::json::object{{"done", true}, {"rv", "CKR_OK"}};
}

/// Those that are none are left out: there is no key for them.
std::vector<pkcs11::Ciphertext> parse_ciphertexts(const std::vector<std::string>& texts) {
    std::vector<pkcs11::Ciphertext> ciphertexts;
    for (const std::string& text : texts) {
        const std::size_t colon = text.find(':');
        auto id = hex_decode(text.substr(0, colon));
        auto bytes = hex_decode(colon == std::string::npos ? std::string() : text.substr(colon + 1));
        ciphertexts.push_back({.id = id.value_or(""), .bytes = bytes.value_or("")});
    }
    return ciphertexts;
}

boost::json::array to_json(const std::vector<pkcs11::Decryption>& decryptions) {
    boost::json::array list;
    for (const pkcs11::Decryption& one : decryptions) {
        list.push_back(boost::json::object{
            {"number", one.number},
            {"plaintext", base64_encode(one.plaintext)},
            {"failed", one.failed ? one.failed->object + ": " + one.failed->reason : ""}});
    }
    return list;
}

Answer self_test(const pkcs11::Slot& slot, const PersonOptions& options, const std::vector<Secret>& pins) {
    const auto sample =
        pkcs11::sign_sample(slot, pins.at(0), options.times, parse_ciphertexts(options.ciphertexts));
    if (!sample) {
        return tl::unexpected(sample.error());
    }
    boost::json::array certificates;
    for (const std::string& der : sample->certificates_der) {
        certificates.push_back(boost::json::value(base64_encode(der)));
    }
    boost::json::array signatures;
    for (const pkcs11::SignedDigest& one : sample->signatures) {
        signatures.push_back(boost::json::object{{"digest", base64_encode(one.digest)},
                                                 {"signature", base64_encode(one.signature)},
                                                 {"took_us", one.duration.count()}});
    }
    return boost::json::object{
        {"done", true},
        {"rv", "CKR_OK"},
        {"certificates", std::move(certificates)},
        {"key_type", sample->key_type},
        {"signatures", std::move(signatures)},
        {"stopped", sample->stopped ? sample->stopped->object + ": " + sample->stopped->reason : ""},
        {"decryptions", to_json(sample->decryptions)}};
}

/// PINs are read only once the token is found: nobody types one for nothing.
Answer with_pins(const std::shared_ptr<pkcs11::Module>& module, const PersonOptions& options) {
    const auto slot = find_token(module, options.token_serial);
    if (!slot) {
        return tl::unexpected(slot.error());
    }
    const bool changes = options.verb == PersonVerb::change_pin;
    const auto pins = read_pins(options.pin_descriptor.value_or(STDIN_FILENO), changes ? 2 : 1);
    if (!pins) {
        return tl::unexpected(pins.error());
    }
    return changes ? change_pin(*slot, options, *pins) : self_test(*slot, options, *pins);
}

Answer run_verb(const PersonOptions& options) {
    const auto module = pkcs11::Module::load(options.module_path);
    if (!module) {
        return tl::unexpected(module.error());
    }
    switch (options.verb) {
    case PersonVerb::list:
        return list_slots(*module);
    case PersonVerb::change_pin:
    case PersonVerb::self_test:
        return with_pins(*module, options);
    }
    return fail("internal.error", "run", "verb", "unknown");
}

boost::json::object failure_to_json(const Error& error) {
    boost::json::value rv = nullptr;
    if (error.code == "pkcs11.call_failed") {
        rv = error.reason;
    } else if (error.code == "pin.bad_length") {
        rv = "CKR_PIN_LEN_RANGE";
    }
    return {{"done", false},
            {"code", error.code},
            {"object", error.object},
            {"reason", error.reason},
            {"rv", std::move(rv)}};
}

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = write(descriptor, text.data(), text.size());
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

} // namespace

int run_person(const PersonOptions& options, int output) {
    const Answer answer = run_verb(options);
    const boost::json::object object = answer ? *answer : failure_to_json(answer.error());
    const bool written = write_all(output, boost::json::serialize(object) + "\n");
    return answer && written ? 0 : 1;
}

} // namespace ukey::probe
