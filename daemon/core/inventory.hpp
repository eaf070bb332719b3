// SPDX-License-Identifier: Apache-2.0
// Joins what the bus, the modules and the store say: which keys are in, and what is to be said of each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/admission.hpp"
#include "daemon/core/binding.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/device_table.hpp"
#include "daemon/core/key.hpp"
#include "daemon/core/token.hpp"
#include "daemon/core/usb_device.hpp"

namespace ukey {

/// The certificates of a token, parsed: the one that logins are made with, and CA certificates that came
/// along.
struct TokenCertificates {
    std::optional<CertificateFacts> signing;
    std::string signing_id; ///< its CKA_ID, in hexadecimal; its private key has the same
    std::vector<std::string> ca_der;
    /// Why there is no signing certificate: `certificate.missing`, `certificate.garbage`,
    /// `certificate.key_usage`.
    std::vector<Finding> problems;
};
TokenCertificates read_certificates(const TokenReport& token,
                                    const std::vector<CertificateProfile>& profiles);

/// A key that is in, with everything known of it.
struct PresentKey {
    std::string key_id;
    KeyIdentity identity;
    std::string module;
    std::uint64_t slot = 0;
    std::string slot_description;
    TokenReport token;
    TokenCertificates certificates;
    Verification verification;
    BindingState binding;
    std::optional<bool> pin_default;
    bool returned = false;
    std::optional<LastAttestation> last_attestation;
    Timestamp inserted{};
    std::vector<Finding> findings;
    Admission admission;
    std::string usb_port; ///< empty: not matched with a device on the bus
};

/// Fills in findings and admission from the rest.
void judge_key(PresentKey& key, const Policy& policy, Mode mode, Timestamp now,
               std::chrono::days expires_soon);

/// A device of interest on the bus: in the table, or with a smart-card interface.
struct BusEntry {
    UsbDevice device;
    const KnownDevice* known = nullptr;
    /// The wait for a token is over: from now on its absence is a finding.
    bool token_overdue = false;
    std::string key_id; ///< of the key behind it; empty: none
    std::vector<Finding> findings;
};
bool is_of_interest(const UsbDevice& device, const KnownDevice* known);

/// A slot that some module has, for matching.
struct SlotView {
    std::string module;
    std::string description;
    bool has_token = false;
};

/// Sets usb_port of the keys, key_id and findings (`usb.no_middleware`, `usb.no_reader`, `usb.no_token`) of
/// the devices. A reader's name carries the device's product or vendor; where names say nothing, one device
/// and one key that are left over belong together.
void match_bus(std::vector<BusEntry>& devices, std::vector<PresentKey*>& keys,
               const std::vector<SlotView>& slots);

} // namespace ukey
