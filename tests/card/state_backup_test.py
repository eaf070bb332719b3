# SPDX-License-Identifier: Apache-2.0
"""A workstation that is installed anew: its state comes back from a backup, the chain goes on, the seam is on record."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import unittest

from workstation import OPENSC, SOURCE, Workstation, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
CODE = "500102000001"
VERIFIER = os.path.join(SOURCE, "tests/bundle/verify_bundle.py")


def setUpModule():
    require("pcscd", "openssl", OPENSC)


class StateBackup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ws = ws = cls.enterClassContext(Workstation())
        ws.start_pcscd()
        ws.make_key("a", BRANCH, inserted=True)
        ws.configure()
        ws.start_ukeyd()
        ws.import_organisations(("500102000000", [COMMITTEE]), (CODE, [COMMITTEE, BRANCH]))
        ws.await_keys(1)
        ws.ask("key", "bind", ws.present_keys()[0]["key"], CODE)

    def log_in(self):
        with self.ws.application() as application:
            application.login("123456")
            application.sign()
            application.expect("logout")

    def export(self, name, *options):
        path = self.ws.path(name)
        self.ws.ukeyctl("audit", "export", "--format", "bundle", "--output", path, *options)
        return path

    def back_up(self, name, check=True):
        return self.ws.ask("state", "backup", "--state-dir", self.ws.path("state"), "--output", self.ws.path(name), check=check)

    def restore(self, name, *options, check=True):
        return self.ws.ask("state", "restore", "--state-dir", self.ws.path("state"), self.ws.path(name), *options, check=check)

    def install_anew(self):
        """The service of a new installation has run once: it has a ledger and a key of its own."""
        shutil.rmtree(self.ws.path("state"))
        self.ws.start_ukeyd()
        self.ws.stop_ukeyd()

    def records(self):
        done = self.ws.ukeyctl("audit", "export", "--format", "json")
        return json.loads(done.stdout)["records"]

    def test_the_chain_goes_on_and_the_seam_is_on_record(self):
        ws = self.ws
        fingerprint = ws.ask("workstation", "show")["fingerprint"]
        self.log_in()
        before = self.export("before.bundle")
        backup = self.back_up("backup")
        self.assertEqual(backup["workstation"], fingerprint)
        self.assertEqual(stat.S_IMODE(os.stat(ws.path("backup")).st_mode), 0o600)
        self.assertEqual(self.back_up("backup", check=False)["error"]["code"], "file.other_content")
        self.log_in()  # is lost
        lost = self.export("lost.bundle")
        self.assertEqual(self.restore("backup", check=False)["error"]["code"], "state.in_use")
        ws.kill_ukeyd()
        refused = self.restore("backup", check=False)["error"]
        self.assertEqual(refused["code"], "state.has_records", refused)

        self.install_anew()
        self.assertEqual(self.restore("backup", check=False)["error"]["code"], "state.has_records")
        restored = self.restore("backup", "--replace")
        self.assertEqual((restored["workstation"], restored["last_seq"]), (fingerprint, backup["last_seq"]))
        self.assertIsNone(restored["configuration"])
        self.assertTrue(os.path.exists(os.path.join(restored["kept"], "ukeyd.db")))

        ws.start_ukeyd()
        ws.await_keys(1)
        self.log_in()
        self.assertEqual(ws.ask("workstation", "show")["fingerprint"], fingerprint)
        self.assertEqual(len(ws.sessions()), 2)
        records = self.records()
        start = records[backup["last_seq"]:][:3]
        self.assertEqual([record["kind"] for record in start], ["state.restored", "daemon.unclean", "coverage.absence"])
        seam, _, absence = (json.loads(record["payload"]) for record in start)
        self.assertEqual((seam["last_seq"], seam["head"], seam["made_at"]),
                         (backup["last_seq"], backup["head"], backup["made_at"]))
        self.assertEqual((seam["made_on"], seam["restored_on"]), (os.uname().nodename,) * 2)
        self.assertIsNone(absence["occupied"])
        ws.verify_ledger()

        after = self.export("after.bundle")
        last = ws.ask("audit", "verify", before)["bundles"][0]["last_seq"]
        since = self.export("since.bundle", "--since", str(last))
        verdict = ws.ask("audit", "verify", before, after, since)
        self.assertTrue(verdict["holds"], verdict)
        for path in (before, after):
            done = subprocess.run([sys.executable, "-B", VERIFIER, path, fingerprint], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

        with self.subTest("what was lost is a fork that says why"):
            found, = ws.ask("audit", "verify", lost, after)["contradictions"]
            self.assertEqual((found["code"], found["seq"]), ("bundle.restored", backup["last_seq"] + 1))
            store = ws.path("district.db")
            ws.ask("district", "init", store)
            ws.ask("district", "enrol", store, fingerprint)
            ws.ask("district", "import", store, lost, after)
            self.assertEqual([conflict["code"] for conflict in ws.ask("district", "status", store)["conflicts"]],
                             ["bundle.restored"])

        with self.subTest("for people"):
            said = ws.ukeyctl("state", "backup", "--state-dir", ws.path("state"), "--output", ws.path("again")).stdout
            self.assertIn("keep it like a key", said)
            ws.stop_ukeyd()
            said = ws.ukeyctl("state", "restore", "--state-dir", ws.path("state"), ws.path("again"), check=False)
            self.assertEqual(said.returncode, 4, said.stdout + said.stderr)  # daemon.stopped is not in it
            said = ws.ukeyctl("state", "restore", "--state-dir", ws.path("state"), ws.path("again"), "--replace",
                              env={"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": ""}).stdout
            self.assertIn("systemctl start", said)
            self.assertIn("备份", said)

        with self.subTest("the key is in the database no more"):
            with open(ws.path("state/ukeyd.db"), "rb") as file:
                self.assertNotIn(b"PRIVATE KEY", file.read())
            with sqlite3.connect(f"file:{ws.path('state/ukeyd.db')}?mode=ro", uri=True) as database:
                tables = {name for name, in database.execute("SELECT name FROM sqlite_master")}
            self.assertNotIn("backup", tables)


class RestoreKilled(unittest.TestCase):
    """SIGKILL at each system call that changes a file, one after the other."""

    CALLS = ("openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "mkdir", "rmdir", "link", "unlink", "unlinkat",
             "rename", "renameat2", "chmod", "lchown")

    def setUp(self):
        require("strace", "openssl")
        self.ws = ws = self.enterContext(Workstation())
        ws.configure(modules=())
        for name in ("first", "second"):
            ws.start_ukeyd()
            if name == "first":
                ws.ukeyctl(*self.verb("backup"), "--output", ws.path("backup"))
            ws.stop_ukeyd()
            os.rename(ws.path("state"), ws.path(name))
        os.mkdir(ws.path("place"))
        self.old = self.contents(ws.path("second"))

    def verb(self, name):
        return ("state", name, "--state-dir", self.ws.path("place/state" if name == "restore" else "state"))

    def contents(self, folder):
        """The hashes of the ledger's records, and the key. Looked at in a copy: SQLite leaves its own files."""
        copy = self.ws.path("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        with contextlib.closing(sqlite3.connect(os.path.join(copy, "ukeyd.db"))) as database:
            hashes = tuple(row[0] for row in database.execute("SELECT hash FROM ledger ORDER BY seq"))
        with open(os.path.join(copy, "workstation.key"), encoding="ascii") as file:
            return hashes, file.read()

    def restore(self, *wrapper):
        command = self.ws.ukeyctl_command(*self.verb("restore"), "--replace", self.ws.path("backup"))
        return self.ws.run(*wrapper, *command, check=False)

    def kept(self):
        return [self.contents(entry.path) for entry in os.scandir(self.ws.path("place")) if ".replaced-" in entry.name]

    def set_up_the_old_state(self):
        shutil.rmtree(self.ws.path("place"))
        os.mkdir(self.ws.path("place"))
        shutil.copytree(self.ws.path("second"), self.ws.path("place/state"))

    def test_the_old_state_or_the_new_one_is_there(self):
        self.set_up_the_old_state()
        self.assertEqual(self.restore().returncode, 0)
        new = self.contents(self.ws.path("place/state"))
        self.assertNotEqual(new, self.old)
        self.assertEqual(self.kept(), [self.old])
        outcomes = []
        for call in self.CALLS:
            for number in range(1, 2000):  # strace counts each kind of call for itself
                self.set_up_the_old_state()
                done = self.restore("strace", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                    f"inject={call}:signal=KILL:when={number}")
                if done.returncode == 0:
                    break
                with self.subTest(call=call, number=number):
                    self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
                    found = self.contents(self.ws.path("place/state"))
                    self.assertIn(found, (self.old, new))
                    outcomes.append(found)
                    self.assertEqual(self.restore().returncode, 0)
                    self.assertEqual(self.contents(self.ws.path("place/state")), new)
                    self.assertEqual(self.kept().count(self.old), 1)
        self.assertEqual(set(outcomes), {self.old, new})
        self.assertGreater(len(outcomes), 50)


if __name__ == "__main__":
    unittest.main()
