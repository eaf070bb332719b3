# SPDX-License-Identifier: Apache-2.0
"""The main job in the installed system: plug in, log in through p11-kit and the filter, be recorded and counted."""

import json
import time

from expect import expect, expect_equal, expect_in
from opensc import Application, sign
from service import BRANCH, BRANCH_CODE, FILTER, P11_KIT_PROXY, STRANGER, TWIN, TWIN_CODE, UNITS, Service

SEAT_UID = 1000
SLOW_ANSWER_MS = 3000  # the signature is under way when the key is pulled


def scenario_plug_login_count(guest):
    """A key is plugged in, judged and bound; the seat's user logs in through p11-kit; it is recorded and counted."""
    service = Service(guest).prepare()
    card = guest.make_card("login", BRANCH)
    watch = service.watch()
    begin = time.monotonic()
    key = service.plug(card, watch)
    guest.record("plug: until ukeyd's verdict", f"{time.monotonic() - begin:.1f} s")
    seen = json.loads(watch.wait('"type":"usb.added"', "ukeyd has seen the device"))["device"]
    expect_equal((seen["vendor_id"], seen["product_id"]), ("08e6", "4433"), "the device that ukeyd saw")
    service.ask("key", "bind", key["key"], BRANCH_CODE)
    expect_equal(service.keys()[0]["admission"]["verdict"], "allow", "the verdict of the bound key")

    modules = guest.run(["p11-kit", "list-modules"], user="seat").stdout
    expect_in("ukey-pkcs11.so", modules, "the modules of p11-kit")
    expect("opensc-pkcs11.so" not in modules, f"p11-kit loads OpenSC beside the filter:\n{modules}")
    expect_in("64\n", sign(guest, BRANCH, module=P11_KIT_PROXY).stdout, "the length of the signature")
    session, = service.sessions()
    expect_equal((session["uid"], session["uses"], session["key"], session["grade"]),
                 (SEAT_UID, 1, key["key"], "observed"), "the recorded session")
    month = session["started_at"][:7]
    rows = service.ask("report", "month", month)["rows"]
    met = [row["organisation"]["code"] for row in rows if row["status"] == "met"]
    expect_equal(met, [BRANCH_CODE], "who met the criterion")
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
    """Pulled out while it signs: the session ends as key_removed; plugged in again it is the same key."""
    service = Service(guest).prepare()
    card = guest.make_card("pulled-login", TWIN)
    watch = service.watch()
    key = service.plug(card, watch)
    application = Application(guest, module=FILTER)
    application.login()
    card.fault("slow", delay_ms=SLOW_ANSWER_MS)
    application.begin("sign")
    begin = time.monotonic()
    mark = watch.mark()
    service.unplug(card, watch)
    watch.wait('"type":"session.ended"', "the session's end", mark)
    guest.record("unplug during C_Sign: until the session has ended", f"{time.monotonic() - begin:.1f} s")
    expect_equal(service.sessions()[-1]["end_reason"], "key_removed", "the session's end")
    application.kill()
    card.fault("none")
    expect_equal(service.plug(card, watch)["key"], key["key"], "the key that came back")
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
    expect("SIGSYS" not in guest.run(["journalctl", "--boot", "--no-pager", *units]).stdout, "a system call was denied")
