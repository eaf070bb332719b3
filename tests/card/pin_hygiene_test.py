# SPDX-License-Identifier: Apache-2.0
"""PINs that may not be set, a last try that waits for a person, and PINs that were used past the service."""

import contextlib
import json
import sqlite3
import unittest

from login_channel import LoginChannel, ask
from workstation import OPENSC, Workstation, program, require, wait_until

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
TRIES = 3


def setUpModule():
    require("pcscd", "pkcs11-tool", OPENSC)


class PinHygiene(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.start_pcscd()
        self.card = self.ws.make_key("a", BRANCH, "--retries", str(TRIES), inserted=True)
        self.ws.configure()
        self.ws.start_ukeyd()
        self.ws.await_keys(1)
        self.key = self.ws.present_keys()[0]["key"]

    def application(self, conf="", **environment):
        self.ws.environment.update(UKEY_PKCS11_CONF=self.ws.write("pkcs11.conf", conf), **environment)
        return self.enterContext(self.ws.application())

    def enter_wrong_pin(self, module, times=1):
        for _ in range(times):
            self.ws.pkcs11_tool("--login", "--pin", "999999", "-T", module=module, check=False)

    def last_record(self):
        return self.ws.ask("audit", "export", "--format", "json")["records"][-1]

    def gaps(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.ws.path('state/ukeyd.db')}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT CAST(payload AS TEXT) FROM ledger WHERE kind = 'coverage.gap'").fetchall()
        return [json.loads(row[0]) for row in rows]

    def test_last_try_waits_for_a_person_where_it_is_guarded(self):
        self.enter_wrong_pin(program("ukey-pkcs11.so"), TRIES - 1)
        before = self.card.verify_count()
        guarded = self.application(f"guard_last_try = /usr/bin/other {program('application')}\n")
        self.assertEqual(guarded.call("login\n123456")[0], "CKR_FUNCTION_REJECTED")
        self.assertEqual(self.card.verify_count(), before, "no try was spent")
        # The application is answered first and the refusal recorded then.
        wait_until(lambda: self.last_record()["kind"] == "login.refused", "the record of the refusal")
        self.assertIn("pin.final_try", self.last_record()["payload"])

        text = self.ws.ukeyctl("pin", "allow-last-try", self.key).stdout
        self.assertIn("A wrong PIN locks the key", text)
        self.assertEqual(guarded.call("login\n123456")[0], "CKR_OK")
        self.assertEqual(self.card.verify_count(), before + 1)

    def test_allowed_once_and_only_for_oneself(self):
        self.enter_wrong_pin(program("ukey-pkcs11.so"), TRIES - 1)
        before = self.card.verify_count()
        guarded = self.application("guard_last_try = all\n")
        with LoginChannel(self.ws.path("run/login.sock")) as channel:
            key = self.ws.key(self.key)
            question = {**ask(key), "guarded_last_try": True}
            self.assertEqual(channel.call(question)["verdict"], "deny")
            self.ws.ask("pin", "allow-last-try", self.key)
            self.assertNotEqual(channel.call(question)["verdict"], "deny")
            self.assertEqual(channel.call(question)["verdict"], "deny", "allowed once")
            self.ws.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                        *self.ws.ukeyctl_command("pin", "allow-last-try", self.key))
            self.assertEqual(channel.call(question)["verdict"], "deny", "another user's permission")
        self.ws.stop_ukeyd()
        self.assertEqual(guarded.call("login\n123456")[0], "CKR_FUNCTION_REJECTED", "nobody to ask")
        self.assertEqual(self.card.verify_count(), before)

    def test_unguarded_programs_are_left_alone(self):
        self.enter_wrong_pin(program("ukey-pkcs11.so"), TRIES - 1)
        self.assertEqual(self.application("guard_last_try = /usr/bin/other\n").call("login\n123456")[0], "CKR_OK")

    def test_pin_that_was_tried_past_the_filter_is_a_gap(self):
        self.enter_wrong_pin(OPENSC, TRIES - 1)  # OpenSC tells of a PIV card's last try only
        self.application().login("123456")
        self.assertEqual(self.gaps(), [{"reason": "pin_state", "key": self.key, "before": [],
                                        "now": ["user_pin_final_try"]}])

    def test_pin_that_was_tried_through_the_filter_is_none(self):
        self.enter_wrong_pin(program("ukey-pkcs11.so"), TRIES - 1)
        self.application().login("123456")
        self.application().login("123456")
        self.assertEqual(self.gaps(), [])

    def test_login_past_the_filter_after_a_wrong_pin_is_a_gap(self):
        self.enter_wrong_pin(program("ukey-pkcs11.so"), TRIES - 1)
        guarded = self.application("guard_last_try = all\n")
        self.assertEqual(guarded.call("login\n123456")[0], "CKR_FUNCTION_REJECTED")
        self.ws.pkcs11_tool("--login", "--pin", "123456", "-O", module=OPENSC)
        self.application().login("123456")
        self.assertEqual(self.gaps(), [{"reason": "pin_state", "key": self.key, "before": ["user_pin_final_try"],
                                        "now": []}])

    def test_filter_of_another_version_is_a_gap_told_once(self):
        key = self.ws.key(self.key)
        for version in ({}, {}, {"filter": {"version": "0.0.9", "backend": OPENSC}}):
            with LoginChannel(self.ws.path("run/login.sock")) as channel:
                channel.call({**ask(key), **version})
                channel.call({**ask(key), **version})
        self.assertEqual([(gap["reason"], gap["filter"]) for gap in self.gaps()],
                         [("filter_version", ""), ("filter_version", "0.0.9")])


if __name__ == "__main__":
    unittest.main()
