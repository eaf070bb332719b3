# SPDX-License-Identifier: Apache-2.0
"""A sample assessment as a file, in any format and language; and the programs that look at it."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("UKEY_BUILD_DIR", os.path.join(SOURCE, "build/dev"))
LANGUAGES = ("en", "zh_CN")
SCOPES = ("workstation", "district")
PROGRAM_S = 120  # a loaded computer must not fail a test, a hang must


def environment(language):
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": language, "UKEY_LOCALE_DIR": os.path.join(BUILD, "locale")}


def write_sample(form, scope, organisations, path, language="en"):
    subprocess.run([os.path.join(BUILD, "tests/report/assessment_sample"), form, scope, str(organisations), path],
                   check=True, env=environment(language), timeout=PROGRAM_S)
    return path


class ReportTest(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ukey-report-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def sample(self, form, scope, organisations, language="en"):
        return write_sample(form, scope, organisations, self.path(f"{scope}-{organisations}-{language}.{form}"), language)

    def assessment(self, scope, organisations):
        """What the file has to say, as JSON says it."""
        with open(self.sample("json", scope, organisations), encoding="utf-8") as file:
            return json.load(file)

    def need(self, *programs):
        """The first of them that is there; else the test is skipped, and says so."""
        for name in programs:
            if shutil.which(name):
                return name
        self.skipTest(f"none of {', '.join(programs)} is installed")
        return None
