# SPDX-License-Identifier: Apache-2.0
"""The power fails while people log in, again and again."""

import json

from expect import expect, expect_equal
from opensc import Application
from service import BRANCH, FILTER, Service

OWN_MACHINE = True
CUTS = 10
LOGINS_BEFORE_CUT = 3


def scenario_ten_power_cuts(guest):
    """Ten power cuts during logins: the ledger is whole, no acknowledged login is lost, open ones end as unclean."""
    card = guest.make_card("cut", BRANCH)
    guest.boot([card])
    guest.install(guest.packages)
    service = Service(guest).prepare()
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
