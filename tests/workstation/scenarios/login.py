# SPDX-License-Identifier: Apache-2.0
"""The main job in the installed system: plug in, log in through p11-kit and the filter, be recorded and counted."""

import json
import time

from expect import expect, expect_equal, expect_in, wait_until
from opensc import Application, await_tokens, sign
from service import BRANCH, BRANCH_CODE, FILTER, P11_KIT_PROXY, STRANGER, TWIN, TWIN_CODE, UNITS, Service

SEAT_UID = 1000
CHINA_AHEAD_S = 8 * 3600  # a month is one of China time
SLOW_ANSWER_MS = 3000  # the signature is under way when the key is pulled


def see_the_reader(guest):
    """Each layer below ukeyd sees the key that is in, and the seat's user may open it, nobody else."""
    expect_in("08e6:4433", guest.run("lsusb").stdout, "lsusb")
    expect_equal(guest.run("systemctl is-active pcscd.service").stdout, "active\n", "pcscd, started by its socket")
    await_tokens(guest, BRANCH)
    node = guest.run("udevadm trigger --dry-run --verbose --subsystem-match=usb --attr-match=idVendor=08e6"
                     " | xargs udevadm info --query=property --property=DEVNAME --value").stdout.strip()
    granted = guest.run(["getfacl", "--absolute-names", "--omit-header", node]).stdout.split()
    expect_equal([entry for entry in granted if entry.startswith(("user:", "other:"))],
                 ["user::rw-", "user:seat:rw-", "other::r--"], "the reader's ACL")


def scenario_plug_login_count(guest):
    """A key is plugged in, judged and bound; the seat's user logs in through p11-kit; it is recorded and counted."""
    service = Service(guest).prepare()
    card = guest.make_card("login", BRANCH)
    watch = service.watch()
    udev = guest.follow("stdbuf -oL udevadm monitor --udev --property --subsystem-match=usb/usb_device")
    udev.wait("UDEV -", "udev is being watched")
    begin = time.monotonic()
    key = service.plug(card, watch)
    guest.record("plug: until ukeyd's verdict", f"{time.monotonic() - begin:.1f} s")
    udev.wait("ID_USB_INTERFACES=:0b0000:", "udev has processed a smart-card reader")
    see_the_reader(guest)
    seen = json.loads(watch.wait('"type":"usb.added"', "ukeyd has seen the device"))["device"]
    expect_equal((seen["vendor_id"], seen["product_id"]), ("08e6", "4433"), "the device that ukeyd saw")
    service.ask("key", "bind", key["key"], BRANCH_CODE)
    expect_equal(service.keys()[0]["admission"]["verdict"], "allow", "the verdict of the bound key")

    modules = guest.run(["p11-kit", "list-modules"], user="seat").stdout
    expect_in("ukey-pkcs11.so", modules, "the modules of p11-kit")
    expect("opensc-pkcs11.so" not in modules, f"p11-kit loads OpenSC beside the filter:\n{modules}")
    month = time.strftime("%Y-%m", time.gmtime(time.time() + CHINA_AHEAD_S))
    met_before = service.met(month)
    expect(BRANCH_CODE not in met_before, "the organisation met the criterion before")
    expect_in("64\n", sign(guest, BRANCH, module=P11_KIT_PROXY).stdout, "the length of the signature")
    session, = service.sessions("--key", key["key"])
    expect_equal((session["uid"], session["uses"], session["key"], session["grade"]),
                 (SEAT_UID, 1, key["key"], "observed"), "the recorded session")
    expect_equal([card.status()[name] for name in ("verify_count", "verify_failed", "sign_count")], [1, 0, 1],
                 "the card's counters")
    expect_equal(service.met(month), met_before | {BRANCH_CODE}, "who met the criterion")
    expect_in("pin.default", json.dumps(service.keys()[0]["findings"]), "the key's findings")
    service.verify()
    service.unplug(card, watch)


def scenario_refused_in_enforce(guest):
    """In mode enforce a key that names another organisation is refused; in observe it is let through and recorded."""
    service = Service(guest).prepare()
    card = guest.make_card("stranger", STRANGER)
    watch = service.watch()
    key = service.plug(card, watch)
    refused = service.ask("key", "bind", key["key"], TWIN_CODE, check=False)
    expect_equal(refused["error"]["code"], "binding.other_organisation", "the refused binding")
    service.configure("enforce")
    done = sign(guest, STRANGER, module=FILTER, check=False)
    expect_in("0x200", done.stderr, "what the application is told (CKR_FUNCTION_REJECTED)")
    attempt = service.records("login.refused")[-1]
    expect_equal((attempt["key"], attempt["uid"]), (key["key"], SEAT_UID), "the recorded refusal")
    expect_equal(card.status()["verify_count"], 0, "PIN tries of a refused login")
    service.configure("observe")
    expect(sign(guest, STRANGER, module=FILTER, check=False).returncode == 0, "observe refused a login")
    expect_equal(service.sessions()[-1]["verdict"], "deny", "what the policy says of the login that was let through")
    service.unplug(card, watch)


def scenario_wrong_configuration(guest):
    """systemctl reload with a wrong configuration fails and says where; the service goes on as it was."""
    service = Service(guest).prepare()
    before = service.main_pid()
    text = guest.read("/etc/ukeyd/ukeyd.toml").decode()
    guest.write("/etc/ukeyd/ukeyd.toml", 'colour = "red"\n' + text)
    journal = guest.follow_journal("--unit=ukeyd.service")
    done = guest.run("systemctl reload ukeyd.service", check=False)
    expect(done.returncode != 0, "systemctl reload took a wrong configuration")
    journal.wait("ukeyd.toml:1", "the journal names the place")
    guest.write("/etc/ukeyd/ukeyd.toml", text)
    guest.run("systemctl reload ukeyd.service")
    expect_equal(service.main_pid(), before, "ukeyd's process")


def scenario_pulled_in_signature(guest):
    """Pulled out while it signs: the session ends as key_removed; plugged in again it is the same key.

    The application itself may be stuck: OpenSC 0.23 transmits to the reader that is gone over and over when pcscd
    says SCARD_E_READER_UNAVAILABLE, so that its C_Sign never returns. Nobody else is held up by that.
    """
    service = Service(guest).prepare()
    card = guest.make_card("pulled-login", TWIN)
    watch = service.watch()
    key = service.plug(card, watch)
    application = Application(guest, module=FILTER)
    application.login()
    card.fault("slow", delay_ms=SLOW_ANSWER_MS)
    before = card.status()["apdu_count"]
    call = application.begin("sign")
    wait_until(lambda: card.status()["apdu_count"] > before, "the card is asked", pause_s=0.02)
    begin = time.monotonic()
    mark = watch.mark()
    service.unplug(card, watch)
    watch.wait('"type":"session.ended"', "the session's end", mark)
    guest.record("unplug during C_Sign: until the session has ended", f"{time.monotonic() - begin:.1f} s")
    expect_equal(service.sessions()[-1]["end_reason"], "key_removed", "the session's end")
    card.fault("none")
    expect_equal(service.plug(card, watch)["key"], key["key"], "the key that came back")
    expect_in("64\n", sign(guest, TWIN, module=FILTER).stdout, "the length of another application's signature")
    # The mark is of the call, so an answer that came while we looked is seen too.
    answers = [line for line in application.stream.lines[call:] if line.startswith("CKR_")]
    expect(not any(line.startswith("CKR_OK") for line in answers), "C_Sign by a key that is gone succeeded")
    guest.record("unplug during C_Sign: what it returned", answers[0].split()[0] if answers else "nothing")
    application.kill()
    service.unplug(card, watch)


def scenario_two_keys_at_once(guest):
    """Two keys in: each has its own verdict and its own sessions."""
    service = Service(guest).prepare()
    first, second = guest.make_card("one", BRANCH), guest.make_card("two", TWIN, "--algorithm", "rsa2048")
    watch = service.watch()
    keys = [service.plug(first, watch)["key"], service.plug(second, watch)["key"]]
    service.ask("key", "bind", keys[0], BRANCH_CODE)
    service.ask("key", "bind", keys[1], TWIN_CODE)
    sign(guest, TWIN, module=FILTER, algorithm="rsa2048")
    expect_equal(service.sessions()[-1]["key"], keys[1], "the key of the login")
    service.unplug(first, watch)
    expect_equal([key["key"] for key in service.keys()], [keys[1]], "the key that stays")
    service.unplug(second, watch)


def scenario_quiet_journal(guest):
    """After all this: no error of ours in the journal, and no system call denied (which would have ended a process)."""
    Service(guest).prepare()
    units = [f"--unit={unit}" for unit in UNITS]
    errors = guest.run(["journalctl", "--boot", "--priority=err", "--no-pager", "--quiet", *units]).stdout
    # The scenario of the wrong configuration makes two, on purpose.
    lines = [line for line in errors.splitlines() if "ukeyd.toml:1" not in line and "Reload failed" not in line]
    expect_equal(lines, [], "errors in the journal")
    expect("status=31/SYS" not in guest.run(["journalctl", "--boot", "--no-pager", *units]).stdout, "a system call was denied")
