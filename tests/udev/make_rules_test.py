# SPDX-License-Identifier: Apache-2.0
"""The table of devices is in order, each defect is found on its line, and what is made from the table is reproducible."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
MAKE_RULES = os.path.join(SOURCE, "udev/make_rules.py")
TABLE = os.path.join(SOURCE, "udev/usb_keys.csv")
DOCUMENT = os.path.join(SOURCE, "docs/formats/usb-keys-csv.md")

sys.path.insert(0, os.path.dirname(MAKE_RULES))
import make_rules  # pylint: disable=wrong-import-position

HEADER = "vendor_id,product_id,vendor,product,transport,role,middleware,certain,source\n"
FIRST = "055c,db08,Longmai,GM3000,mass_storage,ukey,libgm3000.so,yes,user report\n"
SECOND = "096e,0807,Feitian,ePass2003,ccid,ukey,OpenSC,yes,libccid\n"


def run(*arguments):
    return subprocess.run([sys.executable, "-B", MAKE_RULES, *arguments], capture_output=True, text=True, check=False)


class Folder(unittest.TestCase):
    """Tests with a folder of their own."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, content):
        path = self.path("table.csv")
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()


class Check(Folder):
    def problems(self, content):
        """What the check says of a table, without the name of the file."""
        path = self.write(content)
        done = run("--check", path)
        self.assertEqual(done.returncode, 1 if done.stderr else 0, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertTrue(all(line.startswith(path + ":") for line in lines), done.stderr)
        return [line.removeprefix(path + ":") for line in lines]

    def test_our_table_has_no_problem(self):
        done = run("--check", TABLE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_good_table(self):
        self.assertEqual(self.problems(HEADER + FIRST + SECOND), [])
        self.assertEqual(self.problems(HEADER + FIRST.replace("user report", '"a report, quoted"')), [])

    def test_each_defect_of_a_row_is_named_with_its_line(self):
        for old, new, expected in (
                ("user report", "", "source is empty"),
                ("libgm3000.so", "", "middleware is empty"),
                ("055c", "055C", "vendor_id '055C' is not four lower-case hexadecimal digits"),
                ("db08", "b08", "product_id 'b08' is not four lower-case hexadecimal digits"),
                ("mass_storage", "storage", "unknown transport 'storage'; known are ccid, hid, mass_storage, vendor, unknown"),
                (",ukey,", ",party,", "unknown role 'party'; known are ukey, reader, fido, bank, dongle"),
                (",yes,", ",maybe,", "unknown certain 'maybe'; known are yes, no"),
                ("Longmai", " Longmai", "vendor begins or ends with a space"),
                ("GM3000", "GM#3000", "product contains #, which udev does not take"),
                ("Longmai", '"Long""mai"', 'vendor contains ", which udev does not take'),
                ("Longmai,", "", "8 cells instead of 9"),
                ("user report\n", "user report,\n", "10 cells instead of 9"),
                ("user report", '"user report', "not CSV: unexpected end of data"),
                ("user report\n", "user report\r\n", "a character that cannot be printed (lines end with LF alone)"),
                ("055c,", "\n055c,", "0 cells instead of 9")):
            with self.subTest(expected):
                self.assertEqual(self.problems(HEADER + FIRST.replace(old, new) + SECOND), [f"2: {expected}"])

    def test_text_that_is_not_utf_8(self):
        gb18030 = (HEADER + FIRST.replace("Longmai", "龙脉")).encode("gb18030")
        self.assertEqual(self.problems(gb18030), ["2: not UTF-8"])

    def test_order_and_duplicates(self):
        self.assertEqual(self.problems(HEADER + SECOND + FIRST), ["3: not sorted: 055c:db08 comes before 096e:0807"])
        self.assertEqual(self.problems(HEADER + FIRST + SECOND + SECOND), ["4: 096e:0807 is already on line 3"])

    def test_the_header_and_the_end(self):
        self.assertEqual(self.problems("vendor,product\n" + FIRST), ["1: the first line must be " + HEADER.strip()])
        self.assertEqual(self.problems(""), ["1: the first line must be " + HEADER.strip()])
        self.assertEqual(self.problems((HEADER + FIRST).rstrip("\n")), ["2: the last line has no line end"])

    def test_all_problems_come_at_once_by_line(self):
        problems = self.problems(HEADER + SECOND.replace("libccid", "") + FIRST.replace("ukey", "key"))
        self.assertEqual([problem.partition(":")[0] for problem in problems], ["2", "3", "3"])

    def test_a_table_that_is_not_there(self):
        done = run("--check", self.path("none.csv"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.csv", done.stderr)


class Make(Folder):
    def make(self, table=TABLE, suffix=""):
        return run("--csv", table, "--hwdb", self.path("hwdb" + suffix), "--rules", self.path("rules" + suffix),
                   "--power-rules", self.path("power" + suffix))

    def test_the_same_table_gives_the_same_bytes(self):
        for suffix in ("", "-again"):
            self.assertEqual(self.make(suffix=suffix).returncode, 0)
        for name in ("hwdb", "rules", "power"):
            self.assertEqual(self.read(name), self.read(name + "-again"))

    def test_nothing_is_made_from_a_table_with_a_problem(self):
        done = self.make(self.write(HEADER + FIRST + FIRST))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(os.listdir(self.folder), ["table.csv"])

    def test_nobody_else_gets_access(self):
        self.make()
        modes = re.findall(r'MODE:?="([0-7]*)"', self.read("rules") + self.read("power"))
        self.assertEqual(set(modes), {"0660"})

    def test_usage(self):
        for arguments in ((), ("--csv", TABLE), ("--check", TABLE, "--csv", TABLE), ("--check", TABLE, "--hwdb", "x")):
            self.assertEqual(run(*arguments).returncode, 2, arguments)


class Document(unittest.TestCase):
    def test_every_word_of_the_table_is_explained(self):
        with open(DOCUMENT, encoding="utf-8") as file:
            explained = set(re.findall(r"^\| `([^`]+)`", file.read(), re.MULTILINE))
        words = {*make_rules.COLUMNS, *make_rules.TRANSPORT_USES_HIDRAW, *make_rules.ROLE_IS_UKEY}
        self.assertEqual(words - explained, set())


if __name__ == "__main__":
    unittest.main()
