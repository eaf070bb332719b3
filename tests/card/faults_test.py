# SPDX-License-Identifier: Apache-2.0
"""Whatever dies or hangs: the service stays or comes back, nothing acknowledged is lost, no session stays open."""

import os
import random
import signal
import time
import unittest

from workstation import OPENSC, Workstation, program, require, wait_until

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
QUICK_WORKER = "worker.deadline_ms = 1500\nworker.backoff_first_ms = 20\nworker.backoff_max_ms = 200\n"


def setUpModule():
    require("pcscd", "pkcs11-tool", OPENSC)


def module(workstation, name="opensc"):
    return next(m for m in workstation.ask("status")["modules"] if m["name"] == name)


class Kills(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.start_pcscd()
        self.card = self.ws.make_key("a", BRANCH, inserted=True)
        self.ws.configure(extra=QUICK_WORKER)
        self.ws.start_ukeyd()
        self.key, = self.ws.await_keys(1)

    def test_ukeyd_killed_between_login_and_logout(self):
        with self.ws.application() as application:
            application.login("123456")
            open_session, = self.ws.sessions("--open")
            self.ws.kill_ukeyd()
            self.ws.start_ukeyd()
            self.ws.await_keys(1)
            before, = self.ws.sessions()
            self.assertEqual((before["login"], before["end_reason"]), (open_session["login"], "unclean"))
            self.assertEqual(before["uses"], 0)
            self.ws.verify_ledger()
            application.sign()
            application.expect("logout")
        self.assertEqual(self.ws.sessions("--open"), [])
        after, = self.ws.sessions()  # the login is recorded once
        self.assertEqual((after["end_reason"], after["uses"]), ("logout", 1), "it went on, and counts")
        self.assertEqual(after["grade"], "observed")
        self.ws.verify_ledger()

    def test_acknowledged_logins_survive_kills_at_random_moments(self):
        seed = int(os.environ.get("UKEY_TEST_SEED", random.randrange(1 << 30)))
        print(f"seed {seed} (UKEY_TEST_SEED)")
        chance = random.Random(seed)
        for _ in range(6):
            with self.ws.application() as application:
                application.login("123456")
                if chance.random() < 0.5:
                    application.sign()
                acknowledged = {session["login"] for session in self.ws.sessions()}
                if chance.random() < 0.7:
                    self.ws.kill_ukeyd()
                    self.ws.start_ukeyd()
                    self.ws.await_keys(1)
                self.assertLessEqual(acknowledged, {session["login"] for session in self.ws.sessions()})
        wait_until(lambda: self.ws.sessions("--open") == [], "no session stays open")
        self.ws.verify_ledger()

    def test_the_application_just_ends(self):
        watch = self.ws.watch()
        with self.ws.application() as application:
            application.login("123456")
            for _ in range(3):
                application.sign()
        ended = watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")["session"]
        self.assertEqual((ended["end_reason"], ended["uses"]), ("process_exit", 3))
        recorded, = self.ws.sessions()
        self.assertEqual(recorded["uses"], 3)
        self.ws.verify_ledger()

    def test_ukeyd_killed_and_the_application_just_ends(self):
        with self.ws.application() as application:
            application.login("123456")
            self.ws.kill_ukeyd()
            self.ws.start_ukeyd()
            self.ws.await_keys(1)
            watch = self.ws.watch()
            application.sign()
            application.sign()
        watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")
        session, = self.ws.sessions()
        self.assertEqual((session["end_reason"], session["uses"]), ("process_exit", 2))
        self.ws.verify_ledger()

    def test_the_application_killed(self):
        watch = self.ws.watch()
        with self.ws.application() as application:
            application.login("123456")
            application.kill()
            ended = watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")["session"]
        self.assertEqual(ended["end_reason"], "process_exit")

    def test_the_application_killed_while_a_child_keeps_its_socket(self):
        watch = self.ws.watch()
        with self.ws.application() as application:
            application.login("123456")
            application.expect("fork")
            application.kill()
            ended = watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")["session"]
        self.assertEqual(ended["end_reason"], "process_exit")

    def test_the_worker_killed(self):
        watch = self.ws.watch()
        pid = module(self.ws)["pid"]
        os.kill(pid, signal.SIGKILL)
        watch.wait(lambda e: e["type"] == "module.state" and any(
            f["code"] == "module.crashed" for f in e["module"]["findings"]), "the crash is a finding")
        watch.wait(lambda e: e["type"] == "module.state" and e["module"]["state"] == "running", "it runs again")
        self.assertEqual(module(self.ws)["findings"], [])
        self.assertEqual([k["key"] for k in self.ws.await_keys(1)], [self.key["key"]])
        self.card.remove()
        watch.wait(lambda e: e["type"] == "key.removed", "the removal is still noticed")

    def test_pcscd_killed_and_started_again(self):
        self._check_return_of_pcscd(away_s=0)

    def test_pcscd_that_comes_after_ukeyd_with_its_folder(self):
        """As on a computer that gets pcscd later: the socket's folder cannot be watched before it is there."""
        with Workstation() as ws:
            ws.environment["PCSCLITE_CSOCK_NAME"] = ws.path("later/pcscd.comm")
            card = ws.make_key("later", BRANCH)
            ws.configure()
            ws.start_ukeyd()
            wait_until(lambda: module(ws)["state"] == "running", "the module runs, without pcscd")
            ws.start_pcscd()
            card.insert()
            os.mkdir(ws.path("later"))
            os.rename(ws.path("pcscd.comm"), ws.path("later/pcscd.comm"))
            ws.await_keys(1)

    def test_a_login_goes_on_whatever_happens_to_the_socket(self):
        """Only a module that lost pcscd is loaded anew."""
        before = module(self.ws)["restarts"]
        with self.ws.application() as application:
            application.login("123456")
            os.chmod(self.ws.path("pcscd.comm"), 0o660)
            os.chmod(self.ws.path("pcscd.comm"), 0o666)
            time.sleep(1.5)  # longer than the service waits after an event, for which nothing tells that it did nothing
            self.assertEqual(module(self.ws)["restarts"], before)
            self.assertEqual(len(self.ws.sessions("--open")), 1)

    def test_pcscd_away_for_long(self):
        """Longer than the module's wait was tried again at short intervals, and found no pcscd."""
        self._check_return_of_pcscd(away_s=3.5)

    def _check_return_of_pcscd(self, away_s):
        self.ws.pcscd.kill()
        self.ws.pcscd.wait()
        wait_until(lambda: self.ws.present_keys() == [] or module(self.ws)["state"] != "running" or
                   module(self.ws)["findings"], "the loss is noticed")
        time.sleep(away_s)  # what is tested: so long there is no pcscd
        restarts = module(self.ws)["restarts"]
        self.ws.start_pcscd()
        wait_until(lambda: module(self.ws)["restarts"] > restarts, "the module is loaded anew")
        self.assertEqual(module(self.ws)["findings"], [])
        watch = self.ws.watch()
        wait_until(lambda: module(self.ws)["state"] == "running" and len(self.ws.present_keys()) == 1, "the key is found again")
        mark = watch.mark()
        self.card.remove()
        watch.wait(lambda e: e["type"] == "key.removed", "removal is noticed", mark)
        self.card.insert()
        watch.wait(lambda e: e["type"] == "key.inserted", "insertion is noticed", mark)

    def test_a_clean_stop_ends_sessions_and_leaves_nothing(self):
        worker = module(self.ws)["pid"]
        with self.ws.application() as application:
            application.login("123456")
            self.assertEqual(self.ws.stop_ukeyd(), 0)
            self.assertFalse(os.path.exists(f"/proc/{worker}"))
            self.assertEqual(os.listdir(self.ws.path("run")), [])
        self.ws.start_ukeyd()
        session, = self.ws.sessions()
        self.assertEqual(session["end_reason"], "daemon_stopped")
        kinds = [record["kind"] for record in self.ws.ask("audit", "export", "--format", "json")["records"]]
        self.assertNotIn("daemon.unclean", kinds)

    def test_a_login_while_ukeyd_is_away_is_told_late(self):
        self.ws.stop_ukeyd()
        with self.ws.application() as application:
            application.login("123456")
            application.sign()
            self.ws.start_ukeyd()
            self.ws.await_keys(1)
            application.expect("logout")
        session, = self.ws.sessions()
        self.assertEqual((session["grade"], session["uses"]), ("late", 1))

    def test_a_stopped_ukeyd_does_not_hold_a_login_up(self):
        with self.ws.application() as application:
            os.kill(self.ws.ukeyd.pid, signal.SIGSTOP)
            try:
                took_us = application.login("123456")
            finally:
                os.kill(self.ws.ukeyd.pid, signal.SIGCONT)
            self.assertLess(took_us, 5_000_000)  # 2 × 200 ms and the card; a hang would be for ever
            application.expect("logout")
        wait_until(lambda: len(self.ws.sessions()) == 1, "the login is told when ukeyd is back")

    def test_what_a_process_reported_before_it_ended_is_recorded(self):
        os.kill(self.ws.ukeyd.pid, signal.SIGSTOP)
        try:
            with self.ws.application() as application:
                application.login("123456")
                application.sign()
        finally:
            os.kill(self.ws.ukeyd.pid, signal.SIGCONT)
        session = wait_until(lambda: next(iter(self.ws.sessions()), None), "the login is recorded")
        wait_until(lambda: self.ws.sessions()[0]["ended_at"], "the session has ended")
        self.assertEqual(session["verdict"], "warn")
        self.assertEqual(self.ws.sessions()[0]["uses"], 1)


class Modules(unittest.TestCase):
    """A module of the tests' own that crashes, hangs or lies on demand, beside OpenSC."""

    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.start_pcscd()
        self.ws.make_key("a", BRANCH, inserted=True)

    def start(self, behaviour):
        self.ws.write("behaviour", behaviour)
        self.ws.environment["UKEY_FAULT_MODULE_BEHAVIOUR"] = self.ws.path("behaviour")
        self.ws.configure(modules=(("fault", program("fault_module.so")), ("opensc", OPENSC)), extra=QUICK_WORKER)
        self.ws.start_ukeyd()

    def test_a_module_that_fails_is_a_finding_and_recovers(self):
        for behaviour, code in (("crash_in_initialize", "module.crashed"), ("crash_in_token_info", "module.crashed"),
                                ("hang_in_initialize", "module.hung"), ("hang_in_token_info", "module.hung")):
            with self.subTest(behaviour):
                self.start(behaviour)
                wait_until(lambda: [f for f in module(self.ws, "fault")["findings"] if f["code"] == code], code)
                self.assertIn(BRANCH, [k["certificate"]["organisation_name"] for k in self.ws.present_keys()
                                       if k["certificate"]] or [k["certificate"]["organisation_name"]
                                                                for k in self.ws.await_keys(1)])
                self.ws.write("behaviour", "good")
                wait_until(lambda: module(self.ws, "fault")["state"] == "running" and not module(self.ws, "fault")["findings"],
                           "the module runs again")
                self.assertIsNone(self.ws.ukeyd.poll())
                self.ws.stop_ukeyd()

    def test_a_missing_module(self):
        self.ws.configure(modules=(("absent", "/nonexistent/vendor.so"), ("opensc", OPENSC)))
        self.ws.start_ukeyd()
        self.ws.await_keys(1)
        finding, = wait_until(lambda: module(self.ws, "absent")["findings"], "a finding")
        self.assertEqual(finding["code"], "module.missing")
        self.assertIn("/nonexistent/vendor.so", finding["message"])


if __name__ == "__main__":
    unittest.main()
