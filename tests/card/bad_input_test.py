# SPDX-License-Identifier: Apache-2.0
"""Bad input: a message with the place, the documented exit code, and nothing half applied."""

import json
import os
import socket
import sqlite3
import struct
import subprocess
import unittest

from workstation import DEADLINE_S, Workstation, wait_until

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
HEADER = "隶属关系,组织代码,类别\n"


def frame(body, version=1, length=None):
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    return struct.pack(">IB", len(body) + 1 if length is None else length, version) + body


class Registry(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=())
        self.ws.start_ukeyd()

    def import_bytes(self, data):
        with open(self.ws.path("r.csv"), "wb") as file:
            file.write(data)
        return self.ws.ukeyctl("org", "import", self.ws.path("r.csv"), check=False)

    def refused(self, data, *parts):
        done = self.import_bytes(data.encode() if isinstance(data, str) else data)
        self.assertNotEqual(done.returncode, 0, done)
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertEqual(self.ws.ask("org", "list")["organisations"], [], "nothing may be half applied")
        return done

    def test_encodings(self):
        text = HEADER + f"{COMMITTEE},500102000000,党委\n"
        for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
            with self.subTest(encoding):
                self.assertEqual(self.import_bytes(text.encode(encoding)).returncode, 0)
                self.assertEqual(self.ws.ask("org", "list")["organisations"][0]["name"], COMMITTEE)

    def test_undecodable(self):
        self.refused(HEADER.encode() + b"\xff\xfe\x00\x80\xff,1,x\n", "r.csv")

    def test_missing_column(self):
        self.refused(f"组织代码,类别\n500102000000,党委\n", "r.csv", "隶属关系")

    def test_duplicate_organisation(self):
        self.refused(HEADER + f"{COMMITTEE},1,党委\n甲 - 乙,1,支部\n", "r.csv:3")
        self.refused(HEADER + f"{COMMITTEE},1,党委\n{COMMITTEE},2,党委\n", "r.csv:3")

    def test_unknown_parent(self):
        self.refused(HEADER + f"{COMMITTEE},1,党委\n别处 - 支部,2,支部\n", "r.csv:3", "别处")

    def test_a_line_of_ten_megabytes(self):
        self.refused(HEADER + "甲" * 3_500_000 + ",1,党委\n", "r.csv:2")

    def test_unclosed_quote_and_bad_cells(self):
        self.refused(HEADER + f'"{COMMITTEE},1,党委\n', "r.csv:2")
        self.refused(HEADER + f"{COMMITTEE},1,不存在的类别\n", "r.csv:2", "类别")
        self.refused(HEADER + f"甲\u200b乙,1,党委\n", "r.csv:2", "U+200B")

    def test_a_missing_file(self):
        done = self.ws.ukeyctl("org", "import", self.ws.path("absent.csv"), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("absent.csv", done.stderr)


class Frames(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=())
        self.ws.start_ukeyd()

    def test_malformed_frames_close_that_connection_only(self):
        bad = {"too long": frame(b"{}", length=0x7FFFFFFF), "too short": struct.pack(">IB", 0, 1) + b"{}",
               "version": frame(b"{}", version=9), "not JSON": frame(b"{oops"), "not an object": frame(b"[1]"),
               "deep": frame(b"[" * 5000), "not UTF-8": frame(b'{"verb":"\xff"}')}
        for channel in ("control.sock", "login.sock"):
            for what, data in bad.items():
                with self.subTest(channel=channel, what=what), socket.socket(socket.AF_UNIX) as peer:
                    peer.settimeout(DEADLINE_S)
                    peer.connect(self.ws.path("run/" + channel))
                    peer.sendall(data)
                    self.assertEqual(peer.recv(1), b"", "the connection is closed")
        self.assertIsNone(self.ws.ukeyd.poll())
        self.assertEqual(self.ws.ask("status")["daemon"]["mode"], "observe")
        wait_until(lambda: self.ws.read("log/ukeyd.log").count("connection closed") >= 2 * len(bad) - 1, "reasons are logged")

    def test_well_formed_nonsense_on_the_login_channel(self):
        token = {"manufacturer": "m", "model": "m", "serial": "s"}
        claim = {"executable": "x", "application": "x"}
        for message in ({}, {"type": "ask"}, {"type": "ask", "request": 1, "token": token}, {"type": "unknown"},
                        {"type": "end", "request": 1, "login": "0" * 32, "reason": "key_removed", "uses": 0},
                        {"type": "use", "login": "zz", "uses": 1}, {"type": "use", "login": "0" * 32, "uses": -1},
                        {"type": "ask", "request": 1, "token": {**token, "serial": "s" * 9000}, "claim": claim}):
            with self.subTest(message=str(message)[:80]), socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(DEADLINE_S)
                peer.connect(self.ws.path("run/login.sock"))
                peer.sendall(frame(message))
                self.assertEqual(peer.recv(1), b"")
        self.assertIsNone(self.ws.ukeyd.poll())

    def test_unknown_verbs_and_arguments_are_answered(self):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE_S)
            peer.connect(self.ws.path("run/control.sock"))
            for request in ({"id": 1, "verb": "no.such"}, {"id": 2}, {"id": 3, "verb": "key.show"},
                            {"id": 4, "verb": "org.import", "arguments": {"stage": "commit"}},
                            {"id": 5, "verb": "report.month", "arguments": {"month": "2026-13"}}):
                peer.sendall(frame(request))
                header = peer.recv(5, socket.MSG_WAITALL)
                answer = json.loads(peer.recv(struct.unpack(">I", header[:4])[0] - 1, socket.MSG_WAITALL))
                self.assertEqual(answer["id"], request["id"])
                self.assertIn("code", answer["error"])


class Configuration(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())

    def test_mistakes_are_named_with_their_place(self):
        for text, *parts in (("mode = 'observe'\nmood = 'bad'\n", ":2", "mood"), ("mode = 'maybe'\n", ":1", "mode"),
                             ("mode = \n", ":1"), ("[[module]]\nname = 'a'\n", ":1", "path"),
                             ("[policy]\nexpires_soon_days = -1\n", ":2", "expires_soon_days"),
                             ("[policy.findings]\n'no.such' = 'deny'\n", "no.such"), ("x = 1\n[trust]\npaths = 3\n", ":1", "x")):
            with self.subTest(text):
                self.ws.write("ukeyd.toml", text)
                for command in (self.ws.ukeyd_command(), self.ws.ukeyctl_command("config", "check")):
                    done = self.ws.run(*command, check=False)
                    self.assertIn(done.returncode, (1, 2), done)
                    for part in ("ukeyd.toml", *parts):
                        self.assertIn(part, done.stderr + done.stdout)

    def test_an_unreadable_configuration(self):
        done = self.ws.run(*self.ws.ukeyd_command(), check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("ukeyd.toml", done.stderr)

    def test_the_defaults_are_shown_and_accepted(self):
        self.ws.write("ukeyd.toml", "")
        shown = self.ws.ukeyctl("config", "show").stdout
        self.ws.write("ukeyd.toml", shown)
        self.assertEqual(self.ws.ukeyctl("config", "check").returncode, 0)


class State(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=())

    def start_fails(self, *parts):
        done = self.ws.run(*self.ws.ukeyd_command(), check=False)
        self.assertEqual(done.returncode, 3, done)
        for part in parts:
            self.assertIn(part, done.stderr)

    def make_state(self):
        self.ws.start_ukeyd()
        self.ws.stop_ukeyd()

    def test_a_corrupt_database(self):
        self.make_state()
        with open(self.ws.path("state/ukeyd.db"), "r+b") as file:
            file.seek(0)
            file.write(b"not a database at all" * 100)
        self.start_fails("ukeyd.db", "state.corrupt")

    def test_a_newer_database(self):
        self.make_state()
        with sqlite3.connect(self.ws.path("state/ukeyd.db")) as database:
            database.execute("PRAGMA user_version = 999")
        self.start_fails("ukeyd.db", "999", "state.newer")

    def test_a_state_folder_that_cannot_be_used(self):
        self.ws.write("state", "a file, not a folder")
        self.start_fails("state")

    def test_a_second_ukeyd_in_the_same_place(self):
        self.ws.start_ukeyd()
        done = self.ws.run(*self.ws.ukeyd_command(), check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"process {self.ws.ukeyd.pid} [state.in_use]", done.stderr)
        self.assertEqual(self.ws.ask("status")["daemon"]["pid"], self.ws.ukeyd.pid)

    def test_a_changed_ledger_is_noticed(self):
        self.make_state()
        with sqlite3.connect(self.ws.path("state/ukeyd.db")) as database:
            database.execute("DROP TRIGGER ledger_no_update")
            database.execute("UPDATE ledger SET payload = x'7b7d' WHERE seq = 1")
        self.ws.start_ukeyd()
        done = self.ws.ukeyctl("--json", "audit", "verify", check=False)
        self.assertEqual(done.returncode, 1)
        verdict = json.loads(done.stdout)
        self.assertEqual((verdict["intact"], verdict["first_bad_seq"]), (False, 1))


class Disk(unittest.TestCase):
    """A full disk and a read-only one, really mounted: needs root and mount namespaces."""

    def setUp(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
            self.skipTest("mounting needs root")
        self.ws = self.enterContext(Workstation())
        os.mkdir(self.ws.path("state"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", self.ws.path("state")], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.ws.path("state")], check=False)

    def fill(self):
        with open(self.ws.path("state/filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def test_a_full_disk_is_said_and_survived(self):
        self.ws.configure(modules=())
        self.ws.start_ukeyd()
        header = "隶属关系,组织代码,类别\n"
        rows = "".join(f"{COMMITTEE}{i},{i:012},党委\n" for i in range(4000))
        self.ws.write("many.csv", header + rows)
        before = self.ws.verify_ledger()["records"]
        self.fill()
        done = self.ws.ask("org", "import", self.ws.path("many.csv"), check=False)
        self.assertEqual(done["error"]["code"], "ledger.write_failed")
        self.assertEqual(self.ws.ask("org", "list")["organisations"], [])
        self.assertEqual(self.ws.verify_ledger()["records"], before)
        os.unlink(self.ws.path("state/filler"))
        self.ws.write("few.csv", header + f"{COMMITTEE},1,党委\n")
        self.ws.ukeyctl("org", "import", self.ws.path("few.csv"))
        self.assertEqual(self.ws.verify_ledger()["records"], before + 1)

    def test_logins_on_a_full_disk_are_told_again(self):
        self.ws.start_pcscd()
        key = self.ws.make_key("first", COMMITTEE)
        self.ws.configure()
        self.ws.start_ukeyd()
        key.insert()
        self.ws.await_keys(1)
        with self.ws.application() as application:
            self.fill()
            application.login("123456")
            application.sign()
            self.assertEqual(self.ws.sessions(), [], "nothing was acknowledged")
            application.expect("logout")
            codes = [finding["code"] for finding in self.ws.ask("status")["findings"]]
            self.assertIn("ledger.write_failed", codes)
            application.login("123456")  # open while there is room again
            os.unlink(self.ws.path("state/filler"))
            application.expect("logout")
        sessions = self.ws.sessions()
        self.assertEqual([(s["grade"], s["uses"], s["end_reason"]) for s in sessions],
                         [("late", 1, "logout"), ("late", 0, "logout")])
        codes = [finding["code"] for finding in self.ws.ask("status")["findings"]]
        self.assertNotIn("ledger.write_failed", codes)
        self.ws.verify_ledger()

    def test_an_end_on_a_full_disk_is_written_later(self):
        self.ws.start_pcscd()
        key = self.ws.make_key("first", COMMITTEE)
        self.ws.configure()
        self.ws.start_ukeyd(environment={"WATCHDOG_USEC": "400000"})  # a heartbeat every 200 ms
        key.insert()
        self.ws.await_keys(1)
        with self.ws.application() as application:
            application.login("123456")
            self.fill()
            application.kill()
            wait_until(lambda: self.ws.ask("status")["findings"], "the failed write is a finding")
        self.assertEqual(len(self.ws.sessions("--open")), 1)
        os.unlink(self.ws.path("state/filler"))
        wait_until(lambda: self.ws.sessions("--open") == [], "the end is written")
        self.assertEqual(self.ws.sessions()[0]["end_reason"], "process_exit")

    def test_a_full_disk_at_the_start(self):
        self.ws.configure(modules=())
        self.fill()
        done = self.ws.run(*self.ws.ukeyd_command(), check=False)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("ukeyd.db", done.stderr)

    def test_a_read_only_disk(self):
        self.ws.configure(modules=())
        self.ws.start_ukeyd()
        self.ws.stop_ukeyd()
        subprocess.run(["mount", "-o", "remount,ro", self.ws.path("state")], check=True)
        done = self.ws.run(*self.ws.ukeyd_command(), check=False)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("Read-only file system", done.stderr)


if __name__ == "__main__":
    unittest.main()
