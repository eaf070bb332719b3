// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/configuration.hpp"

#include <array>
#include <fstream>
#include <functional>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#define N_(text) text

namespace ukey {
namespace {

/// Why a value is not acceptable; nothing when it is.
using Complaint = std::optional<std::string>;
using Setter = Complaint (*)(Configuration&, const toml::node&);

struct Key {
    ConfigurationKey described;
    Setter set;
};

Complaint set_text(std::string& target, const toml::node& node) {
    const auto value = node.value_exact<std::string>();
    if (!value) {
        return "must be a text in quotes";
    }
    target = *value;
    return std::nullopt;
}

Complaint set_flag(bool& target, const toml::node& node) {
    const auto value = node.value_exact<bool>();
    if (!value) {
        return "must be true or false";
    }
    target = *value;
    return std::nullopt;
}

template <typename Target>
Complaint set_number(Target& target, const toml::node& node, std::int64_t least, std::int64_t most) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
        return fmt::format("must be a whole number from {} to {}", least, most);
    }
    if constexpr (std::is_integral_v<Target>) {
        target = static_cast<Target>(*value);
    } else {
        target = Target(static_cast<typename Target::rep>(*value));
    }
    return std::nullopt;
}

Complaint set_texts(std::vector<std::string>& target, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) {
        return "must be a list of texts";
    }
    target.clear();
    for (const toml::node& element : *array) {
        std::string text;
        if (const Complaint complaint = set_text(text, element)) {
            return "must be a list of texts";
        }
        target.push_back(std::move(text));
    }
    return std::nullopt;
}

Complaint set_mode(Configuration& configuration, const toml::node& node) {
    const auto mode = parse_mode(node.value_or(std::string_view()));
    if (!mode) {
        return "must be \"observe\" or \"enforce\"";
    }
    configuration.mode = *mode;
    return std::nullopt;
}

Complaint set_log_level(Configuration& configuration, const toml::node& node) {
    const auto level = node.value_or(std::string());
    for (const std::string_view known : {"debug", "info", "warning", "error"}) {
        if (level == known) {
            configuration.log_level = level;
            return std::nullopt;
        }
    }
    return "must be \"debug\", \"info\", \"warning\" or \"error\"";
}

Complaint set_policy_findings(Configuration& configuration, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
        return "must be a table of code = \"allow\" | \"warn\" | \"deny\"";
    }
    for (const auto& [code, value] : *table) {
        if (message_entry(code.str()).code != code.str()) {
            return fmt::format("“{}” is not a code; ukeyctl explain lists them", code.str());
        }
        const auto verdict = parse_verdict(value.value_or(std::string_view()));
        if (!verdict) {
            return fmt::format("“{}” must be \"allow\", \"warn\" or \"deny\"", code.str());
        }
        configuration.policy.set(std::string(code.str()), *verdict);
    }
    return std::nullopt;
}

Complaint set_report_folder(Configuration& configuration, const toml::node& node) {
    Complaint complaint = set_text(configuration.report_folder, node);
    if (!complaint && !configuration.report_folder.empty() && !configuration.report_folder.starts_with('/')) {
        return "must be an absolute path";
    }
    return complaint;
}

constexpr std::int64_t minute_ms = 60'000;

const auto keys = std::to_array<Key>({
    {{"mode", "text", "\"observe\"",
      N_("observe: refuse nothing, record and show what would have been; enforce: refuse")},
     set_mode},
    {{"log_level", "text", "\"info\"", N_("debug, info, warning or error")}, set_log_level},
    {{"trust.paths", "list of paths", "[]",
      N_("CA certificates and revocation lists: files, or folders of them")},
     [](Configuration& c, const toml::node& n) { return set_texts(c.trust_paths, n); }},
    {{"policy.one_key_per_organisation", "yes/no", "false", N_("refuse a second key for an organisation")},
     [](Configuration& c, const toml::node& n) { return set_flag(c.one_key_per_organisation, n); }},
    {{"policy.expires_soon_days", "number", "30",
      N_("from how many days before its end a certificate is reported")},
     [](Configuration& c, const toml::node& n) { return set_number(c.expires_soon, n, 0, 3650); }},
    {{"policy.findings", "table", "{}",
      N_("what a finding means for a login: code = \"allow\", \"warn\" or \"deny\"")},
     set_policy_findings},
    {{"worker.deadline_ms", "number", "10000",
      N_("how long a module may take to answer before it counts as hung")},
     [](Configuration& c, const toml::node& n) {
         return set_number(c.worker_deadline, n, 100, 10 * minute_ms);
     }},
    {{"worker.backoff_first_ms", "number", "500", N_("wait before a crashed worker's first new start")},
     [](Configuration& c, const toml::node& n) {
         return set_number(c.worker_backoff_first, n, 1, minute_ms);
     }},
    {{"worker.backoff_max_ms", "number", "60000",
      N_("longest wait between two starts; it doubles up to this")},
     [](Configuration& c, const toml::node& n) {
         return set_number(c.worker_backoff_max, n, 1, 60 * minute_ms);
     }},
    {{"usb.token_wait_ms", "number", "5000",
      N_("how long a plugged-in key may stay without a token before it is reported")},
     [](Configuration& c, const toml::node& n) { return set_number(c.token_wait, n, 1, 10 * minute_ms); }},
    {{"login.reports_per_minute", "number", "600",
      N_("reports of one user a minute, five times as many an hour, sixteen times as many a day; what is "
         "more is "
         "counted, not recorded")},
     [](Configuration& c, const toml::node& n) {
         return set_number(c.login_reports_per_minute, n, 1, 1'000'000);
     }},
    {{"login.attest", "yes/no", "false",
      N_("have the key sign the record of each login: the session is then graded “attested”")},
     [](Configuration& c, const toml::node& n) { return set_flag(c.attest_logins, n); }},
    {{"login.attest_limit_ms", "number", "3000",
      N_("a key that took longer to sign is not asked for seven days")},
     [](Configuration& c, const toml::node& n) { return set_number(c.attestation_limit, n, 1, minute_ms); }},
    {{"criterion.rule_file", "path", "\"\"",
      N_("rules of the monthly criteria; empty: the notice of 2013, built in")},
     [](Configuration& c, const toml::node& n) { return set_text(c.rule_file, n); }},
    {{"report.folder", "path", "\"\"",
      N_("where the month's report and bundle are put when it has ended; empty: nowhere")},
     set_report_folder},
    {{"return.recipient", "text", "\"\"", N_("who takes keys back, for the return slip")},
     [](Configuration& c, const toml::node& n) { return set_text(c.return_address.recipient, n); }},
    {{"return.phone", "text", "\"\"", N_("the recipient's telephone number")},
     [](Configuration& c, const toml::node& n) { return set_text(c.return_address.phone, n); }},
    {{"return.address", "text", "\"\"", N_("the recipient's address")},
     [](Configuration& c, const toml::node& n) { return set_text(c.return_address.address, n); }},
});

/// Keys of the tables that may stand several times: described here, read by read_module and read_profile.
const auto repeated_keys = std::to_array<ConfigurationKey>({
    {"module[].name", "text", "", N_("short name of the PKCS#11 module, unique")},
    {"module[].path", "path", "", N_("the PKCS#11 module: OpenSC's or the vendor's")},
    {"module[].socket", "path", "\"\"",
     N_("socket of the worker's own service; empty: ukeyd starts the worker")},
    {"certificate_profile[].issuer_contains", "text", "\"\"",
     N_("the profile is for issuers whose name contains this")},
    {"certificate_profile[].name_attribute", "text", "\"CN\"",
     N_("where the organisation's name is: CN, O or OU")},
});

/// Reads one file: where it is in it, and the first thing wrong.
class Reader {
  public:
    explicit Reader(std::string_view file) : file_(file) {}

    Result<Configuration> read(const toml::table& document) {
        for (const auto& [name, node] : document) {
            read_top_level(std::string(name.str()), node);
        }
        if (error_) {
            return tl::unexpected(*error_);
        }
        return std::move(configuration_);
    }

  private:
    void read_top_level(const std::string& name, const toml::node& node) {
        if (name == "module") {
            read_tables(name, node, [this](const toml::table& table) { read_module(table); });
        } else if (name == "certificate_profile") {
            read_tables(name, node, [this](const toml::table& table) { read_profile(table); });
        } else if (const toml::table* table = node.as_table(); table != nullptr && is_section(name)) {
            for (const auto& [inner, value] : *table) {
                read_key(name + "." + std::string(inner.str()), value);
            }
        } else {
            read_key(name, node);
        }
    }

    static bool is_section(const std::string& name) {
        return std::ranges::any_of(
            keys, [&](const Key& key) { return key.described.name.starts_with(name + "."); });
    }

    void read_key(const std::string& name, const toml::node& node) {
        const auto key = std::ranges::find(keys, name, [](const Key& k) { return k.described.name; });
        if (key == keys.end()) {
            complain("config.unknown_key", node, fmt::format("there is no key “{}”", name));
        } else if (const Complaint complaint = key->set(configuration_, node)) {
            complain("config.bad_value", node, fmt::format("{}: {}", name, *complaint));
        }
    }

    void read_tables(const std::string& name, const toml::node& node,
                     const std::function<void(const toml::table&)>& read_one) {
        const toml::array* array = node.as_array();
        if (array == nullptr || (!array->empty() && !array->is_homogeneous(toml::node_type::table))) {
            complain("config.bad_value", node, fmt::format("write it as [[{}]]", name));
            return;
        }
        for (const toml::node& element : *array) {
            read_one(*element.as_table());
        }
    }

    void read_texts(const std::string& section, const toml::table& table,
                    const std::map<std::string_view, std::string*>& targets) {
        for (const auto& [name, node] : table) {
            const auto target = targets.find(name.str());
            if (target == targets.end()) {
                complain("config.unknown_key", node,
                         fmt::format("there is no key “{}.{}”", section, name.str()));
            } else if (const Complaint complaint = set_text(*target->second, node)) {
                complain("config.bad_value", node, fmt::format("{}.{}: {}", section, name.str(), *complaint));
            }
        }
    }

    void read_module(const toml::table& table) {
        ModuleConfiguration module;
        read_texts("module", table,
                   {{"name", &module.name}, {"path", &module.path}, {"socket", &module.socket}});
        if (module.name.empty() || module.path.empty()) {
            complain("config.bad_value", table, "a module needs name and path");
        } else if (!module.path.starts_with('/')) {
            complain("config.bad_value", table, "module.path: must be an absolute path");
        } else if (std::ranges::count(configuration_.modules, module.name, &ModuleConfiguration::name) != 0) {
            complain("config.bad_value", table, fmt::format("two modules have the name “{}”", module.name));
        }
        configuration_.modules.push_back(std::move(module));
    }

    void read_profile(const toml::table& table) {
        CertificateProfile profile;
        read_texts(
            "certificate_profile", table,
            {{"issuer_contains", &profile.issuer_contains}, {"name_attribute", &profile.name_attribute}});
        if (profile.name_attribute != "CN" && profile.name_attribute != "O" &&
            profile.name_attribute != "OU") {
            complain("config.bad_value", table, "certificate_profile.name_attribute: must be CN, O or OU");
        }
        configuration_.certificate_profiles.push_back(std::move(profile));
    }

    void complain(std::string code, const toml::node& node, std::string reason) {
        const auto line = node.source().begin.line;
        if (!error_ || line < line_) { // tables are sorted by name: report what stands first in the file
            line_ = line;
            error_ = Error{std::move(code), "read the configuration", fmt::format("{}:{}", file_, line),
                           std::move(reason)};
        }
    }

    std::string file_;
    Configuration configuration_;
    std::optional<Error> error_;
    toml::source_index line_ = 0;
};

} // namespace

std::span<const ConfigurationKey> configuration_keys() {
    static const std::vector<ConfigurationKey> all = [] {
        std::vector<ConfigurationKey> described;
        described.reserve(keys.size() + repeated_keys.size());
        for (const Key& key : keys) {
            described.push_back(key.described);
        }
        described.insert(described.end(), repeated_keys.begin(), repeated_keys.end());
        return described;
    }();
    return all;
}

Result<Configuration> parse_configuration(std::string_view file, std::string_view text) {
    try {
        return Reader(file).read(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return fail("config.syntax", "read the configuration",
                    fmt::format("{}:{}", file, error.source().begin.line), std::string(error.description()));
    }
}

Result<Configuration> load_configuration(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (stream) {
        text << stream.rdbuf();
    }
    if (!stream || stream.bad()) {
        return fail("config.unreadable", "read the configuration", path,
                    std::error_code(errno, std::generic_category()).message());
    }
    return parse_configuration(path, text.str());
}

std::string to_toml(const Configuration& c) {
    toml::array modules;
    for (const ModuleConfiguration& module : c.modules) {
        modules.push_back(
            toml::table{{"name", module.name}, {"path", module.path}, {"socket", module.socket}});
    }
    toml::array profiles;
    for (const CertificateProfile& profile : c.certificate_profiles) {
        profiles.push_back(toml::table{{"issuer_contains", profile.issuer_contains},
                                       {"name_attribute", profile.name_attribute}});
    }
    toml::array trust_paths;
    for (const std::string& path : c.trust_paths) {
        trust_paths.push_back(path);
    }
    toml::table findings;
    for (const auto& [code, verdict] : c.policy.verdicts()) {
        findings.insert(code, to_string(verdict));
    }
    const toml::table document{
        {"mode", to_string(c.mode)},
        {"log_level", c.log_level},
        {"module", std::move(modules)},
        {"certificate_profile", std::move(profiles)},
        {"trust", toml::table{{"paths", std::move(trust_paths)}}},
        {"policy", toml::table{{"one_key_per_organisation", c.one_key_per_organisation},
                               {"expires_soon_days", static_cast<std::int64_t>(c.expires_soon.count())},
                               {"findings", std::move(findings)}}},
        {"worker", toml::table{{"deadline_ms", c.worker_deadline.count()},
                               {"backoff_first_ms", c.worker_backoff_first.count()},
                               {"backoff_max_ms", c.worker_backoff_max.count()}}},
        {"usb", toml::table{{"token_wait_ms", c.token_wait.count()}}},
        {"login", toml::table{{"reports_per_minute", static_cast<std::int64_t>(c.login_reports_per_minute)},
                              {"attest", c.attest_logins},
                              {"attest_limit_ms", c.attestation_limit.count()}}},
        {"criterion", toml::table{{"rule_file", c.rule_file}}},
        {"report", toml::table{{"folder", c.report_folder}}},
        {"return", toml::table{{"recipient", c.return_address.recipient},
                               {"phone", c.return_address.phone},
                               {"address", c.return_address.address}}},
    };
    std::ostringstream text;
    text << document << '\n';
    return text.str();
}

} // namespace ukey
