# SPDX-License-Identifier: Apache-2.0
"""The power fails while people log in, again and again."""

from expect import expect, expect_equal
from opensc import Application
from service import BRANCH, FILTER, Service

CUTS = 10
LOGINS_BEFORE_CUT = 3


def scenario_ten_power_cuts(guest):
    """Ten power cuts during logins: the ledger is whole, no acknowledged login is lost, open ones end as unclean."""
    service = Service(guest).prepare()
    card = guest.make_card("cut", BRANCH)
    key = service.plug(card, service.watch())["key"]
    unclean = len(service.records("daemon.unclean"))
    guest.run("sync")  # what was set up long before the power fails
    acknowledged = 0
    for cut in range(CUTS):
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
        sessions = service.sessions("--key", key)
        expect_equal(len(sessions), acknowledged, f"sessions after cut {cut + 1}")
        expect_equal(sessions[-1]["end_reason"], "unclean", "the end of the session that was open")
        expect(all(session["ended_at"] for session in sessions), f"open sessions after cut {cut + 1}")
        service.await_keys(1)
    expect_equal(len(service.records("daemon.unclean")) - unclean, CUTS, "unclean ends of the service")
