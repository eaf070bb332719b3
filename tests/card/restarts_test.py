# SPDX-License-Identifier: Apache-2.0
"""Many programs log in and out while ukeyd is killed and started again every second: no login is lost but in a gap."""

import contextlib
import datetime
import json
import os
import random
import sqlite3
import sys
import threading
import time
import unittest

from workstation import Workstation, require

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PROGRAMS = 24
RUN_S = 60
RESTART_EVERY_S = 1
PIN = "123456"
PROGRAM_ENDS_AFTER = 30  # logins; then another takes its place, and what it had not told is lost with it


def setUpModule():
    require("softhsm2-util", SOFTHSM)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Login:
    """One C_Login that its program saw succeed: the process, and between which times (UTC) it lay."""

    def __init__(self, pid, begun, ended):
        self.pid, self.begun, self.ended = pid, begun, ended


class Restarts(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        # A token for each place: SoftHSM writes to it at every login, and processes that share one get in each other's
        # way, with the filter and without it.
        self.places = [self.make_token(number) for number in range(PROGRAMS)]
        self.ws.environment.update(SOFTHSM2_CONF=self.places[0], UKEY_PKCS11_MODULE=SOFTHSM)
        self.ws.configure(modules=(("softhsm", SOFTHSM),), extra="login.reports_per_minute = 1000000\n")
        self.sockets = self.ws.make_sockets()  # as systemd keeps them over restarts
        self.ws.start_ukeyd_with_sockets(self.sockets)
        self.ws.await_keys(2)  # SoftHSM offers an empty token beside each

    def make_token(self, number):
        os.mkdir(self.ws.path(f"tokens{number}"))
        conf = self.ws.write(f"softhsm{number}.conf", f"directories.tokendir = {self.ws.path(f'tokens{number}')}\n"
                             "objectstore.backend = file\nlog.level = ERROR\n")
        self.ws.run("softhsm2-util", "--init-token", "--free", "--label", "key", "--pin", PIN, "--so-pin", "87654321",
                    env={"SOFTHSM2_CONF": conf})
        return conf

    def run_program(self, place, stop, logins, failures):
        """Programs one after the other, until `stop`; the last one says all it has to say."""
        while not stop.is_set():
            with self.ws.application(environment={"SOFTHSM2_CONF": place}) as application:
                for _ in range(PROGRAM_ENDS_AFTER):
                    begun = time.time()
                    rv, _took_us = application.call("login\n" + PIN)
                    if rv == "CKR_OK":
                        logins.append(Login(application.process.pid, begun, time.time()))
                        rv, _took_us = application.call("logout")
                    if rv != "CKR_OK":
                        failures.append(rv)
                    if stop.is_set():
                        break
                if stop.is_set():
                    self.told.wait()  # ukeyd is up for good now
                    begun = time.time()
                    if application.call("login\n" + PIN)[0] == "CKR_OK":
                        logins.append(Login(application.process.pid, begun, time.time()))

    def test_every_login_is_in_the_ledger_once_or_in_a_gap(self):
        seed = random.SystemRandom().randrange(2**32)
        print(f"seed {seed}", file=sys.stderr)
        moments = random.Random(seed)
        stop, logins, failures = threading.Event(), [], []
        self.told = threading.Event()
        threads = [threading.Thread(target=self.run_program, args=(place, stop, logins, failures))
                   for place in self.places]
        end = time.monotonic() + RUN_S
        for thread in threads:
            thread.start()
        kills = 0
        while time.monotonic() < end:
            # The pause between two kills is the scenario itself.
            stop.wait(RESTART_EVERY_S * moments.uniform(0.7, 1.3))
            self.ws.kill_ukeyd()
            kills += 1
            self.ws.start_ukeyd_with_sockets(self.sockets)
        stop.set()
        self.told.set()
        for thread in threads:
            thread.join()
        self.ws.verify_ledger()
        self.ws.stop_ukeyd()
        self.judge(logins, failures, kills)

    def judge(self, logins, failures, kills):
        self.assertEqual(failures, [], "what the programs saw is the module's own answers")
        sessions, gaps = self.read_ledger()
        missing = []
        for pid in {login.pid for login in logins}:
            of_program = [login for login in logins if login.pid == pid]
            told = sessions.pop(pid, 0)
            self.assertLessEqual(told, len(of_program), "a login is in the ledger twice")
            # A program tells its logins in their order, so what is missing is what it had not told when it ended.
            missing += of_program[told:]
        self.assertEqual(sessions, {}, "sessions of programs that nobody started")
        outside = [login for login in missing if not any(login.ended >= gap[0] and login.begun <= gap[1] for gap in gaps)]
        print(f"{len(logins)} logins of {len({l.pid for l in logins})} programs, {PROGRAMS} at a time, {kills} kills: "
              f"{len(missing)} not told ({100 * len(missing) / len(logins):.2f} %), {len(outside)} of them outside a gap",
              file=sys.stderr)
        self.assertGreater(len(logins), 1000)
        self.assertLessEqual(len(missing), 0.05 * len(logins))
        # What a program had told and then ended is lost when the service is killed before it has come to it: that time is
        # not in the gap, which begins with the last record. Reports that come together are one commit, so that takes a
        # computer with no time for the service at all.
        self.assertLessEqual(len(outside), 0.001 * len(logins), [(login.pid, login.begun) for login in outside])

    def read_ledger(self):
        """How many sessions each process has, and the gaps: from a sign of life to the next start."""
        sessions, gaps, alive = {}, [], None
        with contextlib.closing(sqlite3.connect(self.ws.path("state/ukeyd.db"))) as database:
            ids = [row[0] for row in database.execute("SELECT login FROM session")]
            self.assertEqual(len(ids), len(set(ids)))
            for time_us, kind, payload in database.execute("SELECT time_us, kind, CAST(payload AS TEXT) FROM ledger "
                                                           "ORDER BY seq"):
                payload = json.loads(payload)
                if kind == "session.started":
                    sessions[payload["pid"]] = sessions.get(payload["pid"], 0) + 1
                elif kind == "daemon.unclean":
                    alive = seconds(payload["last_alive"])
                elif kind == "daemon.started" and alive is not None:
                    gaps.append((alive, time_us / 1e6))
        return sessions, gaps


if __name__ == "__main__":
    unittest.main()
