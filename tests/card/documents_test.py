# SPDX-License-Identifier: Apache-2.0
"""What the documents list is what the programs have."""

import json
import os
import re
import subprocess
import unittest

from workstation import SOURCE, program


class Documents(unittest.TestCase):
    def test_every_code_is_documented_and_no_other(self):
        done = subprocess.run([program("ukeyctl"), "--json", "explain"], capture_output=True, text=True, check=True)
        codes = {entry["code"] for entry in next(iter(json.loads(done.stdout).values()))}
        with open(os.path.join(SOURCE, "docs/findings.md"), encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `([^`]+)`", file.read(), re.MULTILINE))
        self.assertGreater(len(codes), 50)
        self.assertEqual(documented, codes)


if __name__ == "__main__":
    unittest.main()
