# SPDX-License-Identifier: Apache-2.0
"""The whole path on the real stack: in, recognised, bound, logged in with, counted, out."""

import json
import time
import unittest

from workstation import OPENSC, Workstation, program, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
OTHER = "中共重庆市涪陵区另一街道机关支部委员会"
NOBODY = 65534
# CKR_FUNCTION_REJECTED (PKCS#11 2.40), for which pkcs11-tool of Debian 12 has no name.
REFUSED = "(0x200)"


def setUpModule():
    require("pcscd", "pkcs11-tool", OPENSC)


def registry(workstation):
    workstation.import_organisations(("500102000000", [COMMITTEE]), ("500102000001", [COMMITTEE, BRANCH]))


def this_month():
    return time.strftime("%Y-%m", time.gmtime(time.time() + 8 * 3600))  # China time


class Path(unittest.TestCase):
    def test_from_insertion_to_a_counted_login_and_removal(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH)
            ws.configure()
            ws.start_ukeyd()
            watch = ws.watch()
            registry(ws)
            card.insert()
            inserted = watch.wait(lambda e: e["type"] == "key.inserted", "the key is in")["key"]
            self.assertEqual(inserted["certificate"]["organisation_name"], BRANCH)
            self.assertEqual(inserted["certificate"]["trust"], "trusted")
            self.assertEqual(inserted["admission"]["codes"], ["binding.none"])
            bound = ws.ask("key", "bind", inserted["key"], "500102000001")["key"]
            self.assertEqual(bound["organisation"]["name"], BRANCH)
            self.assertEqual(bound["admission"]["verdict"], "allow")

            ws.sign("123456")
            watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")
            session, = ws.sessions()
            self.assertEqual(session["organisation"], "500102000001")
            self.assertEqual(session["grade"], "observed")
            self.assertEqual(session["uses"], 1)
            self.assertTrue(session["counted"])
            self.assertIn(session["end_reason"], ("logout", "sessions_closed", "finalized"))
            self.assertEqual(session["executable"], "/usr/bin/pkcs11-tool")
            key = ws.key(inserted["key"])
            self.assertIs(key["pin"]["default"], True)
            self.assertIn("pin.default", [f["code"] for f in key["findings"]])

            report = ws.ask("report", "month", this_month())
            states = {row["organisation"]["code"]: row["status"] for row in report["rows"]}
            self.assertEqual(states, {"500102000000": "not_seen_here", "500102000001": "met"})
            branch, = (row for row in report["rows"] if row["status"] == "met")
            self.assertEqual((branch["covered"], branch["administrator"]), ("key", "known"))
            self.assertEqual([evidence["login"] for evidence in branch["evidence"]], [session["login"]])
            self.assertEqual(report["totals"]["login"]["fulfilled_min"], 1)
            self.assertEqual(report["totals"]["login"]["fulfilled_max"], 2, "the other may have logged in elsewhere")
            self.assertEqual(report["basis"]["ledgers"][0]["workstation"],
                             ws.ask("workstation", "show")["fingerprint"])
            early = ws.ask("report", "month", "2013-03", check=False)
            self.assertEqual(early["error"]["code"], "rule.not_valid_then")

            mark = watch.mark()  # at its start a worker may tell an insertion twice: read, then heard of
            card.remove()
            watch.wait(lambda e: e["type"] == "key.removed", "the key is out", mark)
            self.assertEqual(ws.present_keys(), [])
            ws.verify_ledger()

    def test_whoever_does_not_operate_sees_a_report_of_the_keys_that_are_in(self):
        require("setpriv")
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("a", BRANCH, inserted=True)
            ws.configure()
            ws.start_ukeyd()
            ws.import_organisations(("500102000000", [COMMITTEE]), ("500102000001", [COMMITTEE, BRANCH]),
                                    ("500102000002", [COMMITTEE, OTHER], "500102000001"))
            key, = ws.await_keys(1)
            ws.ukeyctl("key", "bind", key["key"], "500102000001")
            ws.sign("123456")
            rows = {row["organisation"]["code"]: row for row in ws.ask("report", "month", this_month())["rows"]}
            self.assertEqual([rows[code]["reason"] for code in sorted(rows)],
                             ["too_few_logins_seen_here", "own_logins", "answered_for"])
            self.assertEqual(rows["500102000002"]["via"], "500102000001")

            as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            if ws.run(*as_nobody, program("ukeyctl"), "--version", check=False).returncode != 0:
                self.skipTest("the build folder is closed to other users")
            own = json.loads(ws.run(*as_nobody, *ws.ukeyctl_command("--json", "report", "month", this_month())).stdout)
            row, = own["rows"]
            self.assertEqual((row["organisation"]["code"], row["status"]), ("500102000001", "met"))
            self.assertIsNone(row["organisation"]["administrator"])
            self.assertEqual(row["evidence"], [], "another user's login")
            self.assertEqual(own["totals"]["organisations"], 1)
            self.assertIs(own["basis"]["all_organisations"], False)

    def test_a_login_without_use_does_not_count(self):
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("a", BRANCH, inserted=True)
            ws.configure()
            ws.start_ukeyd()
            registry(ws)
            key, = ws.await_keys(1)
            ws.ukeyctl("key", "bind", key["key"], "500102000001")
            ws.pkcs11_tool("--login", "--pin", "env:P", "--list-objects", env={"P": "123456"})
            session, = ws.sessions()
            self.assertEqual((session["uses"], session["counted"]), (0, False))

    def test_a_changed_pin_clears_the_flag(self):
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("a", BRANCH, inserted=True)
            ws.configure()
            ws.start_ukeyd()
            key, = ws.await_keys(1)
            ws.sign("123456")
            self.assertIs(ws.key(key["key"])["pin"]["default"], True)
            ws.pkcs11_tool("--login", "--pin", "env:OLD", "--change-pin", "--new-pin", "env:NEW",
                           env={"OLD": "123456", "NEW": "846215"})
            self.assertIs(ws.key(key["key"])["pin"]["default"], False)
            self.assertNotIn("pin.default", [f["code"] for f in ws.key(key["key"])["findings"]])

    def test_another_organisations_key_is_refused_when_enforced(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("b", OTHER, inserted=True)
            ws.configure(mode="enforce")
            ws.start_ukeyd()
            registry(ws)
            key, = ws.await_keys(1)
            refused = ws.ukeyctl("key", "bind", key["key"], "500102000001", check=False)
            self.assertEqual(refused.returncode, 4, refused)
            self.assertIn(OTHER, refused.stderr)
            tries = card.verify_count()
            login = ws.sign("123456", check=False)
            self.assertNotEqual(login.returncode, 0)
            self.assertIn(REFUSED, login.stdout + login.stderr)
            self.assertEqual(card.verify_count(), tries, "a refused login must not reach the card")
            self.assertEqual(ws.sessions(), [])
            kinds = [record["kind"] for record in ws.ask("audit", "export", "--format", "json")["records"]]
            self.assertIn("login.refused", kinds)
            self.assertIn("binding.refused", kinds)

    def test_another_organisations_key_is_let_through_and_recorded_when_observed(self):
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("b", OTHER, inserted=True)
            ws.configure(mode="observe")
            ws.start_ukeyd()
            registry(ws)
            key, = ws.await_keys(1)
            self.assertEqual(key["admission"]["verdict"], "deny")
            self.assertFalse(key["admission"]["enforced"])
            ws.sign("123456")
            session, = ws.sessions()
            self.assertEqual(session["verdict"], "deny")
            self.assertIn("binding.unknown_organisation", session["codes"])
            self.assertFalse(session["counted"])

    def test_a_key_pulled_out_ends_its_session(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH, inserted=True)
            ws.configure()
            ws.start_ukeyd()
            ws.await_keys(1)
            watch = ws.watch()
            with ws.application() as application:
                application.login("123456")
                application.sign()
                watch.wait(lambda e: e["type"] == "session.used", "the key was used")
                card.remove()
                ended = watch.wait(lambda e: e["type"] == "session.ended", "the session has ended")["session"]
                self.assertEqual((ended["end_reason"], ended["uses"]), ("key_removed", 1))

    def test_a_key_that_is_in_before_the_start_is_found(self):
        with Workstation() as ws:
            ws.start_pcscd()
            cards = [ws.make_key("a", BRANCH, inserted=True), ws.make_key("b", OTHER, inserted=True)]
            ws.configure()
            ws.start_ukeyd()
            names = {key["certificate"]["organisation_name"] for key in ws.await_keys(2)}
            self.assertEqual(names, {BRANCH, OTHER})
            for card in cards:
                card.remove()
            ws.await_keys(0)
            kinds = [record["kind"] for record in ws.ask("audit", "export", "--format", "json")["records"]]
            self.assertEqual([kinds.count("key.inserted"), kinds.count("key.removed")], [2, 2], "each of them told once")

    def test_an_rsa_key_and_a_cfca_name(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH, "--algorithm", "rsa2048", "--subject-form", "cfca", "--code", "500102000001",
                               inserted=True)
            ws.configure()
            ws.start_ukeyd()
            registry(ws)
            key, = ws.await_keys(1)
            self.assertEqual(key["certificate"]["organisation_name"], BRANCH)
            self.assertEqual(key["certificate"]["organisation_code"], "500102000001")
            ws.ukeyctl("key", "bind", key["key"], "500102000001")
            ws.sign("123456", mechanism="SHA256-RSA-PKCS")
            self.assertTrue(ws.sessions()[0]["counted"])
            self.assertEqual(card.status()["sign_count"], 1)

    def test_certificates_that_are_not_in_order(self):
        for options, code, verdict in (
                (("--not-before", "2020-01-01", "--not-after", "2021-01-01"), "certificate.expired", "deny"),
                (("--not-before", "2090-01-01", "--not-after", "2091-01-01"), "certificate.not_yet_valid", "warn"),
                (("--days", "10"), "certificate.expires_soon", "warn"),
                (("--key-usage", "keyEncipherment"), "certificate.key_usage", "warn")):
            with self.subTest(code), Workstation() as ws:
                ws.start_pcscd()
                ws.make_key("a", BRANCH, *options, inserted=True)
                ws.configure()
                ws.start_ukeyd()
                key, = ws.await_keys(1)
                self.assertIn(code, [f["code"] for f in key["findings"]])
                self.assertEqual(key["admission"]["verdict"], verdict)

    def test_a_revoked_certificate_and_one_of_an_unknown_ca(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH, inserted=True)
            ws.run(program("virtual-ukey-ca"), "revoke", ws.path("ca"), card.folder)
            ws.configure()
            ws.start_ukeyd()
            key, = ws.await_keys(1)
            self.assertIn("certificate.revoked", [f["code"] for f in key["findings"]])
            self.assertEqual(key["admission"]["verdict"], "deny")
            ws.stop_ukeyd()
            ws.run(program("virtual-ukey-ca"), "init", ws.path("other-ca"))
            ws.write("ukeyd.toml", f'trust.paths = ["{ws.path("other-ca/root.pem")}"]\n[[module]]\nname = "opensc"\n'
                     f'path = "{OPENSC}"\n')
            ws.start_ukeyd()
            key, = ws.await_keys(1)
            self.assertIn("certificate.untrusted", [f["code"] for f in key["findings"]])

    def unreadable_cas(self, ws):
        return [f["subject"] for f in ws.ask("status")["findings"] if f["code"] == "trust.unreadable"]

    def test_a_damaged_ca_file_costs_its_chains_only(self):
        with Workstation() as ws:
            ws.start_pcscd()
            ws.make_key("a", BRANCH).insert()
            ws.configure(mode="enforce")
            with open(ws.path("trust/root.pem"), encoding="ascii") as file:
                root = file.read()
            for damaged in ("", root[:200]):
                ws.write("trust/root.pem", damaged)
                ws.start_ukeyd()
                key, = ws.await_keys(1)
                self.assertIn("certificate.untrusted", [f["code"] for f in key["findings"]])
                self.assertEqual(key["admission"]["verdict"], "deny", "without an anchor as with a foreign one")
                self.assertEqual(self.unreadable_cas(ws), [ws.path("trust/root.pem")])
                self.assertEqual(ws.ukeyctl("config", "reload", check=False).returncode, 1)
                ws.write("trust/root.pem", root)
                ws.ask("config", "reload")
                self.assertEqual(ws.key(key["key"])["certificate"]["trust"], "trusted")
                self.assertEqual(self.unreadable_cas(ws), [])
                ws.stop_ukeyd()

    def test_what_faulty_cards_show(self):
        # OpenSC does not offer a certificate that it cannot parse: for who asks it, there is none.
        for fault, code in (("garbage_certificate", "certificate.missing"), ("missing_certificate", "certificate.missing"),
                            ("locked", "pin.locked"), ("last_try", "pin.final_try")):
            with self.subTest(fault), Workstation() as ws:
                ws.start_pcscd()
                card = ws.make_key("a", BRANCH)
                ws.configure()
                ws.start_ukeyd()
                watch = ws.watch()
                card.fault(fault)
                card.insert()
                key = watch.wait(lambda e: e["type"] == "key.inserted", "the key is in")["key"]
                self.assertIn(code, [f["code"] for f in key["findings"]])
                self.assertEqual(card.verify_count(), 0)


if __name__ == "__main__":
    unittest.main()
