# SPDX-License-Identifier: Apache-2.0
"""Bundles of a real service, checked by ukeyctl and by the independent verifier: what was changed, cut off, written anew."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
import unittest

from workstation import OPENSC, SOURCE, Workstation, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
CODE = "500102000001"
VERIFIER = os.path.join(SOURCE, "tests/bundle/verify_bundle.py")


def setUpModule():
    require("pcscd", "openssl", OPENSC)


class Bundle(unittest.TestCase):
    """One workstation; each test goes on where the one before it stopped."""

    @classmethod
    def setUpClass(cls):
        cls.ws = ws = cls.enterClassContext(Workstation())
        ws.start_pcscd()
        cls.card = ws.make_key("a", BRANCH, inserted=True)
        ws.configure(extra="login.attest = true\n")
        ws.start_ukeyd()
        ws.import_organisations(("500102000000", [COMMITTEE]), (CODE, [COMMITTEE, BRANCH]))
        ws.await_keys(1)
        ws.ask("key", "bind", ws.present_keys()[0]["key"], CODE)
        cls.log_in()
        cls.fingerprint = ws.ask("workstation", "show")["fingerprint"]

    @classmethod
    def log_in(cls):
        with cls.ws.application() as application:
            application.login("123456")
            application.sign()
            application.expect("logout")

    def export(self, name, *options):
        path = self.ws.path(name)
        self.ws.ukeyctl("audit", "export", "--format", "bundle", "--output", path, *options)
        return path

    def verify(self, *arguments):
        return self.ws.ask("audit", "verify", *arguments)

    def trust(self, *lines):
        return self.ws.write("trusted", "# the district's workstations\n" + "".join(line + "\n" for line in lines))

    def independent(self, path, fingerprint=None):
        return subprocess.run([sys.executable, "-B", VERIFIER, path, fingerprint or self.fingerprint], capture_output=True,
                              text=True, check=False)

    def test_whole_ledger(self):
        path = self.export("whole")
        verdict = self.verify(path, "--trust", self.trust(f"{self.fingerprint} trusted 办公室 1"), "--ca", self.ws.path("trust"))
        bundle, = verdict["bundles"]
        self.assertTrue(verdict["holds"], verdict)
        self.assertEqual(self.verify("--ca", self.ws.path("trust"), path)["bundles"][0]["attested"], bundle["attested"])
        self.assertEqual((bundle["workstation"], bundle["trust"], bundle["trusted_as"]),
                         (self.fingerprint, "trusted", "办公室 1"))
        self.assertEqual(bundle["first_seq"], 1)
        self.assertEqual(bundle["attested"], len(self.ws.sessions()))
        self.assertEqual(bundle["records"], self.ws.verify_ledger()["records"])
        said = self.independent(path)
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertIn(f"records 1 to {bundle['last_seq']} hold", said.stdout)

    def test_who_it_is_of(self):
        path = self.export("whose")
        for lines, trust, code in (((), "unknown", 1), ((f"{'0' * 64} trusted another",), "unknown", 1),
                                   ((f"{self.fingerprint} revoked stolen",), "revoked", 1)):
            done = self.ws.ukeyctl("audit", "verify", path, "--trust", self.trust(*lines), check=False)
            self.assertEqual(done.returncode, code, done.stdout)
            self.assertEqual(self.verify(path, "--trust", self.ws.path("trusted"))["bundles"][0]["trust"], trust)
        done = self.ws.ukeyctl("audit", "verify", path)
        self.assertIn("Whose it is was not checked", done.stdout)
        done = self.ws.ukeyctl("audit", "verify", path, "--trust", self.trust("not a fingerprint"), check=False)
        self.assertEqual((done.returncode, "trusted:2" in done.stderr), (2, True))
        for wrong in (("--trust", ""), ("--trust", self.ws.folder), ("--ca", self.ws.path("absent"))):
            self.assertEqual(self.ws.ukeyctl("audit", "verify", path, *wrong, check=False).returncode, 2, wrong)
        self.assertEqual(self.ws.ukeyctl("audit", "verify", "--trust", self.trust(), check=False).returncode, 2)
        self.assertEqual(self.independent(path, "0" * 64).returncode, 1)

    def test_parts_and_what_is_missing_between_them(self):
        first = self.export("first")
        last = self.verify(first)["bundles"][0]["last_seq"]
        self.log_in()
        second = self.export("second", "--since", str(last))
        self.log_in()
        between = self.verify(second)["bundles"][0]["last_seq"]
        third = self.export("third", "--since", str(between))
        self.assertTrue(self.verify(first, second, third)["holds"])
        self.assertEqual(self.independent(third).returncode, 0)
        verdict = self.verify(third, first)
        self.assertFalse(verdict["holds"])
        found, = verdict["contradictions"]
        self.assertEqual((found["code"], found["seq"], found["earlier"]), ("bundle.gap", last + 1, first))
        done = self.ws.ukeyctl("audit", "export", "--format", "bundle", "--since", "2", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Nothing was signed at record", done.stderr)
        for format_, option in (("bundle", "--from-seq"), ("csv", "--since")):
            done = self.ws.ukeyctl("audit", "export", "--format", format_, option, "2", check=False)
            self.assertEqual(done.returncode, 2, done.stdout)

    def test_without_personal_data(self):
        whole, less = self.export("with"), self.export("without", "--without-personal-data")
        attested = self.verify(whole)["bundles"][0]["attested"]
        bundle, = self.verify(less, "--ca", self.ws.path("trust"))["bundles"]
        self.assertTrue(bundle["holds"], bundle)
        self.assertEqual((bundle["attested"], bundle["attested_removed"]), (0, attested))
        self.assertGreater(bundle["personal_removed"], attested)
        self.assertEqual(self.independent(less).returncode, 0)
        with open(whole, "rb") as file:
            self.assertIn(b'"executable"', file.read())
        with open(less, "rb") as file:
            content = file.read()
        for personal in (b'"uid"', b'"executable"', b'"certificate_name"', b"/application"):
            self.assertNotIn(personal, content)
        done = self.ws.ukeyctl("audit", "export", "--format", "csv", "--without-personal-data", check=False)
        self.assertEqual(done.returncode, 2, done.stdout)

    def test_removal_of_personal_data(self):
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
        removed = self.ws.ask("audit", "remove-personal-data", "--before", "2026-01-01")
        self.assertEqual(removed["records"], 0)
        for wrong, code in (("2999-01-01", "date.in_future"), ("soon", "date.malformed")):
            answer = self.ws.ask("audit", "remove-personal-data", "--before", wrong, check=False)
            self.assertEqual(answer["error"]["code"], code)
        self.assertIn("personal.removed", self.ws.ukeyctl("audit", "export").stdout)
        self.ws.ukeyctl("audit", "remove-personal-data", "--before", today)
        self.ws.verify_ledger()

    def test_zz_new_key(self):
        """The last one: the fingerprint is another from here on."""
        before = self.export("before_rotation")
        old = self.fingerprint
        rotated = self.ws.ask("workstation", "rotate-key")
        new = self.ws.ask("workstation", "show")["fingerprint"]
        self.assertEqual(rotated, {"old": old, "new": new, "finished": True})
        self.assertNotEqual(old, new)
        last = self.verify(before)["bundles"][0]["last_seq"]
        self.log_in()
        across, after = self.export("across"), self.export("after_it", "--since", str(last))
        verdict = self.verify(before, across, after, "--trust", self.trust(f"{old} trusted office"), "--ca",
                              self.ws.path("trust"))
        self.assertTrue(verdict["holds"], verdict)
        self.assertEqual([bundle["trusted_through"] for bundle in verdict["bundles"]], [None, old, old])
        self.assertEqual([bundle["identities"] for bundle in verdict["bundles"]], [[old], [old, new], [old, new]])
        for path in (across, after):
            for fingerprint in (old, new):
                self.assertEqual(self.independent(path, fingerprint).returncode, 0, self.independent(path, fingerprint).stderr)
        self.assertEqual(self.independent(before, new).returncode, 1)
        self.ws.stop_ukeyd()
        self.ws.start_ukeyd()
        self.assertEqual(self.ws.ask("workstation", "show")["fingerprint"], new)
        done = self.ws.ukeyctl("audit", "verify", self.export("revoked"), "--trust", self.trust(f"{old} revoked lost"),
                               check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        again = self.ws.ask("workstation", "rotate-key")
        self.assertEqual(again["old"], new)
        twice = self.export("twice")
        self.assertTrue(self.verify(twice, before, "--trust", self.trust(f"{old} trusted office"))["holds"])
        self.assertEqual(self.independent(twice, old).returncode, 0)
        self.ws.verify_ledger()

    def test_more_than_a_frame_at_once(self):
        self.ws.stop_ukeyd()
        with contextlib.closing(sqlite3.connect(self.ws.path("state/ukeyd.db"))) as database, database:
            head, seq = database.execute("SELECT hash, seq FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
            for seq in range(seq + 1, seq + 1201):
                time_us, payload = time.time_ns() // 1000, b'{"text":"' + b"x" * 3000 + b'"}'
                leaf = b"ukey-ledger-v1\n" + struct.pack(">QQQ", seq, time_us, seq)
                for text in (b"registry.imported", payload):
                    leaf += struct.pack(">I", len(text)) + text
                head = hashlib.sha256(head + hashlib.sha256(leaf).digest()).digest()
                database.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)",
                                 (seq, time_us, seq, "registry.imported", payload, head))
        self.ws.start_ukeyd()
        path = self.export("long")
        self.assertTrue(self.verify(path)["holds"])
        self.assertEqual(self.independent(path).returncode, 0)

    def test_changes_are_found_by_both(self):
        path = self.export("original")
        with open(path, "rb") as file:
            content = file.read()
        changed = {"payload": content.replace(b'"uses":1', b'"uses":9', 1), "cut": content[:-1], "longer": content + b"\0",
                   "name": content.replace(b'"workstation_name":"', b'"workstation_name":"x', 1),
                   "kind": content.replace(b"session.ended", b"session.begun", 1)}
        for what, bytes_ in changed.items():
            with self.subTest(what):
                self.assertNotEqual(bytes_, content)
                with open(self.ws.path("changed"), "wb") as file:
                    file.write(bytes_)
                done = self.ws.ukeyctl("audit", "verify", self.ws.path("changed"), check=False)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("✘", done.stdout)
                self.assertEqual(self.independent(self.ws.path("changed")).returncode, 1)
        chinese = self.ws.ukeyctl("audit", "verify", self.ws.path("changed"), check=False,
                                  env={"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": ""})
        self.assertIn("记录", chinese.stdout)

    def test_a_computer_that_was_set_back(self):
        """The state folder is put back from a copy: the later ledger is another one, or a shorter one."""
        ws = self.ws
        ws.stop_ukeyd()
        shutil.copytree(ws.path("state"), ws.path("state-kept"))
        ws.start_ukeyd()
        self.log_in()
        before = self.export("before")
        ws.stop_ukeyd()
        shutil.rmtree(ws.path("state"))
        shutil.copytree(ws.path("state-kept"), ws.path("state"))
        ws.start_ukeyd()
        self.assertEqual(ws.ask("workstation", "show")["fingerprint"], self.fingerprint)
        after = self.export("after")
        for path in (before, after):
            self.assertTrue(self.verify(path)["holds"])
        found, = self.verify(before, after)["contradictions"]
        self.assertEqual((found["code"], found["earlier"], found["later"]), ("bundle.fork", before, after))

    def test_key_is_nobody_elses(self):
        path = self.ws.path("state/workstation.key")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        done = self.ws.run("openssl", "pkey", "-in", path, "-pubout", "-outform", "DER", "-out", self.ws.path("public"))
        self.assertEqual(done.returncode, 0)
        digest = self.ws.run("sha256sum", self.ws.path("public")).stdout.split()[0]
        self.assertEqual(digest, self.fingerprint)


if __name__ == "__main__":
    unittest.main()
