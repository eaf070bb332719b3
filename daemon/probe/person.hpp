// SPDX-License-Identifier: Apache-2.0
// ukey-probe as a person's own process, started by ukeyctl as the calling user: `--person VERB`.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ukey::probe {

/// Far more than show that a key is flaky.
constexpr unsigned self_test_times_max = 1000;

enum class PersonVerb { list, change_pin, self_test };

struct PersonOptions {
    PersonVerb verb = PersonVerb::list;
    std::string module_path;
    /// The token's serial (list does not need it).
    std::string token_serial;
    /// Where the PINs are read: change-pin the old and the new one, self-test the one; a line each.
    std::optional<int> pin_descriptor;
    /// change-pin even when the token says that one wrong PIN more locks it.
    bool allow_final_try = false;
    /// self-test: so many signatures.
    unsigned times = 1;
    /// self-test: ciphertexts to be decrypted, each "ID:BYTES" in lower-case hexadecimal; ID is the CKA_ID.
    std::vector<std::string> ciphertexts;
};

/// Writes one line of JSON to `output` and returns the exit status: 0 done, 1 not done.
///   list        {"module": {…}, "slots": [Slot]}, shapes of docs/formats/channels.md §2
///   change-pin  {"done": true, "rv": "CKR_OK"}
///   self-test   {"done": true, "rv": "CKR_OK", "certificates": [base64], "key_type",
///               "signatures": [{"digest", "signature" (base64), "took_us"}], "stopped": "C_Sign: CKR_…" or
///               "", "decryptions": [{"number", "plaintext" (base64), "failed": "C_Decrypt: CKR_…" or ""}]
///               of those ciphertexts whose key may decrypt}: whether what it signed and decrypted is right
///               is for daemon/core/signature_sample.hpp and decryption_sample.hpp to say
///   any         {"done": false, "code", "object", "reason", "rv"}: the parts of Error; of a call that
///   failed, code is
///               "pkcs11.call_failed", object the function, reason and rv the CKR_ name; otherwise rv is
///               null, but for "pin.bad_length", where it is what the module would have said
int run_person(const PersonOptions& options, int output);

} // namespace ukey::probe
