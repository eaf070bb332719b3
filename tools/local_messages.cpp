// SPDX-License-Identifier: Apache-2.0
#include "tools/local_messages.hpp"

#include <algorithm>
#include <array>

#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

using enum Severity;

constexpr auto table = std::to_array<MessageEntry>({
    {"backup.damaged", error, N_("The backup {object} is damaged: {reason}."),
     N_("Use an earlier backup, and keep this one: some of it may still be read."), ""},
    {"backup.malformed", error, N_("The file {object} is no backup of the service's state: {reason}."),
     N_("Name a file that ukeyctl state backup has made."), ""},
    {"bundle.attestation_wrong", error, N_("The attestation in record {seq} does not hold: {reason}."),
     N_("Count that login as observed only, and ask the workstation's office how it came about."), ""},
    {"bundle.checkpoint_missing", error,
     N_("Nothing is signed over record {seq}: whether records are missing there cannot be told."),
     N_("Ask the workstation for a new bundle: ukeyctl audit export --format bundle"), ""},
    {"bundle.checkpoint_wrong", error,
     N_("The checkpoint at record {seq} is not signed by this workstation, or was signed over other "
        "records."),
     N_("Do not use this bundle. Ask the workstation for a new one, and keep both."), ""},
    {"bundle.clock_ahead", error,
     N_("It was signed at {reason} by its workstation's clock: that has not been yet."),
     N_("Have that computer's clock set right, and this one's if it is behind. Then ask for a new bundle: it "
        "has these records too."),
     N_("A bundle vouches for the time until it was signed. One of next year would say that nothing happened "
        "until then.")},
    {"bundle.cut_tail", error,
     N_("{later} ends before record {seq}, which {earlier} still has: records were removed at the end."),
     N_("Keep both files and ask the workstation's office: the computer may have been set back to an older "
        "state."),
     ""},
    {"bundle.end_wrong", error,
     N_("The file as a whole is not signed by its workstation: something in it was changed."),
     N_("Do not use this bundle. Ask the workstation for a new one, and keep both."), ""},
    {"bundle.fork", error,
     N_("{earlier} and {later} have different records from number {seq} on: there are two ledgers of this "
        "workstation."),
     N_("Keep both files and ask the workstation's office: the computer may have been copied or set back to "
        "an older state."),
     ""},
    {"bundle.gap", error,
     N_("Between {earlier} and {later} the records from number {seq} on are in neither."),
     N_("Ask the workstation for a bundle from there on: ukeyctl audit export --format bundle --since "
        "CHECKPOINT"),
     ""},
    {"bundle.malformed", error, N_("The file is no bundle, or is damaged: {reason}."),
     N_("Copy it again, or ask the workstation for a new one."), ""},
    {"bundle.personal_wrong", error,
     N_("What record {seq} refers to does not stand in the file as it was: {reason}."),
     N_("Do not use this bundle. Ask the workstation for a new one, and keep both."),
     N_("Users, programs' paths and signatures stand beside the records, which have a salted hash of them. "
        "They "
        "may be missing, when they were removed; they cannot be others.")},
    {"bundle.record_missing", error, N_("Record {seq} is missing or not in its place."),
     N_("Do not use this bundle. Ask the workstation for a new one, and keep both."), ""},
    {"bundle.record_wrong", error,
     N_("Record {seq} was changed, or one before it was: its hash does not fit."),
     N_("Do not use this bundle. Ask the workstation for a new one, and keep both."), ""},
    {"bundle.restored", warning,
     N_("From record {seq} on {earlier} and {later} differ: the ledger was put back from a backup there, and "
        "went on."),
     N_("Ask the workstation's office whether it restored a backup then, and why. Keep both files: what the "
        "lost ledger had from there on is in no other."),
     N_("The record state.restored stands at that place. It is the workstation's own word: a state that was "
        "set back to get rid of records looks the same.")},
    {"bundle.rotation_wrong", error,
     N_("The workstation's new key is not vouched for by the old one: {reason}."),
     N_("Do not use this bundle. Ask the workstation whether it has a new key, and compare its fingerprint "
        "by "
        "telephone."),
     ""},
    {"bundle.truncated", error, N_("The file ends too early: it was not copied as a whole."),
     N_("Copy it again, or ask the workstation for a new one."), ""},
    {"bundle.workstation_revoked", error, N_("Its workstation is no longer trusted ({name})."),
     N_("Do not use this bundle. The workstation needs a new key, and to be enrolled again."), ""},
    {"bundle.workstation_unknown", error, N_("Its workstation is not in the list of those that are trusted."),
     N_("Compare the fingerprint with the one that ukeyctl workstation show prints on that computer, then "
        "add it to the list."),
     ""},
    {"clock.behind", error,
     N_("This computer's clock says {now}; that is before {reference}, when {object} was made."),
     N_("Set date and time (timedatectl set-time \"2026-04-01 08:30:00\"), then plug the key in again."), ""},
    {"config.not_enforcing", info, N_("Nothing is refused: the mode is “observe”."),
     N_("When everything above is in order, set mode = \"enforce\" in {config}."),
     N_("In the mode “observe” a login that the rules forbid is let through and recorded; in the mode "
        "“enforce” it is "
        "refused.")},
    {"confirmation.missing", error, N_("Nothing was done: it was not confirmed."),
     N_("Answer y in a terminal, or say --yes."), ""},
    {"conflict.key_on_two_computers", error, N_("One U-Key was in two computers at the same time."),
     N_("Find out at both which of them is right: a clock may be wrong, or the key's ledger copied. Show it "
        "to the auditor."),
     N_("A key is one thing and can be in one place. It is said when the clocks of the two computers would "
        "have to be more than two minutes apart to explain it.")},
    {"conflict.key_with_two_organisations", error, N_("One U-Key is bound to more than one organisation."),
     N_("Release it where it does not belong: ukeyctl key release KEY. Then ask that workstation for a new "
        "bundle."),
     N_("One key manages one organisation only. Each workstation sees to that for itself; two workstations "
        "that do not know of each other only show it here.")},
    {"coverage.bypass", warning,
     N_("{program} (process {pid} of {user}) has loaded {backend} without the filter: its logins are neither "
        "seen nor counted."),
     N_("Give it {filter} in place of that module ({setup}), then start it again."),
     N_("A login is seen only where the filter is between the program and the module. A program that loads "
        "the module by itself, or keeps it from before the filter was registered, goes past it.")},
    {"coverage.incomplete", warning,
     N_("{looked_at} processes could be looked at and {unseen} could not: what those load is not known."),
     N_("Run ukeyctl doctor as root on the computer itself, outside of any container."), ""},
    {"coverage.not_seen", info,
     N_("Only the processes of {user} were looked at; what other users' programs load is not known."),
     N_("Run it as root: sudo ukeyctl doctor"), ""},
    {"coverage.old_filter", warning,
     N_("{program} (process {pid} of {user}) has another filter loaded than the one that is installed."),
     N_("Start the program again."),
     N_("An upgrade replaces the file; a program keeps what it has loaded until it ends. Copies of the "
        "filter "
        "for other modules, ukey-pkcs11-NAME.so, have to be made again.")},
    {"diagnosis.malformed", error, N_("The file {object} is no diagnosis: {reason}."),
     N_("Name a file that ukeyctl diagnose --output has written."), ""},
    {"district.bad_fingerprint", error, N_("“{object}” is no fingerprint of a workstation."),
     N_("It has 64 hexadecimal digits: ukeyctl workstation show prints it on that computer."), ""},
    {"district.exists", error, N_("There is a file {object} already; it was not touched."),
     N_("Give the store another name."), ""},
    {"district.newer", error, N_("The store {object} was written by a newer version."),
     N_("Install that version of ukeyctl again."), ""},
    {"district.no_store", error, N_("{object} is no district's store."),
     N_("Make one: ukeyctl district init STORE"), ""},
    {"district.no_workstation", warning, N_("No workstation is enrolled yet."),
     N_("Enrol those whose fingerprint you have compared: ukeyctl district enrol STORE FINGERPRINT --name "
        "NAME"),
     ""},
    {"district.registry_empty", warning,
     N_("The registry has no organisation that exists at the end of {subject}."),
     N_("Import it: ukeyctl org import FILE.csv --district STORE"), ""},
    {"district.unknown_organisation", warning,
     N_("{count} organisations logged in that the registry does not have: {list}."),
     N_("Import a newer registry: ukeyctl org import FILE.csv --district STORE"), ""},
    {"district.unusable", error, N_("The store {object} cannot be used: {reason}."),
     N_("Check the disk's free space and the permissions, and that no other program uses the file."), ""},
    {"district.workstation_incomplete", warning, N_("The records of {name} do not cover all of {month}."),
     N_("Ask it for a new bundle, made after the month's end: ukeyctl audit export --format bundle --output "
        "FILE"),
     ""},
    {"district.workstation_missing", warning, N_("There is no record of {name} from {month}."),
     N_("Ask it for a bundle: ukeyctl audit export --format bundle --output FILE; or revoke it, if it is no "
        "longer used: ukeyctl district enrol STORE FINGERPRINT --revoke"),
     ""},
    {"district.workstation_revoked", error,
     N_("The workstation {object} was revoked and cannot be enrolled again."),
     N_("It needs a new key; enrol that one's fingerprint."), ""},
    {"district.workstation_unknown", error, N_("No workstation {object} is enrolled."),
     N_("See which there are: ukeyctl district status STORE"), ""},
    {"explain.unknown", error, N_("There is no code “{object}”."), N_("See which there are: ukeyctl explain"),
     ""},
    {"file.other_content", error,
     N_("The file {object} is there already with other content, and was left as it is."),
     N_("Move it away if it is to be written anew."), ""},
    {"file.unreadable", error, N_("The file {object} cannot be read: {reason}."),
     N_("Check the file's name and that you may read it."), ""},
    {"file.unwritable", error, N_("The file {object} cannot be written: {reason}."),
     N_("Check the folder, its permissions and the free space."), ""},
    {"filter.missing", warning,
     N_("The filter module ukey-pkcs11.so is not installed: logins are neither seen nor counted."),
     N_("Install the package, then give applications ukey-pkcs11.so instead of the vendor's module."), ""},
    {"fix.failed", error, N_("“{object}” did not work: {reason}."),
     N_("Run it as an administrator: sudo {object}"), ""},
    {"key.several", error, N_("Several keys are plugged in; say which one is meant."),
     N_("See which there are: ukeyctl key list"), ""},
    {"pcscd.absent", error, N_("The smart-card service pcscd does not listen at {object}."),
     N_("Start it (systemctl enable --now pcscd.socket), then plug the key in again."),
     N_("Keys of the kind CCID are reached through pcscd only.")},
    {"pcscd.failed", error, N_("The smart-card service pcscd answers with an error: {reason}."),
     N_("Start it again: systemctl restart pcscd.socket pcscd"), ""},
    {"pcscd.hung", error, N_("The smart-card service pcscd does not answer."),
     N_("Start it again: systemctl restart pcscd"),
     N_("The connection is accepted and nothing comes. A driver that hangs in one key stops all readers.")},
    {"pcscd.not_allowed", error, N_("The smart-card service pcscd refuses this user: {reason}."),
     N_("Ask an administrator of this computer for a polkit rule for org.debian.pcsc-lite.access_pcsc and "
        "org.debian.pcsc-lite.access_card; at the computer itself, not over ssh, none is needed."),
     N_("Debian 12's pcscd serves every local user; newer ones ask polkit.")},
    {"pcscd.refused", error, N_("The smart-card service pcscd does not let us in at {object}: {reason}."),
     N_("Start it again: systemctl restart pcscd.socket pcscd"), ""},
    {"pin.change_failed", error, N_("The PIN was not changed: the module answered {rv}."),
     N_("The old PIN is still valid. Plug the key in again and retry; then run ukeyctl diagnose."), ""},
    {"pin.change_unknown", error, N_("Whether the PIN was changed is not known: {reason}."),
     N_("Plug the key in again and try the new PIN first. Do not try more than twice."), ""},
    {"pin.incorrect", error, N_("The old PIN is wrong; the PIN was not changed."),
     N_("Stop and think: the key locks after a few wrong PINs. See ukeyctl pin status."), ""},
    {"pin.new_is_default", error, N_("The new PIN is one of the default PINs that everyone knows."),
     N_("Choose another one."), ""},
    {"pin.new_is_old", error, N_("The new PIN is the old one."), N_("Choose another one."), ""},
    {"pin.new_length", error, N_("The new PIN must have {least} to {most} characters."),
     N_("Choose another one."), ""},
    {"pin.new_mismatch", error, N_("The two entries of the new PIN differ; nothing was changed."),
     N_("Try again: ukeyctl pin change {object}"), ""},
    {"pin.new_refused", error, N_("The key does not accept that new PIN ({rv}); the PIN was not changed."),
     N_("Choose another length or other characters; most keys take 6 to 8 digits."), ""},
    {"pin.no_probe", error, N_("The program ukey-probe is not installed."), N_("Install the package again."),
     ""},
    {"pin.no_terminal", error, N_("There is no terminal to read the PIN from."),
     N_("Run it in a terminal, or hand the old and the new PIN over as two lines with --pin-fd."), ""},
    {"platform.bad_cell", error, N_("The platform's logins are not right at {object}: {reason}."),
     N_("A row has the organisation's code and a time as 2026-04-01 08:30:00, China time."), ""},
    {"platform.missing_column", error, N_("The platform's logins have no column {reason}: {object}."),
     N_("The first row names the columns: 组织代码 (or code) and 登录时间 (or time)."), ""},
    {"reader.empty", error, N_("The reader {reader} is there, and says that no card is in it."),
     N_("Pull the key out, wait a moment, plug it in again, without a hub. If it stays so, try it on another "
        "computer."),
     N_("A U-Key has reader and card in one case: its card is always in.")},
    {"reader.exclusive", error, N_("A program keeps the reader {reader} for itself."),
     N_("End programs that use the key (browser, VPN, the vendor's own), then diagnose again."), ""},
    {"reader.mute", error, N_("The card in the reader {reader} gives no answer."),
     N_("Pull the key out, wait a moment, plug it in again, without a hub. If it stays so, try it on another "
        "computer."),
     ""},
    {"reader.stale", error, N_("pcscd keeps a reader that no longer answers: {reader}."),
     N_("Start it again (systemctl restart pcscd), then plug the key in again."),
     N_("This happens after the computer slept, or after the port was reset. The key is not at fault.")},
    {"report.month_not_over", error,
     N_("The month {object} is not over yet: its report would not be the last word."),
     N_("Look at it with: ukeyctl report month {object}"), ""},
    {"self_test.failed", error, N_("The key did not sign: {function} says {rv}."),
     N_("Plug it in again, without a hub, and test it again. If it stays so, test it on another computer."),
     ""},
    {"self_test.no_key", error, N_("There is no private key on it that may sign and has a certificate."),
     N_("Have the certificate issued again; the key itself may be in order."), ""},
    {"self_test.pin_incorrect", error, N_("The PIN was wrong. That cost one try."),
     N_("Stop and think: the key locks after a few wrong PINs. See ukeyctl pin status."), ""},
    {"self_test.pin_length", error, N_("The PIN has not the length that the key wants."),
     N_("Try again with the right PIN."), ""},
    {"self_test.stopped", error, N_("The key signed {count} times, and then no more: {reason}."),
     N_("Plug it in again, without a hub, and test it again. If it stays so, test it on another computer."),
     ""},
    {"self_test.unknown", error, N_("How the test ended is not known: {reason}."),
     N_("Plug the key in again, and test it on another computer."),
     N_("The vendor's library crashed or hung in the process that tested the key.")},
    {"self_test.unsupported", warning, N_("Keys of this kind cannot be tested: {reason}."), "", ""},
    {"self_test.wrong_decryption", error, N_("The key does not read what was encrypted for its certificate."),
     N_("Plug it in again, without a hub, and test it again. If it stays so, test it on another computer."),
     ""},
    {"self_test.wrong_signature", error,
     N_("{count} of {all} signatures of the key do not fit its certificate."),
     N_("Send the key back, with its slip: ukeyctl diagnose --self-test --slip slip.html"),
     N_("Either the chip fails, or the key pair and the certificate on it do not belong together. The key "
        "made "
        "these signatures itself: no other computer can change that.")},
    {"setup.agent", info, N_("What a running ssh-agent has loaded stays as it is."),
     N_("Exchange the module in it: ssh-add -e {backend}; ssh-add -s {filter}"), ""},
    {"setup.agent_refuses", info, N_("ssh-agent loads only modules below /usr/lib and /usr/local/lib."),
     N_("Start it with: ssh-agent -P {filter}"), ""},
    {"setup.bad_record", error, N_("What was replaced before cannot be read back: {object} is damaged."),
     N_("Move that file away, and undo the change by hand."), ""},
    {"setup.browser_running", error, N_("A program uses {object} now and would undo the change."),
     N_("End the browser, then try again."), ""},
    {"setup.by_package", info, N_("The package ukey-pkcs11 has registered the filter: {object}."), "", ""},
    {"setup.changed_meanwhile", error, N_("{object} was changed by someone else just now."),
     N_("Look at it again, then try again."), ""},
    {"setup.changed_since", error, N_("{object} was changed after ukeyctl setup and is left as it is."),
     N_("Take the lines out by hand; ukeyctl setup {target} shows which they are."), ""},
    {"setup.missing", error, N_("{object} is missing."), N_("Install it: apt install {package}"), ""},
    {"setup.needs_root", error, N_("Only root may change this for everybody."),
     N_("Run it as root: sudo ukeyctl setup {target}"), ""},
    {"setup.no_backend", error, N_("{object} names no module that exists (“{path}”)."),
     N_("Name the vendor's or OpenSC's module there: module = /path/to/module.so"), ""},
    {"setup.no_database", info, N_("You have no NSS database yet."),
     N_("Start the browser once, end it, and try again."), ""},
    {"setup.no_system_database", info, N_("There is no NSS database for everybody: {object}."),
     N_("Browsers have one per person: run it as that person, without sudo."), ""},
    {"setup.not_included", warning, N_("{object} does not include {path}, which has no effect so."),
     N_("Add this line to it: Include {path}"), ""},
    {"setup.other_module", error,
     N_("{object} gives the engine pkcs11 another module, in the section {section}: {path}."),
     N_("If its logins are to be seen, set there: MODULE_PATH = {filter}"), ""},
    {"setup.provider", info, N_("The provider {object} is not changed."),
     N_("Set in the provider's section of openssl.cnf: pkcs11-module-path = {filter}"), ""},
    {"setup.sandboxed", info,
     N_("Programs in {object} run in a sandbox, where the filter's file is not seen."),
     N_("Use Debian's own package of the browser for U-Keys."), ""},
    {"setup.through_p11_kit", info, N_("{object} loads what p11-kit loads; nothing is to be changed there."),
     N_("Set up p11-kit: ukeyctl setup p11-kit"), ""},
    {"setup.tool_failed", error, N_("{tool} could not do it: {reason}"), "", ""},
    {"setup.unparsable", error, N_("OpenSSL does not understand line {line} of {object}."),
     N_("Correct that line and try again."), ""},
    {"setup.unusual", error, N_("{object} is not changed: it is {reason}."),
     N_("Change it by hand, or put a plain file in its place and try again."), ""},
    {"state.has_records", error,
     N_("The state folder {object} has {count} records that the backup does not have, the last of {time}."),
     N_("If the backup is to take their place: ukeyctl state restore --replace FILE. What is there is kept "
        "aside."),
     N_("A service that was just installed has such records too: of its first starts.")},
    {"state.needs_root", error, N_("Only root may do this with the state folder {object}."),
     N_("Run it as root: sudo ukeyctl state {verb}"), ""},
    {"state.unknown_records", error,
     N_("What is in the state folder {object} cannot be read, so the backup may not have all of it: "
        "{reason}."),
     N_("If the backup is to take its place: ukeyctl state restore --replace FILE. What is there is kept "
        "aside."),
     ""},
    {"trust_list.malformed", error, N_("The list of workstations is not right at {object}."),
     N_("Each line is a fingerprint, the word trusted or revoked, and a name; each fingerprint stands there "
        "once."),
     ""},
    {"usage.arguments", error, N_("The command line is not right: {reason}"), N_("See: {program} --help"),
     ""},
    {"usb.claimed", error, N_("{device} at USB port {port} is used by {by}, which keeps pcscd from it."),
     N_("Give it back: in a virtual machine's window detach the USB device; else unload that driver. Then "
        "plug "
        "the key in again."),
     ""},
    {"usb.no_controller", error, N_("This computer has no USB port that works: no USB controller is seen."),
     N_("Switch USB on in the computer's firmware (BIOS), or ask who administers the computer."), ""},
    {"usb.no_device", error, N_("No U-Key is seen on the USB bus."),
     N_("Try another port, without a hub; then the key in another computer."),
     N_("Only a key that two computers do not see may be broken.")},
    {"usb.no_driver", warning,
     N_("The device {device} shows only storage or other interfaces ({interfaces})."),
     N_("It needs its vendor's middleware: {middleware}."), ""},
    {"usb.no_node", error, N_("The device node {object} is missing."),
     N_("Check udev: systemctl status systemd-udevd; then plug the key in again."), ""},
    {"usb.no_power", error, N_("The hub at USB port {port} has not the power that the key needs."),
     N_("Plug the key into the computer itself, without a hub."), ""},
    {"usb.node_denied", error, N_("The device node {object} may not be used by you."),
     N_("Install the vendor's middleware, which brings udev rules; then plug the key in again."),
     N_("The library that speaks to this key runs in your own programs and opens the device itself.")},
    {"usb.node_world_writable", warning,
     N_("Every user of this computer may write to the key's device node "
        "{object}."),
     N_("A vendor's udev rule does this (MODE=\"0666\" in /etc/udev/rules.d or /usr/lib/udev/rules.d). It "
        "does "
        "no harm to the key; TAG+=\"uaccess\" in its place lets only the person at the computer."),
     ""},
    {"usb.not_authorized", error, N_("The device at USB port {port} is not let in."),
     N_("A rule of this computer keeps USB devices out (USBGuard, authorized_default). Ask its administrator "
        "to "
        "let the key in, for example: usbguard list-devices; usbguard allow-device NUMBER"),
     ""},
    {"usb.other_device", error, N_("{device} at USB port {port} is no U-Key of the platform."),
     N_("Plug in the U-Key, and diagnose again."), ""},
    {"usb.over_current", error, N_("USB port {port} was switched off: too much current flowed."),
     N_("Unplug everything from that port and its hub, start the computer again, and try the key at another "
        "port."),
     ""},
    {"usb.port_errors", error,
     N_("Something at USB port {port} does not answer as a USB device: {count} errors, the last one "
        "“{reason}”."),
     N_("Plug the key into another port of the computer itself, without a hub or cable. If it stays so, try "
        "it on "
        "another computer."),
     ""},
    {"usb.unknown_device", error,
     N_("The device at USB port {port} is not known as a U-Key: {device} ({interfaces})."),
     N_("If it is one, ask its vendor for the middleware for Linux, and tell us what it is: lsusb -v"), ""},
    {"usb.unsteady", error, N_("The device at USB port {port} came and went {count} times within a minute."),
     N_("Plug the key into another port of the computer itself, without a hub or cable. If it stays so, try "
        "it on "
        "another computer."),
     ""},

});

template <typename Table>
const MessageEntry* find_in(const Table& entries, std::string_view code) {
    const auto found = std::ranges::lower_bound(entries, code, {}, &MessageEntry::code);
    return found != entries.end() && found->code == code ? &*found : nullptr;
}

} // namespace

std::span<const MessageEntry> local_messages() {
    return table;
}

const MessageEntry* find_message(std::string_view code) {
    const MessageEntry* local = find_in(table, code);
    return local != nullptr ? local : find_in(message_table(), code);
}

boost::json::object finding_json(const Finding& finding) {
    const MessageEntry* entry = find_in(table, finding.code);
    boost::json::object json = to_json(finding);
    if (entry != nullptr) {
        Places places = finding.arguments;
        places.emplace("subject", finding.subject);
        json["severity"] = to_string(entry->severity);
        json["message"] = fill_places(entry->message, places);
        json["remedy"] = fill_places(entry->remedy, places);
    }
    return json;
}

} // namespace ukey::ctl
