# SPDX-License-Identifier: Apache-2.0
"""One key manages one organisation; an organisation may have several keys; a name is right in every character or wrong."""

import json
import sqlite3
import unittest
from concurrent.futures import ThreadPoolExecutor

from workstation import OPENSC, Workstation, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道(机关)支部委员会"
TWIN = "中共重庆市涪陵区测试街道第二支部委员会"


def setUpModule():
    require("pcscd", "pkcs11-tool", OPENSC)


def registry(workstation):
    return workstation.import_organisations(("500102000000", [COMMITTEE]), ("500102000001", [COMMITTEE, BRANCH]),
                                            ("500102000002", [COMMITTEE, TWIN]))


class Binding(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation(readers=2))
        self.ws.start_pcscd()

    def start(self, *names, mode="observe"):
        for number, name in enumerate(names):
            self.ws.make_key(f"card{number}", name, inserted=True)
        self.ws.configure(mode=mode)
        self.ws.start_ukeyd()
        registry(self.ws)
        return self.ws.await_keys(len(names))

    def test_three_keys_of_one_organisation(self):
        for key in self.start(BRANCH, BRANCH, BRANCH):
            self.ws.ukeyctl("key", "bind", key["key"], "500102000001")
        self.assertEqual(len(self.ws.ask("org", "show", "500102000001")["organisation"]["keys"]), 3)
        self.assertEqual({key["admission"]["verdict"] for key in self.ws.present_keys()}, {"allow"})

    def test_a_bound_key_is_not_bound_to_another(self):
        key, = self.start(BRANCH)
        self.ws.ukeyctl("key", "bind", key["key"], "500102000001")
        refused = self.ws.ask("key", "bind", key["key"], "500102000002", check=False)
        self.assertEqual(refused["error"]["code"], "binding.taken")
        self.assertEqual(self.ws.key(key["key"])["organisation"]["code"], "500102000001")
        self.ws.ukeyctl("key", "release", key["key"])
        self.assertIsNone(self.ws.key(key["key"])["organisation"])

    def test_two_binds_at_once(self):
        """The same name under two codes, so that both could succeed: exactly one may."""
        key, = self.start(TWIN)
        self.ws.import_organisations(("500102000003", [COMMITTEE, "分部", TWIN]), ("500102000004", [COMMITTEE, "分部"]),
                                     file="more.csv")
        with ThreadPoolExecutor(8) as pool:
            codes = ["500102000002", "500102000003"] * 8
            done = list(pool.map(lambda code: self.ws.ukeyctl("key", "bind", key["key"], code, check=False), codes))
        succeeded = {code for code, one in zip(codes, done) if one.returncode == 0}
        self.assertEqual(len(succeeded), 1, done)
        self.assertEqual({self.ws.key(key["key"])["organisation"]["code"]}, succeeded)
        self.assertEqual({one.returncode for one in done}, {0, 4})
        self.ws.verify_ledger()

    def test_the_database_itself_refuses_a_second_organisation(self):
        key, = self.start(BRANCH)
        self.ws.ukeyctl("key", "bind", key["key"], "500102000001")
        self.ws.stop_ukeyd()
        with sqlite3.connect(self.ws.path("state/ukeyd.db")) as database:
            columns = "(key_id, organisation, spki_sha256, bound_us, bound_by_uid)"
            with self.assertRaises(sqlite3.IntegrityError):
                database.execute(f"INSERT INTO binding {columns} VALUES (?, '500102000002', 'x', 0, 0)", (key["key"],))
            with self.assertRaises(sqlite3.IntegrityError):  # the same key pair under another id
                database.execute("INSERT INTO key SELECT 'other', manufacturer, model, 'other', label, certificate, 0, 0, NULL, 0, NULL, NULL "
                                 "FROM key")
                database.execute(f"INSERT INTO binding {columns} SELECT 'other', '500102000002', spki_sha256, 0, 0 FROM binding")
            with self.assertRaises(sqlite3.IntegrityError):
                database.execute("UPDATE binding SET organisation = '500102000002'")
            for statement in ("UPDATE ledger SET kind = 'x' WHERE seq = 1", "DELETE FROM ledger"):
                with self.assertRaises(sqlite3.IntegrityError):
                    database.execute(statement)

    def test_a_full_width_bracket_is_shown_and_the_right_name_suggested(self):
        wrong = BRANCH.replace("(", "（").replace(")", "）")
        key, = self.start(wrong)
        key = self.ws.present_keys()[0]
        mismatch, = [f for f in key["findings"] if f["code"] == "binding.name_mismatch"]
        self.assertEqual(mismatch["arguments"]["organisation_name"], BRANCH)
        refused = self.ws.ukeyctl("key", "bind", key["key"], "500102000001", check=False)
        self.assertEqual(refused.returncode, 4)
        for part in (BRANCH, "U+FF08", "U+0028", "U+FF09", "U+0029"):
            self.assertIn(part, refused.stderr)

    def test_a_renewed_certificate_for_another_organisation_is_refused(self):
        key, = self.start(BRANCH, mode="enforce")
        self.ws.ukeyctl("key", "bind", key["key"], "500102000001")
        card = self.ws.keys["card0"]
        watch = self.ws.watch()
        card.remove()
        watch.wait(lambda e: e["type"] == "key.removed", "the key is out")
        self.ws.issue(card, TWIN)
        card.tell(do="reload")
        card.insert()
        again = watch.wait(lambda e: e["type"] == "key.inserted", "the key is in again")["key"]
        self.assertEqual(again["key"], key["key"])
        self.assertIn("binding.other_organisation", again["admission"]["codes"])
        login = self.ws.sign("123456", check=False)
        self.assertIn("(0x200)", login.stdout + login.stderr)  # CKR_FUNCTION_REJECTED

    def test_a_new_key_pair_is_reported_until_it_is_confirmed(self):
        key, = self.start(BRANCH)
        self.ws.ukeyctl("key", "bind", key["key"], "500102000001")
        card = self.ws.keys["card0"]
        watch = self.ws.watch()
        card.remove()
        watch.wait(lambda e: e["type"] == "key.removed", "the key is out")
        self.ws.issue(card, BRANCH, "--new-key")
        card.tell(do="reload")
        card.insert()
        again = watch.wait(lambda e: e["type"] == "key.inserted", "the key is in again")["key"]
        self.assertIn("binding.rekeyed", [f["code"] for f in again["findings"]])
        confirmed = self.ws.ask("key", "bind", again["key"], "500102000001")["key"]
        self.assertNotIn("binding.rekeyed", [f["code"] for f in confirmed["findings"]])


class Returning(unittest.TestCase):
    """A key goes back; another one takes its place; the month counts the logins of both."""

    def setUp(self):
        self.ws = self.enterContext(Workstation(readers=2))
        self.ws.start_pcscd()
        self.old_card = self.ws.make_key("old", BRANCH, inserted=True)
        self.new_card = self.ws.make_key("new", BRANCH)
        self.ws.configure(mode="enforce")
        self.ws.start_ukeyd()
        registry(self.ws)
        self.old, = self.ws.await_keys(1)
        self.ws.ukeyctl("key", "bind", self.old["key"], "500102000001")

    def exchange(self):
        """The old card out, the new one in; its key's id."""
        self.old_card.remove()
        self.ws.await_keys(0)
        self.new_card.insert()
        new, = self.ws.await_keys(1)
        return new["key"]

    def test_a_returned_key_logs_in_no_more_and_is_never_bound_again(self):
        unsure = self.ws.ukeyctl("key", "return", self.old["key"], check=False)
        self.assertEqual(unsure.returncode, 1, "nobody is there to be asked")
        self.assertEqual(self.ws.sign().returncode, 0)
        self.ws.ukeyctl("key", "return", "--yes", self.old["key"])
        key = self.ws.key(self.old["key"])
        self.assertIsNone(key["organisation"])
        self.assertIn("key.returned", [f["code"] for f in key["findings"]])
        self.assertNotEqual(self.ws.sign(check=False).returncode, 0)
        for command in (["key", "bind", self.old["key"], "500102000001"], ["key", "return", "--yes", self.old["key"]]):
            refused = self.ws.ukeyctl("--json", *command, check=False)
            self.assertEqual((refused.returncode, json.loads(refused.stderr)["error"]["code"]), (4, "key.returned"))
        self.ws.verify_ledger()

    def test_the_new_key_inherits_the_organisation_and_the_month_counts_both(self):
        self.ws.sign()
        new = self.exchange()
        self.ws.ukeyctl("key", "replace", "--yes", self.old["key"], new)
        self.assertEqual(self.ws.key(new)["organisation"]["code"], "500102000001")
        self.ws.sign()
        sessions = self.ws.sessions()
        self.assertEqual({s["key"] for s in sessions}, {self.old["key"], new})
        month = sessions[0]["started_at"][:7]
        row, = (r for r in self.ws.ask("report", "month", month)["rows"] if r["organisation"]["code"] == "500102000001")
        self.assertEqual((row["status"], row["covered"]), ("met", "key"))
        self.assertEqual({e["login"] for e in row["evidence"]}, {s["login"] for s in sessions})
        self.assertEqual(self.ws.ask("key", "show", self.old["key"])["key"]["present"], False)
        self.ws.verify_ledger()

    def test_one_that_was_returned_before_is_replaced_when_the_new_one_comes(self):
        self.ws.ukeyctl("key", "return", "--yes", self.old["key"])
        new = self.exchange()
        self.ws.ukeyctl("key", "replace", "--yes", self.old["key"], new)
        self.assertEqual(self.ws.key(new)["organisation"]["code"], "500102000001")
        kinds = [r["kind"] for r in self.ws.ask("audit", "export", "--format", "json")["records"]]
        self.assertEqual(kinds.count("key.released"), 1)
        self.ws.verify_ledger()

    def test_what_cannot_be_inherited(self):
        new = self.exchange()
        for old, by, code in ((new, new, "key.never_bound"), (new, self.old["key"], "key.never_bound"), ("none", new, "key.not_found")):
            self.assertEqual(self.ws.ask("key", "replace", "--yes", old, by, check=False)["error"]["code"], code)
        self.new_card.remove()
        self.ws.await_keys(0)
        self.ws.issue(self.new_card, TWIN)
        self.new_card.tell(do="reload")
        self.new_card.insert()
        self.ws.await_keys(1)
        self.assertEqual(self.ws.ask("key", "replace", "--yes", self.old["key"], new, check=False)["error"]["code"],
                         "binding.other_organisation")
        self.assertEqual(self.ws.key(self.old["key"])["organisation"]["code"], "500102000001", "the old one stays as it was")


if __name__ == "__main__":
    unittest.main()
