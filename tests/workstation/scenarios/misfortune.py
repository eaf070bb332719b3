# SPDX-License-Identifier: Apache-2.0
"""Processes that are killed or hang, a full disk and a wrong clock: the installed service comes back by itself."""

import json
import time

from expect import expect, expect_equal, wait_until
from opensc import Application, sign
from service import BRANCH, FILTER, Service

RESTARTS = 50
YEAR_S = 365 * 24 * 3600


def begin(guest, name):
    """The service, and a key of this scenario that is in."""
    service = Service(guest).prepare()
    card = guest.make_card(name, BRANCH)
    watch = service.watch()
    key = service.plug(card, watch)
    return service, card, key


def kill(guest, unit):
    guest.run(["systemctl", "kill", "--signal=KILL", unit])


def scenario_ukeyd_killed(guest):
    """kill -9 of ukeyd during a login: systemd starts it again, the login goes on, the ledger is whole."""
    service, _, key = begin(guest, "killed")
    application = Application(guest, module=FILTER)
    application.login()
    before = service.main_pid()
    kill(guest, "ukeyd.service")
    wait_until(lambda: service.main_pid() not in (0, before), "systemd starts ukeyd again")
    service.await_answer()
    expect_equal(service.sessions("--key", key["key"])[-1]["end_reason"], "unclean", "the session after the kill")
    service.await_keys(1)
    expect_equal(application.call("sign"), "CKR_OK", "C_Sign after the kill")
    expect_equal(application.call("logout"), "CKR_OK", "C_Logout after the kill")
    session = service.sessions("--key", key["key"])[-1]
    expect_equal((session["end_reason"], session["uses"]), ("logout", 1), "the session that went on")
    service.verify()
    application.stop()


def scenario_worker_killed(guest):
    """kill -9 of ukey-probe: a new worker, no finding that stays, and the key was never away."""
    service, _, _ = begin(guest, "worker-killed")
    inserted = len(service.records("key.inserted"))
    kill(guest, "ukey-probe@opensc.service")
    module = wait_until(lambda: next((m for m in service.ask("status")["modules"]
                                      if m["state"] == "running" and m["restarts"] > 0), None), "a new worker runs")
    expect_equal(module["findings"], [], "the module's findings")
    expect_equal(len(service.keys()), 1, "keys that are in")
    expect_equal(len(service.records("key.inserted")), inserted, "insertions")


def scenario_pcscd_killed(guest):
    """kill -9 of pcscd: its socket starts it again, and the key is found again."""
    service, _, key = begin(guest, "pcscd-killed")
    kill(guest, "pcscd.service")
    wait_until(lambda: [k["key"] for k in service.keys()] == [key["key"]]
               and sign(guest, BRANCH, module=FILTER, check=False).returncode == 0, "the key is found again")


def scenario_restarts(guest):
    """Fifty restarts in a row: each one clean, the key found each time."""
    service, _, _ = begin(guest, "restarted")
    before = [len(service.records(kind)) for kind in ("daemon.started", "daemon.unclean")]
    begun = time.monotonic()
    guest.run(f"for i in $(seq {RESTARTS}); do systemctl restart ukeyd.service || exit 1; done", deadline_s=600)
    guest.record("a restart of ukeyd", f"{(time.monotonic() - begun) / RESTARTS:.2f} s")
    service.await_answer()
    service.await_keys(1)
    expect_equal([len(service.records("daemon.started")), len(service.records("daemon.unclean"))],
                 [before[0] + RESTARTS, before[1]], "recorded starts and unclean stops")
    service.verify()


def scenario_watchdog(guest):
    """A ukeyd that stands still is ended by systemd's watchdog and started again."""
    service = Service(guest).prepare()
    drop_in = "/run/systemd/system/ukeyd.service.d/watchdog.conf"
    guest.run(["mkdir", "-p", drop_in.rsplit("/", 1)[0]])
    guest.write(drop_in, "[Service]\nWatchdogSec=4s\n")  # the unit's own would take minutes
    guest.run("systemctl daemon-reload && systemctl restart ukeyd.service")
    journal = guest.follow_journal("--unit=ukeyd.service")
    before = service.main_pid()
    guest.run(["kill", "-STOP", str(before)])
    journal.wait("Watchdog timeout", "the watchdog bites")
    wait_until(lambda: service.main_pid() not in (0, before), "systemd starts ukeyd again")
    guest.run(f"rm {drop_in} && systemctl daemon-reload && systemctl restart ukeyd.service")
    service.await_answer()
    service.verify()


def scenario_disk_full(guest):
    """A full disk in the state directory: logins go on, the service says so, and they are recorded afterwards."""
    service, _, key = begin(guest, "disk-full")
    application = Application(guest, module=FILTER)
    known = len(service.sessions("--key", key["key"]))
    with guest.full_disk("/var/lib/ukeyd"):
        application.login()
        expect_equal(application.call("sign"), "CKR_OK", "C_Sign on a full disk")
        application.call("logout")
        expect("ledger.write_failed" in json.dumps(service.ask("status")["findings"]), "the full disk is no finding")
    application.login()
    application.call("logout")
    sessions = service.sessions("--key", key["key"])[known:]
    expect_equal([(session["grade"], session["uses"]) for session in sessions], [("late", 1), ("observed", 0)],
                 "the logins of the full disk and after it")
    service.verify()
    application.stop()


def scenario_clock_stepped(guest):
    """The clock is set forward by a year and back: both are records."""
    service, _, _ = begin(guest, "clock")
    watch = service.watch()
    guest.step_clock("+1 year")
    wait_until(lambda: service.records("clock.stepped"), "the step is recorded")
    forward = service.records("clock.stepped")[-1]["stepped_us"]
    expect(abs(forward / 1_000_000 - YEAR_S) < 3 * 24 * 3600, f"a year forward is {forward} µs")
    guest.step_clock("-1 year")
    wait_until(lambda: service.records("clock.stepped")[-1]["stepped_us"] < 0, "the step back is recorded")
    service.verify()
    watch.stop()
