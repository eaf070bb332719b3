# SPDX-License-Identifier: Apache-2.0
"""Two real workstations, and the district office that puts their bundles together without a service."""

import json
import os
import shutil
import time
import unittest

from workstation import OPENSC, Workstation, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
FIRST = "中共重庆市涪陵区测试街道机关支部委员会"
SECOND = "中共重庆市涪陵区测试街道社区支部委员会"
ROWS = (("500102000000", [COMMITTEE]), ("500102000001", [COMMITTEE, FIRST]), ("500102000002", [COMMITTEE, SECOND]))


def setUpModule():
    require("pcscd", OPENSC)


def this_month():
    return time.strftime("%Y-%m", time.gmtime(time.time() + 8 * 3600))  # China time


class Office:
    """A folder with the store; ukeyctl runs in it with no service to talk to."""

    def __init__(self, workstation):
        self.ws = workstation
        self.store = workstation.path("district.db")

    def ask(self, verb, *arguments, code=0):
        done = self.ws.ukeyctl("--json", "district", verb, self.store, *arguments, check=False)
        if done.returncode != code:
            raise AssertionError(f"district {verb}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout or done.stderr)

    def statuses(self):
        report = self.ask("report", this_month())
        return {row["organisation"]["code"]: row["status"] for row in report["rows"]}, report


class District(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workstations = []
        for name, code in ((FIRST, "500102000001"), (SECOND, "500102000002")):
            ws = cls.enterClassContext(Workstation())
            ws.start_pcscd()
            ws.make_key("a", name, inserted=True)
            ws.configure()
            ws.start_ukeyd()
            ws.import_organisations(*ROWS)
            key, = ws.await_keys(1)
            ws.ask("key", "bind", key["key"], code)
            cls.workstations.append(ws)

    @staticmethod
    def log_in(ws):
        with ws.application() as application:
            application.login("123456")
            application.sign()
            application.expect("logout")

    @staticmethod
    def export(ws, name):
        path = ws.path(name)
        ws.ukeyctl("audit", "export", "--format", "bundle", "--output", path)
        return path

    def fingerprint(self, ws):
        return ws.ask("workstation", "show")["fingerprint"]

    def test_from_bundles_to_the_month_s_report(self):
        one, two = self.workstations
        office = Office(one)
        self.assertEqual(office.ask("init")["store"], office.store)
        self.assertEqual(office.ask("init", code=1)["error"]["code"], "district.exists")
        one.ukeyctl("org", "import", one.path("organisations.csv"), "--district", office.store)
        self.log_in(one)
        first = self.export(one, "one.bundle")
        office.ask("enrol", self.fingerprint(one).upper(), "--name", "李渡街道 1")
        office.ask("enrol", self.fingerprint(two), "--name", "李渡街道 2")

        with self.subTest("one bundle is there, one is not"):
            imported = office.ask("import", first)
            self.assertEqual(imported["bundles"][0]["added"], imported["bundles"][0]["records"])
            status = office.ask("status", this_month())
            self.assertEqual({w["name"]: w["month"] for w in status["workstations"]},
                             {"李渡街道 1": "incomplete", "李渡街道 2": "missing"})
            self.assertEqual({f["code"] for f in status["findings"]},
                             {"district.workstation_incomplete", "district.workstation_missing"})
            statuses, _ = office.statuses()
            self.assertEqual(statuses["500102000001"], "met")
            self.assertEqual(statuses["500102000002"], "cannot_tell")

        with self.subTest("a changed bundle is refused as a whole"):
            with open(first, "rb") as file:
                changed = bytearray(file.read())
            changed[len(changed) // 2] ^= 1
            with open(one.path("changed.bundle"), "wb") as file:
                file.write(changed)
            refused = office.ask("import", one.path("changed.bundle"), code=1)
            self.assertFalse(refused["holds"])
            self.assertEqual(refused["bundles"][0]["added"], 0)

        with self.subTest("both are there"):
            self.log_in(two)
            shutil.copy(self.export(two, "two.bundle"), one.path("two.bundle"))
            imported = office.ask("import", one.path("two.bundle"), first)
            self.assertEqual([bundle["known"] for bundle in imported["bundles"]], [False, True])
            statuses, report = office.statuses()
            self.assertEqual((statuses["500102000001"], statuses["500102000002"]), ("met", "met"))
            self.assertEqual(office.ask("status")["conflicts"], [])

        with self.subTest("the same again is the same report"):
            office.ask("import", first, one.path("two.bundle"))
            self.assertEqual(office.statuses()[1], report)

    def test_state_that_was_set_back_is_a_fork(self):
        _, two = self.workstations
        office = Office(two)
        office.ask("init")
        office.ask("enrol", self.fingerprint(two))
        two.stop_ukeyd()
        shutil.copytree(two.path("state"), two.path("copy"))
        bundles = []
        for name in ("before.bundle", "after.bundle"):
            two.start_ukeyd()
            two.await_keys(1)
            self.log_in(two)
            bundles.append(self.export(two, name))
            two.stop_ukeyd()
            shutil.rmtree(two.path("state"))
            shutil.copytree(two.path("copy"), two.path("state"))
        two.start_ukeyd()
        two.await_keys(1)
        self.assertEqual(office.ask("import", *bundles)["conflicts_of"], [self.fingerprint(two)])
        codes = {conflict["code"] for conflict in office.ask("status", this_month())["conflicts"]}
        self.assertIn("bundle.fork", codes)
        self.assertTrue(os.path.exists(office.store))


if __name__ == "__main__":
    unittest.main()
