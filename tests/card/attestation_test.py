# SPDX-License-Identifier: Apache-2.0
"""Attested logins on the real stack: the key signs, the service checks, ukeyctl checks again, also elsewhere."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import unittest

from workstation import OPENSC, SOURCE, Workstation, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
CODE = "500102000001"


def setUpModule():
    require("pcscd", "pkcs11-tool", "openssl", OPENSC)


def chained(export):
    """With hashes that fit: whoever writes a whole export can make them (docs/formats/ledger.md §2)."""
    head = bytes(32) if export["records"][0]["seq"] == 1 else bytes.fromhex(export["previous_hash"])
    for record in export["records"]:
        leaf = b"ukey-ledger-v1\n" + struct.pack(">QQQ", record["seq"], record["time_us"], record["boottime_us"])
        for text in (record["kind"].encode(), record["payload"].encode()):
            leaf += struct.pack(">I", len(text)) + text
        head = hashlib.sha256(head + hashlib.sha256(leaf).digest()).digest()
        record["hash"] = head.hex()
    return export


def revealed(record):
    """A record's payload with what it refers to (docs/formats/ledger.md §7)."""
    return json.loads((record["personal"] or {"value": "{}"})["value"]) | json.loads(record["payload"])


class Attestation(unittest.TestCase):
    def start(self, *options, extra=""):
        ws = self.enterContext(Workstation())
        ws.start_pcscd()
        self.card = ws.make_key("a", BRANCH, *options, inserted=True)
        ws.configure(extra="login.attest = true\n" + extra)
        ws.start_ukeyd()
        ws.import_organisations(("500102000000", [COMMITTEE]), (CODE, [COMMITTEE, BRANCH]))
        ws.await_keys(1)
        ws.ask("key", "bind", ws.present_keys()[0]["key"], CODE)
        return ws

    def login(self, ws):
        """What session show says of a login that has been used once and is still open."""
        self.application = self.enterContext(ws.application())
        self.application.login("123456")
        return ws.ask("session", "show", ws.sessions()[-1]["login"])

    def test_login_by_an_elliptic_curve_key(self):
        ws = self.start()
        watch = ws.watch()
        shown = self.login(ws)
        self.assertEqual((shown["session"]["grade"], shown["session"]["organisation"]), ("attested", CODE))
        self.assertEqual((shown["attestation"]["scheme"], shown["verified"]), ("ecdsa_sha256", True))
        self.assertEqual(shown["session"]["uses"], 0, "the filter's signature is no use of the key by the application")
        self.application.sign()
        watch.wait(lambda e: e["type"] == "session.used", "the use is told")
        self.assertTrue(ws.ask("session", "show", shown["session"]["login"])["session"]["counted"])
        text = ws.ukeyctl("session", "show", shown["session"]["login"][:8]).stdout
        self.assertIn("checked again: it holds", text)
        self.assertIn("What it does not prove", text)
        chinese = ws.ukeyctl("session", "show", shown["session"]["login"], env={"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": ""})
        self.assertIn("再次验证：成立", chinese.stdout)
        ws.verify_ledger()

    def test_login_by_an_rsa_key(self):
        shown = self.login(self.start("--algorithm", "rsa2048"))
        self.assertEqual((shown["session"]["grade"], shown["attestation"]["scheme"], shown["verified"]),
                         ("attested", "rsa_pkcs1_sha256", True))

    def test_one_attempt_costs_one_pin_entry(self):
        ws = self.start()
        before = self.card.verify_count()
        self.assertEqual(self.login(ws)["session"]["grade"], "attested")
        self.assertEqual(self.card.verify_count(), before + 1)

    def test_key_that_signs_wrongly_is_not_attested(self):
        ws = self.start()
        self.card.fault("wrong_signature")
        shown = self.login(ws)
        self.assertEqual((shown["session"]["grade"], shown["attestation"]), ("observed", {"refused": "wrong_signature"}))

    def test_slow_key_is_left_out_next_time(self):
        ws = self.start(extra="login.attest_limit_ms = 1\n")
        first = self.login(ws)
        self.assertEqual(first["session"]["grade"], "attested")
        self.assertGreater(first["attestation"]["duration_us"], 1000)
        self.application.expect("logout")
        self.application.login("123456")
        login = ws.sessions()[-1]["login"]
        self.assertEqual(ws.ask("session", "show", login)["attestation"], {"absent": "slow"})
        self.assertIn("took too long", ws.ukeyctl("session", "show", login).stdout)

    def test_off_by_default(self):
        ws = self.start(extra="")
        ws.configure()
        ws.ukeyctl("config", "reload")
        shown = self.login(ws)
        self.assertEqual((shown["session"]["grade"], shown["attestation"], shown["verified"]), ("observed", None, None))

    def test_checked_from_an_export_and_by_the_documents_program(self):
        ws = self.start()
        login = self.login(ws)["session"]["login"]
        exported = ws.path("export.json")
        ws.ukeyctl("audit", "export", "--format", "json", "--output", exported)
        ws.stop_ukeyd()
        offline = ("session", "show", login, "--file")
        shown = ws.ask(*offline, exported)
        self.assertEqual((shown["verified"], shown["session"]["grade"]), (True, "attested"))
        payload = self.payload_of(exported, login)
        self.assertIn("Verified OK", self.run_documents_program(ws, payload))

        # Changed by someone who can also make the chain anew: it is the signature that shows it.
        for member, value in (("uid", 4711), ("organisation", "500102000000"), ("key", "000000000000")):
            forged = {**payload, member: value}
            with self.assertRaises(subprocess.CalledProcessError, msg=member):
                self.run_documents_program(ws, forged)
        done = ws.ukeyctl(*offline, self.with_another_uid(ws, exported, login), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not hold: the signature is wrong", done.stdout)

        # Changed without that: the chain shows it, or the record that refers to it.
        text = ws.read("export.json").replace(r'\"uid\":0', r'\"uid\":1', 1)
        done = ws.ukeyctl(*offline, ws.write("changed.json", text), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not what it refers to", done.stderr)
        text = ws.read("export.json").replace(r'\"uses\":0', r'\"uses\":1', 1)
        done = ws.ukeyctl(*offline, ws.write("changed.json", text), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("chain", done.stderr)

    @staticmethod
    def payload_of(exported, login):
        with open(exported, encoding="utf-8") as file:
            records = json.load(file)["records"]
        return next(payload for record in records if record["kind"] == "session.started"
                    and (payload := revealed(record))["login"] == login)

    @staticmethod
    def with_another_uid(ws, exported, login):
        """The session's record alone, as the first of an export: nothing before it can contradict it. What it refers to
        is another user's, and it refers to that."""
        with open(exported, encoding="utf-8") as file:
            export = json.load(file)
        record = next(r for r in export["records"] if r["kind"] == "session.started" and login in r["payload"])
        value = record["personal"]["value"].replace('"uid":0', '"uid":4711')
        record["personal"]["value"] = value
        reference = "r1:" + hashlib.sha256(b"ukey-reference-v1\n" + bytes.fromhex(record["personal"]["salt"])
                                           + value.encode()).hexdigest()
        record["payload"] = json.dumps(json.loads(record["payload"]) | {"personal": reference}, separators=(",", ":"))
        return ws.write("forged.json", json.dumps(chained({**export, "records": [record]})))

    def test_record_in_another_ledger_is_not_attested(self):
        ws = self.start()
        login = self.login(ws)["session"]["login"]
        whole, part = ws.path("whole.json"), ws.path("part.json")
        ws.ukeyctl("audit", "export", "--format", "json", "--output", whole)
        with open(whole, encoding="utf-8") as file:
            export = json.load(file)
        record = next(r for r in export["records"] if r["kind"] == "session.started")
        named = revealed(record)["attestation"]["ledger_seq"]
        ws.ukeyctl("audit", "export", "--format", "json", "--from-seq", str(named + 1), "--output", part)
        ws.stop_ukeyd()
        offline = ("session", "show", login, "--file")
        self.assertEqual(ws.ask(*offline, whole)["place"], "confirmed")
        shown = ws.ask(*offline, part)
        self.assertEqual((shown["place"], shown["verified"]), ("not_in_export", True))
        self.assertIn("not in the export", ws.ukeyctl(*offline, part).stdout)

        others = {"payload": "{}", "kind": "daemon.started", "time_us": record["time_us"], "boottime_us": 1}
        for records, reason in (([{**record, "seq": 1}], "wrong_place"),
                                ([{**others, "seq": seq} for seq in range(1, record["seq"])] + [record], "wrong_place"),
                                ([{**record, "time_us": record["time_us"] - 10 ** 12}], "wrong_time")):
            forged = ws.write("forged.json", json.dumps(chained({**export, "records": records})))
            shown = ws.ask(*offline, forged)
            self.assertEqual((shown["verified"], shown["reason"]), (False, reason))

    @staticmethod
    def run_documents_program(ws, payload):
        with open(os.path.join(SOURCE, "docs/formats/login-record.md"), encoding="utf-8") as file:
            program = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
        return subprocess.run([sys.executable, "-B", "-c", program], input=json.dumps(payload), text=True, cwd=ws.folder,
                              capture_output=True, check=True).stdout


if __name__ == "__main__":
    unittest.main()
