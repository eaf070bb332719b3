# SPDX-License-Identifier: Apache-2.0
"""What the documents list is what the programs have."""

import json
import os
import re
import subprocess
import unittest

from workstation import SOURCE, program


def explained():
    """What `ukeyctl explain` says of each code."""
    done = subprocess.run([program("ukeyctl"), "--json", "explain"], capture_output=True, text=True, check=True)
    return {entry["code"]: entry for entry in json.loads(done.stdout)["codes"]}


class Documents(unittest.TestCase):
    def test_every_code_is_documented_and_no_other(self):
        entries = explained()
        codes = set(entries)
        with open(os.path.join(SOURCE, "docs/findings.md"), encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `([^`]+)`", file.read(), re.MULTILINE))
        self.assertGreater(len(codes), 50)
        self.assertEqual(documented, codes)

    def test_the_rules_of_a_diagnosis_are_documented_as_they_are(self):
        rules = {code: entry["diagnosis"] for code, entry in explained().items() if entry["diagnosis"]}
        expected = {code: (rule["side"], rule["proof"], rule["proved"] or "–") for code, rule in rules.items()}
        with open(os.path.join(SOURCE, "docs/diagnosis.md"), encoding="utf-8") as file:
            rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| (\S+) \|$", file.read(), re.MULTILINE)
        self.assertGreater(len(rules), 50)
        self.assertEqual({code: tuple(rest) for code, *rest in rows}, expected)


if __name__ == "__main__":
    unittest.main()
