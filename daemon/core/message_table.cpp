// SPDX-License-Identifier: Apache-2.0
// Every code of a finding or an error, with its texts. The texts are gettext message ids: N_() marks them for
// xgettext, po/ has their translations. Codes are stable: rename none, remove none. Sorted by code (a test
// checks it).
#include "daemon/core/finding.hpp"

#include <algorithm>
#include <array>

#define N_(text) text

namespace ukey {
namespace {

using enum Severity;

constexpr auto table = std::to_array<MessageEntry>({
    {"attestation.wrong", error, N_("The attestation of login {object} does not hold: {reason}."),
     N_("Do not count it as attested, and check the ledger: ukeyctl audit verify"),
     N_("An attested login carries the U-Key's signature over the login's record. This one's signature, "
        "certificate or "
        "record do not belong together: something was changed, or the key's chip signs wrongly.")},
    {"audit.archive_wrong", error,
     N_("{object} has not what is to leave the ledger: {reason}. Nothing was removed."),
     N_("Check the disk that the file is on, and archive into another file."), ""},
    {"audit.archived", error,
     N_("Records up to {reason} are archived; nothing can begin after record {object}."),
     N_("Leave the number out: it begins after the archived records then. The bundle that "
        "ukeyctl audit archive wrote has the older ones."),
     ""},
    {"audit.chain_broken", error, N_("The ledger's chain is broken at record {seq}: {reason}."),
     N_("Keep the state folder as it is and report this; do not delete anything."),
     N_("Every record's hash covers the record before it. A break means that a record was changed, removed "
        "or "
        "inserted outside the service.")},
    {"audit.no_checkpoint", error, N_("Nothing was signed at record {object}: no bundle can begin there."),
     N_("Name the last record of an earlier bundle, or leave --since out."), ""},
    {"audit.nothing_to_archive", error, N_("No record before {object} can be archived."),
     N_("They are archived already, or nothing was signed at them yet: the service signs hourly, at its "
        "start and at its stop."),
     ""},
    {"audit.projection_differs", error,
     N_("The tables of keys, bindings and sessions do not say what the ledger says: {count} values differ."),
     N_("Believe the ledger: send the district a bundle (ukeyctl audit export --format bundle), keep a copy "
        "of "
        "the state folder, and report this."),
     N_("These tables are written together with the ledger's records and can be derived from them. A "
        "difference means that they were changed outside the service, or that the service has a fault. Lists "
        "and reports on this computer come from them; bundles and what the district counts do not.")},
    {"audit.too_recent", error,
     N_("Records of {object} are needed here: only those before {reason} can be archived."),
     N_("Name {reason} or an earlier day. The running month and the one before it stay, for their reports."),
     ""},
    {"binding.already", warning, N_("The key is already bound to {organisation}."), "", ""},
    {"binding.name_mismatch", warning,
     N_("The certificate's name “{certificate_name}” is not exactly “{organisation_name}”: {differences}."),
     N_("If the certificate is wrong, have the key customised again with the full name; if the registry is "
        "wrong, "
        "import the right name."),
     N_("The name in the certificate must equal the organisation's full name on the platform in every "
        "character. Names "
        "that only look alike are suggested, never accepted.")},
    {"binding.none", warning, N_("The key is not bound to an organisation yet."),
     N_("Bind it: ukeyctl key bind {subject} ORGANISATION{suggestion}"),
     N_("A key belongs to at most one organisation. Until it is bound its logins count for nobody.")},
    {"binding.organisation_has_key", error,
     N_("{organisation} already has a key, and the policy allows one key only."),
     N_("Release the other key first, or change policy.one_key_per_organisation."), ""},
    {"binding.other_organisation", error,
     N_("The key's certificate names “{certificate_name}”, which is not {expected}."),
     N_("Do not log in with this key here. Have it customised for the right organisation, or return it to "
        "the "
        "organisation that it names."),
     N_("One key manages one organisation only. The certificate names an organisation other than the one "
        "that the key "
        "is bound to.")},
    {"binding.rekeyed", warning, N_("The key has a new key pair since it was bound to {organisation}."),
     N_("If the certificate was renewed, confirm it: ukeyctl key bind {subject} {organisation}"),
     N_("The public key that was pinned at binding is not the one on the token. A renewal does that; so does "
        "another "
        "token with the same serial number.")},
    {"binding.taken", error,
     N_("The key already belongs to {organisation}; one key manages one organisation only."),
     N_("If the key really changes hands, release it first: ukeyctl key release {subject}"), ""},
    {"binding.unknown_organisation", error,
     N_("The key's certificate names “{certificate_name}”, which is not in this computer's registry."),
     N_("Do not log in with this key here. If the organisation is one of yours, import it: ukeyctl org "
        "import FILE.csv"),
     N_("The registry says which organisations this computer's keys may belong to; the name in the "
        "certificate must be "
        "one of theirs in every character.")},
    {"certificate.expired", error, N_("The certificate expired on {not_after}."),
     N_("Ask the issuer to renew the certificate. If the date looks wrong, check this computer's clock."),
     ""},
    {"certificate.expires_soon", warning, N_("The certificate expires on {not_after}."),
     N_("Ask the issuer to renew it before that day."), ""},
    {"certificate.garbage", error, N_("The certificate on the key cannot be read: {reason}."),
     N_("Try the key on another computer; if it is the same there, have the certificate issued again."), ""},
    {"certificate.key_usage", error,
     N_("The certificate may not be used for logging in (key usage: {key_usage})."),
     N_("Ask the issuer for a signing certificate."), ""},
    {"certificate.missing", error, N_("There is no certificate on the key."),
     N_("Have the certificate issued again; the key itself may be in order."), ""},
    {"certificate.no_revocation_list", info,
     N_("No current revocation list of the certificate's issuer is configured."),
     N_("Put the issuer's list in a folder named in trust.paths."), ""},
    {"certificate.no_trust_anchor", warning, N_("No CA is configured: the certificate cannot be verified."),
     N_("Name the CA's certificates in trust.paths of {config}."), ""},
    {"certificate.not_yet_valid", error, N_("The certificate is valid from {not_before} on."),
     N_("Check this computer's date and time."), ""},
    {"certificate.revoked", error, N_("The certificate has been revoked."),
     N_("Contact the issuer. Do not use the key."), ""},
    {"certificate.text_rescued", info,
     N_("The certificate's text is wrongly encoded and was read as GB18030."), "", ""},
    {"certificate.untrusted", error, N_("No configured CA vouches for the certificate: {reason}."),
     N_("Check that the issuer's CA certificates are in trust.paths; otherwise contact the CA."), ""},
    {"config.bad_value", error, N_("{object}: {reason}"),
     N_("Correct that line and try again: ukeyctl config check"), ""},
    {"config.syntax", error, N_("{object}: {reason}"),
     N_("Correct that line and try again: ukeyctl config check"), ""},
    {"config.unknown_key", error, N_("{object}: {reason}"),
     N_("Correct that line and try again: ukeyctl config check"), ""},
    {"config.unreadable", error, N_("The configuration {object} cannot be read: {reason}."),
     N_("Check that the file exists and may be read."), ""},
    {"control.bad_request", error, N_("The service did not understand the request: {reason}."),
     N_("ukeyctl and ukeyd may be of different versions."), ""},
    {"control.refused", error, N_("{verb} needs the privilege “{privilege}”."),
     N_("Ask an administrator of this computer; “operate” is for members of the group ukey, “administer” for "
        "root."),
     ""},
    {"csv.cell_too_long", error, N_("{object}: a cell is too long ({reason})."),
     N_("Check the file for an unclosed quote or foreign data in that line."), ""},
    {"csv.stray_quote", error, N_("{object}: a quote stands where none may be."),
     N_("Save the file again as CSV."), ""},
    {"csv.too_large", error, N_("{object}: the file is too large ({reason})."), N_("Split the file."), ""},
    {"csv.too_many_cells", error, N_("{object}: the row has too many cells ({reason})."),
     N_("Check the separator: it must be a comma."), ""},
    {"csv.unclosed_quote", error, N_("{object}: a quote is opened and never closed."),
     N_("Save the file again as CSV."), ""},
    {"daemon.unreachable", error, N_("The service ukeyd does not answer at {object}: {reason}."),
     N_("Start it: systemctl start ukeyd"), ""},
    {"date.in_future", error, N_("{object} is still to come."), N_("Name today or an earlier day."), ""},
    {"date.malformed", error, N_("“{object}” is not a date."), N_("Write it as 2026-04-01."), ""},
    {"frame.foreign_sender", error, N_("A message came from another process than the one that connected."),
     "",
     N_("A process handed its connection on, for example to a child. The connection was closed and the "
        "attempt "
        "recorded.")},
    {"frame.malformed", error, N_("A malformed message was received."), "", ""},
    {"frame.too_long", error, N_("A message longer than allowed was received."), "", ""},
    {"frame.version", error, N_("A message of another version was received."),
     N_("Restart the service and the program after an upgrade."), ""},
    {"internal.error", error, N_("Internal error: {reason}."), N_("Please report this."), ""},
    {"internal.unknown_code", error, N_("Unknown code."), "", ""},
    {"key.ambiguous", error, N_("More than one key matches “{object}”."),
     N_("Give more of the key's id: ukeyctl key list"), ""},
    {"key.never_bound", error, N_("The key {object} has no organisation that another one could inherit."),
     N_("Bind the new key by itself: ukeyctl key bind KEY ORGANISATION"), ""},
    {"key.not_found", error, N_("No key matches “{object}”."),
     N_("See which keys are known: ukeyctl key list --all"), ""},
    {"key.not_read", warning, N_("The key has not been read yet."),
     N_("Wait a moment, or plug the key in again."),
     N_("An application logged in before the service had read the token.")},
    {"key.returned", error, N_("The key has been returned for replacement."),
     N_("Use the organisation's other key. When the new one has come: ukeyctl key replace {subject} NEW"),
     ""},
    {"key.unreadable", error, N_("The key does not answer: {function} says {rv}."),
     N_("Plug it in again, then into another port; then run ukeyctl diagnose."), ""},
    {"ledger.write_failed", error, N_("The ledger cannot be written: {reason}."),
     N_("Make room on the disk that holds {object}; logins are not recorded until then."),
     N_("Nothing is acknowledged that is not on disk.")},
    {"login.rate_limited", warning,
     N_("Too many reports came from one user; the rest of this minute is only counted."), "",
     N_("So that no user can fill the ledger, reports of one user are limited by login.reports_per_minute.")},
    {"module.crashed", error,
     N_("The PKCS#11 module {path} crashed ({reason}); it is started again in {delay}."),
     N_("If this repeats, install the vendor's current version."),
     N_("Modules run in a process of their own: a crash there does not touch the service.")},
    {"module.garbage", error, N_("The PKCS#11 module {path} answered nonsense ({reason})."),
     N_("Install the vendor's current version."), ""},
    {"module.hung", error,
     N_("The PKCS#11 module {path} did not answer within {deadline}; it is started again."),
     N_("Plug the key in again. If this repeats, install the vendor's current version."), ""},
    {"module.initialize_failed", error, N_("The PKCS#11 module {path} cannot be initialised: {reason}."),
     N_("Check that the service it needs (pcscd, for most) is running."), ""},
    {"module.missing", error, N_("The PKCS#11 module {path} does not exist."),
     N_("Install the package that has it, or correct module.path in the configuration."), ""},
    {"module.none", warning, N_("No PKCS#11 module is configured."),
     N_("Add a [[module]] with name and path to the configuration."), ""},
    {"module.not_loadable", error, N_("The PKCS#11 module {path} cannot be loaded: {reason}."),
     N_("Install what it needs; ldd {path} says what is missing."), ""},
    {"module.not_pkcs11", error, N_("{path} is not a PKCS#11 module."),
     N_("SKF libraries are not PKCS#11 modules; ask the vendor for its PKCS#11 library."), ""},
    {"module.not_started", error,
     N_("The worker for the PKCS#11 module {path} could not be started: {reason}."),
     N_("Install the package again, or name the program with ukeyd --probe."), ""},
    {"module.wrong_architecture", error,
     N_("The PKCS#11 module {path} is for another kind of processor: {reason}."),
     N_("Install the vendor's package for this computer's architecture."), ""},
    {"month.malformed", error, N_("“{object}” is not a month."), N_("Write it as 2026-04."), ""},
    {"organisation.ambiguous", error, N_("More than one organisation matches “{object}”."),
     N_("Give the code instead: ukeyctl org list"), ""},
    {"organisation.bad_mobile", warning, N_("The mobile number of {subject}'s administrator is not valid."),
     N_("Correct it in the registry file and import it again."), ""},
    {"organisation.no_administrator", warning, N_("{subject} has no administrator."),
     N_("Enter name and mobile number in the registry file and import it again."), ""},
    {"organisation.not_found", error, N_("No organisation matches “{object}”."),
     N_("See which there are: ukeyctl org list"), ""},
    {"pin.count_low", warning, N_("A wrong PIN has been entered since the last right one."),
     N_("Enter the PIN with care: the key locks after a few wrong ones."), ""},
    {"pin.default", warning, N_("The key still has the default PIN."),
     N_("Change it: ukeyctl pin change {subject}"),
     N_("Keys are delivered with a PIN that everyone knows. Whoever finds the key can log in with it.")},
    {"pin.final_try", error, N_("One wrong PIN more locks the key."),
     N_("Stop trying. Ask who set the PIN, or have the issuer unlock the key."), ""},
    {"pin.locked", error, N_("The key's PIN is locked."),
     N_("Have the issuer unlock it. The key itself is not broken."), ""},
    {"pin.to_be_changed", warning, N_("The key asks for its PIN to be changed."),
     N_("Change it: ukeyctl pin change {subject}"), ""},
    {"registry.bad_cell", error, N_("{object}: {reason}"), N_("Correct that cell and import the file again."),
     ""},
    {"registry.duplicate", error, N_("{object}: {reason}"), N_("Remove one of the two lines."), ""},
    {"registry.empty", warning, N_("The registry of organisations is empty."),
     N_("Import it: ukeyctl org import FILE.csv"), ""},
    {"registry.missing_column", error, N_("{object}: the column {reason} is missing."),
     N_("Add the column; the names are listed by ukeyctl org import --help."), ""},
    {"registry.unknown_parent", error, N_("{object}: {reason}"),
     N_("Add a line for the superior organisation, or correct the path."), ""},
    {"report.archived", error,
     N_("The records of {object} are archived; this computer can assess that month no longer."),
     N_("Use the report that was made of it, or the district office's: it has the bundles."), ""},
    {"rule.not_valid_then", error, N_("The rule in force does not hold for {object} ({reason})."),
     N_("Name a rule file of that time: criterion.rule_file in the configuration, or --rule."), ""},
    {"session.ambiguous", error, N_("More than one login session matches “{object}”."),
     N_("Give more of the login's id: ukeyctl session list"), ""},
    {"session.not_found", error, N_("No login session matches “{object}”."),
     N_("See which there are: ukeyctl session list"), ""},
    {"state.constraint", error, N_("The database {object} refused the change: {reason}."),
     N_("Please report this."), ""},
    {"state.corrupt", error, N_("The database {object} is damaged: {reason}."),
     N_("Keep the file for examination, and put a backup in its place (ukeyctl state restore), or start "
        "again "
        "with an empty state folder."),
     ""},
    {"state.in_use", error, N_("The state folder {object} is in use by {reason}."),
     N_("To restore a backup, stop the service and its sockets first: systemctl stop ukeyd-login.socket "
        "ukeyd-control.socket ukeyd.service"),
     N_("One process at a time may change what is in it: the service while it runs, or ukeyctl state "
        "restore.")},
    {"state.newer", error, N_("The database {object} was written by a newer version ({reason})."),
     N_("Install that version again."), ""},
    {"state.unusable", error, N_("The database {object} cannot be used: {reason}."),
     N_("Check that the folder exists, belongs to the service and has free space."), ""},
    {"text.undecodable", error, N_("{object}: the text is neither UTF-8 nor GB18030 ({reason})."),
     N_("Save the file as UTF-8 CSV and import it again."), ""},
    {"time.malformed", error, N_("“{object}” is not a time."), "", ""},
    {"trust.unreadable", error, N_("The CA file {object} cannot be used: {reason}."),
     N_("Replace the file, or correct trust.paths; then run: ukeyctl config reload"),
     N_("Started without it: chains that need it are not trusted, and revocations in it are not known.")},
    {"usb.no_middleware", warning,
     N_("{device} is plugged in, but no module serves it: {middleware} is needed."),
     N_("Install {middleware} and name it as a [[module]] in the configuration."),
     N_("The device table knows this key, and it is not one that OpenSC can talk to.")},
    {"usb.no_reader", error, N_("{device} is a smart-card key, but there is no reader for it."),
     N_("Check that pcscd runs and may use the device: systemctl status pcscd"), ""},
    {"usb.no_token", warning,
     N_("{device} is plugged in and has a reader, but no module recognises the card in it."),
     N_("The key needs its vendor's module: {middleware}."), ""},
    {"usb.unavailable", warning, N_("The USB bus cannot be watched: {reason}."),
     N_("Keys are still found through their PKCS#11 modules."), ""},
    {"verb.usage", error, N_("{reason}"), "", ""},
    {"workstation.key_unusable", error, N_("The workstation's key {object} cannot be used: {reason}."),
     N_("Put it back from a backup, with mode 0600 and owned by the service. Without it, remove the file: "
        "the "
        "service makes a new key, and the workstation has to be enrolled again."),
     N_("The service signs its ledger's checkpoints with this key, and others recognise the workstation by "
        "it.")},
});

} // namespace

std::span<const MessageEntry> message_table() {
    return table;
}

const MessageEntry& message_entry(std::string_view code) {
    const auto found = std::ranges::lower_bound(table, code, {}, &MessageEntry::code);
    if (found != table.end() && found->code == code) {
        return *found;
    }
    return *std::ranges::lower_bound(table, std::string_view("internal.unknown_code"), {},
                                     &MessageEntry::code);
}

} // namespace ukey
