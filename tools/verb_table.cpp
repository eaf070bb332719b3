// SPDX-License-Identifier: Apache-2.0
#include "tools/verb.hpp"

#include <array>

#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

constexpr auto groups = std::to_array<VerbGroup>({
    {"key", N_("U-Keys and the organisations they are bound to")},
    {"org", N_("the registry of organisations and administrators")},
    {"session", N_("login sessions")},
    {"report", N_("the monthly criteria")},
    {"audit", N_("the ledger of everything that matters")},
    {"district", N_("the bundles of many workstations, and the criteria for all")},
    {"workstation", N_("the identity that the ledger is signed with")},
    {"pin", N_("PINs: their state, and changing them")},
    {"config", N_("the service's configuration")},
    {"state", N_("the service's state, to be kept against a lost computer")},
    {"setup", N_("registering the filter with other programs")},
});

constexpr auto verbs = std::to_array<Verb>({
    {"", "status", N_("how the service and the keys are now"), define_status},
    {"", "watch", N_("events as they come, until interrupted"), define_watch},
    {"key", "list", N_("the U-Keys that are plugged in, or all that were ever seen"), define_key_list},
    {"key", "show", N_("one U-Key with its certificate and findings"), define_key_show},
    {"key", "bind", N_("bind a U-Key to its organisation"), define_key_bind},
    {"key", "release", N_("end a U-Key's binding"), define_key_release},
    {"key", "return", N_("send a U-Key back for replacement"), define_key_return},
    {"key", "replace", N_("give a U-Key's organisation to the new one that came for it"), define_key_replace},
    {"org", "import", N_("read the registry from a CSV file"), define_org_import},
    {"org", "list", N_("the organisations of the registry"), define_org_list},
    {"org", "show", N_("one organisation"), define_org_show},
    {"session", "list", N_("the logins that this computer saw"), define_session_list},
    {"session", "show", N_("one login, its attestation checked again, and what it proves"),
     define_session_show},
    {"report", "month", N_("the criteria of a month: who met them, and what each unit loses"),
     define_report_month},
    {"report", "export-month", N_("write the files of the month that has ended, as the timer does"),
     define_report_export_month},
    {"audit", "export", N_("write the ledger's records to a file"), define_audit_export},
    {"audit", "verify", N_("check that no record of the ledger, or of bundles, was changed"),
     define_audit_verify},
    {"audit", "checkpoint", N_("sign how far the ledger has come"), define_audit_checkpoint},
    {"audit", "archive", N_("move old records out of the ledger into a bundle"), define_audit_archive},
    {"audit", "remove-personal-data", N_("remove the personal data that old records refer to"),
     define_audit_remove_personal_data},
    {"district", "init", N_("make the file that the district's data is kept in"), define_district_init},
    {"district", "enrol",
     N_("name a workstation whose bundles are taken, or one that is not trusted any more"),
     define_district_enrol},
    {"district", "import", N_("check bundles and take them in"), define_district_import},
    {"district", "platform-import", N_("take in the platform's own records of logins, as second evidence"),
     define_district_platform_import},
    {"district", "status", N_("whose bundles are there, whose are missing, and what contradicts"),
     define_district_status},
    {"district", "report", N_("the criteria of a month for all organisations"), define_district_report},
    {"workstation", "rotate-key", N_("sign with a new key from now on, which the old one vouches for"),
     define_workstation_rotate_key},
    {"workstation", "show", N_("this computer's fingerprint, by which its bundles are recognised"),
     define_workstation_show},
    {"pin", "status", N_("what is known of the PINs, without trying one"), define_pin_status},
    {"pin", "change", N_("change a U-Key's PIN"), define_pin_change},
    {"pin", "allow-last-try", N_("let the next login be tried, although one wrong PIN more locks the key"),
     define_pin_allow_last_try},
    {"config", "check", N_("is the configuration file right?"), define_config_check},
    {"config", "show", N_("the configuration in force, and what each key means"), define_config_show},
    {"config", "reload", N_("have the service read its configuration again"), define_config_reload},
    {"state", "backup", N_("write ledger, registry, key and configuration to one file"), define_state_backup},
    {"state", "restore", N_("put a backup in the place of what is here; the service is stopped"),
     define_state_restore},
    {"setup", "p11-kit", N_("the filter for programs that use p11-kit"), define_setup_p11_kit},
    {"setup", "nss", N_("the filter for Firefox, Thunderbird and Chromium"), define_setup_nss},
    {"setup", "openssl", N_("the filter for OpenSSL's engine pkcs11"), define_setup_openssl},
    {"setup", "ssh", N_("the filter for ssh"), define_setup_ssh},
    {"", "explain", N_("what a code means; without one, all codes"), define_explain},
    {"", "doctor", N_("is this computer set up right?"), define_doctor},
    {"", "diagnose", N_("which layer fails, from the USB port to the binding"), define_diagnose},
});

} // namespace

std::span<const Verb> verb_table() {
    return verbs;
}
std::span<const VerbGroup> verb_groups() {
    return groups;
}

} // namespace ukey::ctl
