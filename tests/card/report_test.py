# SPDX-License-Identifier: Apache-2.0
"""The month's report of a real service in every format, and the files at the end of a month."""

import datetime
import glob
import json
import os
import subprocess
import unittest
import zipfile

from workstation import OPENSC, Workstation, program, require

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
CODE = "500102000001"
CHINA = datetime.timezone(datetime.timedelta(hours=8))


def setUpModule():
    require("pcscd", OPENSC)


def this_month():
    return datetime.datetime.now(CHINA).strftime("%Y-%m")


def month_before(month, back=1):
    year, number = map(int, month.split("-"))
    index = year * 12 + number - 1 - back
    return f"{index // 12}-{index % 12 + 1:02}"


class Report(unittest.TestCase):
    """One workstation with one login, which all tests look at."""

    @classmethod
    def setUpClass(cls):
        cls.ws = ws = cls.enterClassContext(Workstation())
        ws.start_pcscd()
        ws.make_key("a", BRANCH, inserted=True)
        ws.configure(extra=f'report.folder = "{ws.path("configured")}"\n')
        ws.start_ukeyd()
        ws.import_organisations(("500102000000", [COMMITTEE]), (CODE, [COMMITTEE, BRANCH]))
        ws.await_keys(1)
        ws.ask("key", "bind", ws.present_keys()[0]["key"], CODE)
        with ws.application() as application:
            application.login("123456")
            application.sign()
            application.expect("logout")
        cls.fingerprint = ws.ask("workstation", "show")["fingerprint"]
        cls.last = month_before(this_month())

    def setUp(self):
        self.folder = self.ws.path(self.id().rsplit(".", 1)[-1])
        os.makedirs(self.folder)

    def files(self, folder=None):
        return sorted(os.path.basename(path) for path in glob.glob(os.path.join(folder or self.folder, "*")))

    def names(self, *months):
        return sorted(f"ukey-{month}-{self.fingerprint[:8]}.{kind}" for month in months for kind in ("bundle", "html", "xlsx"))

    def export(self, *options, folder=None):
        return self.ws.ask("report", "export-month", "--folder", folder or self.folder, *options)["months"]

    def refused(self, *options):
        done = self.ws.ukeyctl("--json", "report", "export-month", "--folder", self.folder, *options, check=False)
        return done.returncode, json.loads(done.stderr)["error"]["code"]

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def test_every_format_of_this_month(self):
        for form in ("table", "json", "csv", "xlsx", "html"):
            path = os.path.join(self.folder, form)
            self.ws.ukeyctl("report", "month", this_month(), "--format", form, "--output", path)
            if form == "xlsx":
                with zipfile.ZipFile(path) as book:
                    self.assertIsNone(book.testzip())
            else:
                self.assertIn(BRANCH, self.read(form).decode())
        rows = {row["organisation"]["code"]: row for row in json.loads(self.read("json"))["rows"]}
        self.assertEqual("met", rows[CODE]["status"])
        self.assertEqual(1, len(rows[CODE]["evidence"]))

    def test_a_spreadsheet_goes_to_a_pipe(self):
        done = subprocess.run(self.ws.ukeyctl_command("report", "month", this_month(), "--format", "xlsx"),
                              env=self.ws.environment, capture_output=True, check=True)
        self.assertTrue(done.stdout.startswith(b"PK"))

    def test_the_month_that_has_ended(self):
        month, = self.export()
        self.assertEqual(self.names(self.last), self.files())
        self.assertEqual(self.names(self.last), sorted(map(os.path.basename, month.values())))
        with zipfile.ZipFile(month["xlsx"]) as book:
            self.assertIsNone(book.testzip())
        self.assertIn(self.last, self.read(os.path.basename(month["html"])).decode())
        self.assertTrue(self.ws.ask("audit", "verify", month["bundle"])["holds"])
        before = {name: self.read(name) for name in self.files()}
        self.assertEqual([], self.export())  # nothing left to do
        self.assertEqual(before, {name: self.read(name) for name in self.files()})

    def test_a_file_that_is_there_stays(self):
        _, html, xlsx = self.names(self.last)
        with open(os.path.join(self.folder, xlsx), "wb") as file:
            file.write(b"the office's own")
        self.assertEqual((1, "file.other_content"), self.refused())
        self.assertEqual((1, "file.other_content"), self.refused("--month", self.last))
        self.assertEqual(b"the office's own", self.read(xlsx))
        self.assertNotIn(html, self.files())

    def test_a_bundle_goes_on_where_the_last_one_ended(self):
        early = month_before(self.last)
        first, = self.export("--month", early)
        second, = self.export()
        verdict = self.ws.ask("audit", "verify", first["bundle"], second["bundle"])
        self.assertTrue(verdict["holds"], verdict)
        ranges = [(bundle["first_seq"], bundle["last_seq"]) for bundle in verdict["bundles"]]
        self.assertEqual(1, ranges[0][0])
        self.assertEqual(ranges[0][1] + 1, ranges[1][0])

    def test_months_that_were_missed(self):
        early = month_before(self.last, 3)
        self.export("--month", early)
        self.assertEqual(3, len(self.export()))
        self.assertEqual(self.names(early, month_before(self.last, 2), month_before(self.last), self.last), self.files())

    def test_a_month_that_is_not_over(self):
        self.assertEqual((2, "report.month_not_over"), self.refused("--month", this_month()))
        self.assertEqual([], self.files())

    def test_the_folder_of_the_configuration(self):
        command = ("--json", "report", "export-month")
        done = self.ws.ukeyctl(*command, check=False)
        self.assertEqual("file.unwritable", json.loads(done.stderr)["error"]["code"])  # it is not there: nobody makes it
        os.makedirs(self.ws.path("configured"))
        self.ws.ukeyctl(*command)
        self.assertEqual(self.names(self.last), self.files(self.ws.path("configured")))

    def test_without_a_folder_nothing_is_done(self):
        config = self.ws.write("no-folder.toml", "")
        done = self.ws.run(program("ukeyctl"), "--runtime-dir", self.ws.path("run"), "--config", config, "--json", "report",
                           "export-month")
        self.assertEqual({"months": []}, json.loads(done.stdout))


if __name__ == "__main__":
    unittest.main()
