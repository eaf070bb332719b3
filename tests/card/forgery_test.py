# SPDX-License-Identifier: Apache-2.0
"""Programs that lie on the login channel: none gets an attested session, none fills the ledger, each is recorded."""

import contextlib
import json
import os
import secrets
import sqlite3
import sys
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone

from login_channel import LoginChannel, ask, attestation, private_key_of, result
from workstation import OPENSC, Workstation, require

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
OTHER = "中共重庆市涪陵区另一街道机关支部委员会"
REPORTS = 1_000_000

ASK_AND_EXEC = """
import json, os, sys
from login_channel import LoginChannel, ask
channel = LoginChannel(sys.argv[1])
challenge = channel.call(ask(json.loads(sys.argv[2])))["attest"]
channel.socket.setblocking(True)
channel.socket.set_inheritable(True)
os.execv(sys.executable, [sys.executable, "-B", "-c", sys.argv[4], str(channel.socket.fileno()), json.dumps(challenge),
                          *sys.argv[2:4]])
"""
REPORT = """
import json, os, sys
from login_channel import LoginChannel, attestation, result
message = result(json.loads(sys.argv[3]), executable=os.readlink("/proc/self/exe"))
message["attestation"] = attestation(message, json.loads(sys.argv[2]), sys.argv[4])
os.write(int(sys.argv[1]), LoginChannel.frame({**message, "request": 2}))
assert b"recorded" in os.read(int(sys.argv[1]), 4096)
print(message["login"])
"""


def setUpModule():
    require("pcscd", "openssl", OPENSC)


class Forgery(unittest.TestCase):
    """Two keys are in; `honest` is the lie's counterpart, which the service does attest."""

    @classmethod
    def setUpClass(cls):
        cls.resources = contextlib.ExitStack()
        cls.addClassCleanup(cls.resources.close)
        cls.ws = cls.resources.enter_context(Workstation())
        cls.ws.start_pcscd()
        cls.card = cls.ws.make_key("a", BRANCH, inserted=True)
        cls.other_card = cls.ws.make_key("b", OTHER, inserted=True)
        cls.ws.configure(extra="login.attest = true\nlogin.reports_per_minute = 1000000\n")
        cls.ws.start_ukeyd()
        cls.ws.await_keys(2)
        keys = {key["certificate"]["organisation_name"]: key for key in cls.ws.present_keys()}
        cls.key, cls.other_key = keys[BRANCH], keys[OTHER]

    def connect(self):
        return self.resources_of_test.enter_context(LoginChannel(self.ws.path("run/login.sock")))

    def setUp(self):
        self.resources_of_test = contextlib.ExitStack()
        self.addCleanup(self.resources_of_test.close)
        self.channel = self.connect()

    def tearDown(self):
        self.ws.verify_ledger()

    def challenge(self, channel=None, key=None):
        return (channel or self.channel).call(ask(key or self.key))["attest"]

    def report(self, message, channel=None):
        """What the ledger has of this report: the session's grade and its attestation."""
        answer = (channel or self.channel).call(message)
        self.assertEqual(answer["type"], "recorded", answer)
        shown = self.ws.ask("session", "show", message["login"])
        return shown["session"]["grade"], shown["attestation"]

    def records(self, kind):
        # Read only, while the service runs.
        with contextlib.closing(sqlite3.connect(f"file:{self.ws.path('state/ukeyd.db')}?mode=ro", uri=True)) as database:
            return [row[0] for row in database.execute("SELECT CAST(payload AS TEXT) FROM ledger WHERE kind = ?", (kind,))]

    def assert_refused(self, message, reason, channel=None):
        grade, shown = self.report(message, channel)
        self.assertEqual((grade, shown), ("observed", {"refused": reason}))

    def test_the_counterpart_is_attested(self):
        message = result(self.key)
        message["attestation"] = attestation(message, self.challenge(), private_key_of(self.card))
        self.assertEqual(self.report(message)[0], "attested")
        self.assertIs(self.ws.ask("session", "show", message["login"])["verified"], True)

    def test_a_login_that_was_not_made(self):
        self.challenge()
        self.assertEqual(self.report(result(self.key)), ("observed", {"absent": "not_answered"}))
        message = result(self.key)
        forged = {**self.challenge(), "nonce": secrets.token_hex(32)}
        message["attestation"] = attestation(message, forged, private_key_of(self.card))
        self.assert_refused(message, "unknown_nonce")

    def test_a_replayed_nonce_and_a_replayed_record(self):
        challenge = self.challenge()
        first = result(self.key)
        first["attestation"] = attestation(first, challenge, private_key_of(self.card))
        self.assertEqual(self.report(first)[0], "attested")
        second = result(self.key)
        second["attestation"] = attestation(second, challenge, private_key_of(self.card))
        self.assert_refused(second, "unknown_nonce")
        third = result(self.key)
        third["attestation"] = attestation(third, challenge, private_key_of(self.card))
        self.assert_refused(third, "unknown_nonce", self.connect())
        before = self.records("session.started")
        self.assertEqual(self.connect().call(first)["type"], "recorded")
        self.assertEqual(self.records("session.started"), before, "a replayed record makes no second session")
        self.assertIn(first["login"], self.records("report.refused")[-1])

    def test_a_login_of_another_time(self):
        for late in (False, True):
            message = result(self.key, started_at="2019-03-05T08:00:00.000000Z", late=late)
            message["attestation"] = attestation(message, self.challenge(), private_key_of(self.card))
            grade, shown = self.report(message)
            self.assertEqual((grade, shown), ("late" if late else "observed", {"refused": "wrong_time"}))
            self.assert_began_today(message["login"])

    def test_a_late_login_of_a_time_when_the_service_was_there(self):
        for key in (self.key, {**self.key, "serial": "0000000000000000"}):
            message = result(key, started_at="2019-03-05T08:00:00.000000Z", late=True)
            self.assertEqual(self.report(message)[0], "late")
            self.assert_began_today(message["login"])
        record, = (r for r in self.records("session.started") if message["login"] in r)
        self.assertEqual(json.loads(record)["claimed_started_at"], "2019-03-05T08:00:00.000000Z")

    def assert_began_today(self, login):
        began = datetime.fromisoformat(self.ws.ask("session", "show", login)["session"]["started_at"])
        self.assertLess(abs(datetime.now(timezone.utc) - began), timedelta(minutes=5))

    def test_a_key_that_is_said_to_be_slow(self):
        challenge = self.challenge()
        message = result(self.key)
        message["attestation"] = {"nonce": challenge["nonce"], "absent": "no_key", "duration_us": 10 ** 12}
        self.assertEqual(self.report(message)[0], "observed")
        self.assertIn("attest", self.connect().call(ask(self.key)), "the others' logins are still attested")

    def test_another_connections_nonce(self):
        message = result(self.key)
        message["attestation"] = attestation(message, self.challenge(self.connect()), private_key_of(self.card))
        self.assert_refused(message, "unknown_nonce")

    def test_a_key_that_is_not_inserted(self):
        absent = {**self.key, "serial": "0000000000000000"}
        self.assertNotIn("attest", self.channel.call(ask(absent)))
        message = result(absent)
        message["attestation"] = attestation(message, self.challenge(), private_key_of(self.card))
        self.assert_refused(message, "key_absent")
        self.assertIsNone(self.ws.ask("session", "show", message["login"])["session"]["key"])

    def test_another_keys_signature(self):
        message = result(self.key)
        message["attestation"] = attestation(message, self.challenge(), private_key_of(self.other_card))
        self.assert_refused(message, "wrong_signature")
        message = result(self.key)  # a challenge for the other key, answered by that key, reported as this one's login
        message["attestation"] = attestation(message, self.challenge(key=self.other_key), private_key_of(self.other_card))
        self.assert_refused(message, "other_key")

    def test_another_prefix(self):
        for prefix in ("", "ukey-login-v2\n", "TLS 1.3, client CertificateVerify\0"):
            message = result(self.key)
            message["attestation"] = attestation(message, self.challenge(), private_key_of(self.card), prefix)
            self.assert_refused(message, "wrong_signature")

    def test_another_program_after_exec(self):
        """It asks as one program, keeps the connection over exec, and reports as the program that it is then."""
        done = self.ws.run(sys.executable, "-B", "-c", ASK_AND_EXEC, self.ws.path("run/login.sock"), json.dumps(self.key),
                           private_key_of(self.card), REPORT, cwd=os.path.dirname(__file__))
        login = done.stdout.strip()
        shown = self.ws.ask("session", "show", login)
        self.assertEqual((shown["session"]["grade"], shown["attestation"]), ("observed", {"refused": "other_program"}))

    def test_a_childs_message_on_its_parents_connection(self):
        before = len(self.records("report.refused"))
        message = result(self.key)
        child = os.fork()
        if child == 0:
            self.channel.send({**message, "request": 1})
            os._exit(0)
        os.waitpid(child, 0)
        self.assertIsNone(self.channel.receive(), "the connection was closed")
        self.assertNotIn(message["login"], "".join(self.records("session.started")))
        refused = self.records("report.refused")
        self.assertEqual(len(refused), before + 1)
        self.assertIn('"reason":"foreign_sender"', refused[-1])

    def test_a_child_that_keeps_the_connection_after_its_parents_death(self):
        login, too_late = secrets.token_hex(16), secrets.token_hex(16)
        read_end, write_end = os.pipe()
        parent = os.fork()
        if parent == 0:
            channel = LoginChannel(self.ws.path("run/login.sock"))
            channel.call(result(self.key, login=login))
            if os.fork() == 0:  # the child outlives its parent, and waits to be told so
                os.close(write_end)
                os.read(read_end, 1)
                with contextlib.suppress(OSError):
                    channel.send({**result(self.key, login=too_late), "request": 2})
                os._exit(0)
            os._exit(0)
        os.close(read_end)
        os.waitpid(parent, 0)
        watch = self.ws.watch()
        session = self.ws.ask("session", "show", login)["session"]
        if session["ended_at"] is None:
            watch.wait(lambda e: e["type"] == "session.ended" and e["session"]["login"] == login, "it has ended")
            session = self.ws.ask("session", "show", login)["session"]
        self.assertEqual(session["end_reason"], "process_exit")
        os.close(write_end)
        self.assertNotIn(too_late, "".join(self.records("session.started")))


class Flood(unittest.TestCase):
    def test_a_million_reports_of_one_user(self):
        limit = 600
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("a", BRANCH, inserted=True)
            ws.configure(extra=f"login.reports_per_minute = {limit}\n")
            ws.start_ukeyd()
            ws.await_keys(1)
            key, = ws.present_keys()
            with LoginChannel(ws.path("run/login.sock")) as channel:
                # A failed login: nothing has to stay open for it, so that only the limit is in the way.
                frame = LoginChannel.frame({**result(key), "rv": 0xA0, "request": 1})
                answers = threading.Thread(target=lambda: [channel.receive() for _ in range(REPORTS)])
                begun = time.monotonic()
                answers.start()
                for _ in range(REPORTS // 1000):
                    channel.socket.sendall(frame * 1000)
                answers.join()
                took_s = int(time.monotonic() - begun)
            ws.verify_ledger()
            ws.stop_ukeyd()
            with contextlib.closing(sqlite3.connect(ws.path("state/ukeyd.db"))) as database:
                failed, = database.execute("SELECT count(*) FROM ledger WHERE kind = 'login.failed'").fetchone()
                left_out, = database.execute("SELECT sum(json_extract(CAST(payload AS TEXT), '$.left_out')) FROM ledger "
                                             "WHERE kind = 'reports.limited'").fetchone()
                records, = database.execute("SELECT count(*) FROM ledger").fetchone()
            print(f"{REPORTS} reports: {failed} recorded one by one, {left_out} as a number, {records} records in all",
                  file=sys.stderr)
            self.assertEqual(failed + left_out, REPORTS)
            self.assertLessEqual(failed, limit * (took_s // 60 + 2))
            self.assertLess(records, failed + 100)


if __name__ == "__main__":
    unittest.main()
