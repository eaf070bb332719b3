# SPDX-License-Identifier: Apache-2.0
"""Old records of a real service: archived into a bundle, and what is personal in them removed."""

import os
import subprocess
import sys
import time
import unittest

from workstation import OPENSC, SOURCE, Workstation, require, sanitizer_environment

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
CODE = "500102000001"
VERIFIER = os.path.join(SOURCE, "tests/bundle/verify_bundle.py")
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
# More than the running month and the one before it have.
AGO_DAYS = 70


def setUpModule():
    require("pcscd", "openssl", OPENSC, FAKETIME)
    if sanitizer_environment():
        raise unittest.SkipTest("libfaketime and a sanitizer's runtime both want to be loaded first")


def day(days_ago):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 - days_ago * 86400))


class Archive(unittest.TestCase):
    """One workstation; the tests go on where the one before them stopped."""

    @classmethod
    def setUpClass(cls):
        cls.ws = ws = cls.enterClassContext(Workstation())
        ws.start_pcscd()
        ws.make_key("a", BRANCH, inserted=True)
        ws.configure()
        # For the service alone the day is long ago; its timers go on as always.
        ws.start_ukeyd(environment={"LD_PRELOAD": FAKETIME, "FAKETIME": f"-{AGO_DAYS}d", "DONT_FAKE_MONOTONIC": "1"})
        ws.import_organisations(("500102000000", [COMMITTEE]), (CODE, [COMMITTEE, BRANCH]))
        ws.await_keys(1)
        ws.ask("key", "bind", ws.present_keys()[0]["key"], CODE)
        cls.log_in()
        cls.log_in()
        ws.stop_ukeyd()
        ws.start_ukeyd()
        ws.await_keys(1)
        cls.log_in()
        cls.fingerprint = ws.ask("workstation", "show")["fingerprint"]
        # The first day of the month before this one.
        this_month = int(day(0)[8:10]) - 1
        cls.before = day(this_month + 1)[:8] + "01"

    @classmethod
    def log_in(cls):
        with cls.ws.application() as application:
            application.login("123456")
            application.sign()
            application.expect("logout")

    def state(self):
        """All that is in the state folder."""
        content = b""
        for name in os.listdir(self.ws.path("state")):
            with open(self.ws.path(f"state/{name}"), "rb") as file:
                content += file.read()
        return content

    def rebuilt(self):
        verdict = self.ws.ask("audit", "verify", "--rebuild")
        self.assertEqual((verdict["intact"], verdict["rebuild"]["differing"]), (True, 0), verdict)
        return verdict

    def test_1_removal_of_personal_data(self):
        executable = os.path.realpath(self.ws.sessions()[0]["executable"]).encode()
        old, = {session["executable"] for session in self.ws.sessions()}
        self.assertIn(executable, self.state())
        removed = self.ws.ask("audit", "remove-personal-data", "--before", self.before)
        self.assertGreaterEqual(removed["records"], 4)
        sessions = sorted(self.ws.sessions(), key=lambda session: session["started_at"])
        self.assertEqual([session["executable"] for session in sessions], [os.path.basename(old)] * 2 + [old])
        self.rebuilt()

    def test_2_archive(self):
        before = self.rebuilt()
        refused = self.ws.ask("audit", "archive", "--before", day(0), "--output", self.ws.path("refused"), check=False)
        self.assertEqual(refused["error"]["code"], "audit.too_recent")
        self.assertFalse(os.path.exists(self.ws.path("refused")))
        archived = self.ws.ask("audit", "archive", "--before", self.before, "--output", self.ws.path("old.bundle"))
        self.assertEqual(archived["first_seq"], 1)
        self.assertEqual(subprocess.run(["sha256sum", self.ws.path("old.bundle")], capture_output=True, text=True,
                                        check=True).stdout.split()[0], archived["sha256"])
        after = self.rebuilt()
        self.assertEqual(after["archived"], archived["last_seq"])
        self.assertEqual(after["records"], before["records"] - archived["last_seq"] + 1)
        session, = self.ws.sessions()
        self.assertGreater(session["started_at"], self.before)
        self.assertEqual(self.ws.present_keys()[0]["organisation"]["code"], CODE)
        again = self.ws.ask("audit", "archive", "--before", self.before, "--output", self.ws.path("again"), check=False)
        self.assertEqual(again["error"]["code"], "audit.nothing_to_archive")

    def test_3_what_comes_after_it(self):
        self.log_in()
        self.ws.ukeyctl("audit", "export", "--format", "bundle", "--output", self.ws.path("new.bundle"))
        old, new = self.ws.path("old.bundle"), self.ws.path("new.bundle")
        archived = self.rebuilt()["archived"]
        verdict = self.ws.ask("audit", "verify", old, new, "--trust",
                              self.ws.write("trusted", f"{self.fingerprint} trusted office\n"))
        self.assertTrue(verdict["holds"], verdict)
        self.assertEqual([bundle["first_seq"] for bundle in verdict["bundles"]], [1, archived + 1])
        for path in (old, new):
            said = subprocess.run([sys.executable, "-B", VERIFIER, path, self.fingerprint], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((said.returncode, said.stderr), (0, ""))
        for command in (("audit", "export", "--from-seq", "1"), ("audit", "export", "--format", "bundle", "--since", "2")):
            refused = self.ws.ukeyctl("--json", *command, check=False)
            self.assertEqual((refused.returncode, "audit.archived" in refused.stderr), (1, True), refused.stderr)
        exported = self.ws.ask("audit", "export", "--format", "json")
        self.assertEqual(exported["records"][0]["seq"], archived + 1)
        self.assertNotEqual(exported["previous_hash"], "0" * 64)
        month = self.ws.ask("report", "month", day(AGO_DAYS)[:7], check=False)
        self.assertEqual(month["error"]["code"], "report.archived")
        self.assertIn("rows", self.ws.ask("report", "month", day(0)[:7]))

    def test_4_next_start(self):
        self.ws.stop_ukeyd()
        self.ws.start_ukeyd()
        self.ws.await_keys(1)
        self.rebuilt()
        self.assertEqual(self.ws.ask("workstation", "show")["fingerprint"], self.fingerprint)


if __name__ == "__main__":
    unittest.main()
