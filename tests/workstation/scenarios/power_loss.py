# SPDX-License-Identifier: Apache-2.0
"""The power fails while people log in, again and again."""

import json
import time

from expect import expect, expect_equal, expect_in, wait_until
from opensc import Application, sign
from service import BRANCH, FILTER, Service

OWN_MACHINE = True
CUTS = 10
LOGINS_BEFORE_CUT = 3
ASLEEP_S = 4  # the kernel reads from the RTC how long it slept, in whole seconds


def scenario_ten_power_cuts(guest):
    """Ten power cuts during logins: the ledger is whole, no acknowledged login is lost, open ones end as unclean."""
    card = guest.make_card("cut", BRANCH)
    guest.boot([card])
    guest.install(guest.packages)
    service = Service(guest).prepare()
    guest.run("sync")  # what was set up long before the power fails
    acknowledged = 0
    for cut in range(CUTS):
        service.await_keys(1)
        application = Application(guest, module=FILTER)
        for number in range(LOGINS_BEFORE_CUT):
            application.login()
            acknowledged += 1
            if number < LOGINS_BEFORE_CUT - 1:
                expect_equal(application.call("logout"), "CKR_OK", "C_Logout")
        guest.power_cut()
        guest.boot([card])
        service.await_answer()
        service.verify()
        sessions = service.sessions()
        expect_equal(len(sessions), acknowledged, f"sessions after cut {cut + 1}")
        expect_equal(sessions[-1]["end_reason"], "unclean", "the end of the session that was open")
        expect_equal(service.sessions("--open"), [], "open sessions")
    expect(len(service.records("daemon.unclean")) == CUTS, json.dumps(service.records("daemon.unclean")))


def scenario_sleep(guest):
    """The computer sleeps during a login: a record of it, the key is there again, and the next login works."""
    card = guest.make_card("asleep", BRANCH)
    guest.boot([card], can_sleep=True)
    guest.await_idle_boot()
    guest.install(guest.packages)
    service = Service(guest).prepare()
    service.await_keys(1)
    application = Application(guest, module=FILTER)
    application.login()
    guest.suspend()
    time.sleep(ASLEEP_S)
    guest.resume()
    slept = wait_until(lambda: service.records("computer.resumed"), "the sleep is recorded")[-1]["slept_us"]
    expect(slept > 0, f"the computer slept for {slept} µs")
    service.await_keys(1)
    application.stop()
    expect_equal(service.sessions("--open"), [], "open sessions once the application has ended")
    guest.record("a login over a sleep ends as", service.sessions()[-1]["end_reason"])
    expect_in("64\n", sign(guest, BRANCH, module=FILTER).stdout, "the length of the signature")
    service.verify()
