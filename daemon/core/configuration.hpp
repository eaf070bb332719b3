// SPDX-License-Identifier: Apache-2.0
// The configuration file (TOML). One table of keys says what each is, and also prints the help.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/admission.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/result.hpp"

namespace ukey {

struct ModuleConfiguration {
    std::string name;
    std::string path;
    /// Socket of the worker's own service; empty: ukeyd starts the worker itself.
    std::string socket;
};

/// Where a key is sent back to, as the return slip has it.
struct ReturnAddress {
    std::string recipient;
    std::string phone;
    std::string address;
};

struct Configuration {
    Mode mode = Mode::observe;
    std::string log_level = "info";
    std::vector<ModuleConfiguration> modules;
    std::vector<std::string> trust_paths;
    std::vector<CertificateProfile> certificate_profiles;
    Policy policy;
    bool one_key_per_organisation = false;
    std::chrono::days expires_soon{30};
    std::chrono::milliseconds worker_deadline{10'000};
    std::chrono::milliseconds worker_backoff_first{500};
    std::chrono::milliseconds worker_backoff_max{60'000};
    std::chrono::milliseconds token_wait{5'000};
    unsigned login_reports_per_minute = 600;
    bool attest_logins = false;
    std::chrono::milliseconds attestation_limit{3'000};
    std::string rule_file;     ///< empty: the rules of 2013 that are built in
    std::string report_folder; ///< empty: nothing is exported at the end of a month
    ReturnAddress return_address;
};

/// One key of the file, for help and for `ukeyctl config show`.
struct ConfigurationKey {
    std::string_view name;          ///< "policy.expires_soon_days", "module[].path"
    std::string_view type;          ///< "text", "number", "yes/no", "list of paths", …
    std::string_view default_value; ///< as it would be written
    std::string_view description;   ///< English, a gettext message id
};
std::span<const ConfigurationKey> configuration_keys();

/// Reads and checks everything; the first error ends it. Errors `config.unreadable`, `config.syntax`,
/// `config.unknown_key`, `config.bad_value`; the object is "file:line".
Result<Configuration> load_configuration(const std::string& path);
/// The same from text; `file` is for messages.
Result<Configuration> parse_configuration(std::string_view file, std::string_view text);

/// The configuration as TOML, every key with its value in force.
std::string to_toml(const Configuration& configuration);

} // namespace ukey
