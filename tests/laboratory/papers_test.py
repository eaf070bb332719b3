# SPDX-License-Identifier: Apache-2.0
"""The return slip and the report of a diagnosis; and a diagnosis that is interrupted."""

import json
import os
import signal
import subprocess
import time
import unittest
import zipfile

from laboratory import BRANCH, HERE_CONFIGURATION, Laboratory
from workstation import OPENSC, require, wait_until

RECIPIENT = "某某科技有限公司售后服务部"


def setUpModule():
    require("pcscd", "umockdev-wrapper", OPENSC)


class Papers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Laboratory())
        cls.key = cls.lab.key_in_order(configuration=HERE_CONFIGURATION)

    def text_of(self, *arguments, tested=False, name="slip.html"):
        path = self.lab.path(name)
        (self.lab.self_test if tested else self.lab.diagnosis)("--slip", path, *arguments)
        if name.endswith(".xlsx"):
            with zipfile.ZipFile(path) as archive:
                return (archive.read("xl/workbook.xml") + archive.read("xl/sharedStrings.xml")).decode()
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_a_key_that_stays_has_a_report_and_no_slip(self):
        for name in ("stays.html", "stays.xlsx"):
            text = self.text_of(name=name)
            self.assertIn("U-Key diagnosis report", text)
            self.assertNotIn("return slip", text)
            self.assertNotIn(RECIPIENT, text, "a key that stays is sent to nobody")
            self.assertIn(BRANCH, text)

    def test_a_key_that_goes_back_has_its_slip(self):
        self.lab.card.fault("wrong_signature")
        self.addCleanup(self.lab.card.fault, "none")
        for name in ("back.html", "back.xlsx"):
            text = self.text_of(tested=True, name=name)
            for expected in ("U-Key return slip", RECIPIENT, "023-12345678", BRANCH, "张三", self.key, "096e:0807",
                             "1 of 1 signatures", "return_key"):
                self.assertIn(expected, text)
        self.assertNotIn("123456<", self.text_of(tested=True), "a PIN is nowhere")

    def test_as_json_it_is_the_file_for_another_computer(self):
        self.text_of(name="slip.json")
        self.assertEqual(self.lab.diagnosis("--previous", self.lab.path("slip.json"))["judgement"]["verdict"], "key_in_order")

    def test_a_path_that_cannot_be_written_or_has_another_ending(self):
        for path, code in ((self.lab.path("slip.pdf"), "usage.arguments"), ("/nonexistent/slip.html", "file.unwritable")):
            done = self.lab.ukeyctl("--json", "diagnose", self.key, "--slip", path, check=False)
            self.assertEqual(json.loads(done.stderr)["error"]["code"], code)


class Interrupted(unittest.TestCase):
    def test_nothing_is_left_behind(self):
        """pcscd does not answer, so that there is time: its own process is asking, or ukeyctl waits or writes."""
        with Laboratory() as lab:
            lab.begin(inserted=False)
            lab.await_device_finding("usb.no_token")
            os.kill(lab.pcscd.pid, signal.SIGSTOP)
            try:
                for delay_ms in range(0, 400, 25):
                    with self.subTest(delay_ms):
                        self.interrupt(lab, delay_ms / 1000)
            finally:
                os.kill(lab.pcscd.pid, signal.SIGCONT)

    def interrupt(self, lab, delay_s):
        folder = lab.path("output")
        os.makedirs(folder, exist_ok=True)
        process = subprocess.Popen(lab.ukeyctl_command("diagnose", "--output", os.path.join(folder, "diagnosis.json")),
                                   env=lab.environment, start_new_session=True, stdout=subprocess.DEVNULL)
        time.sleep(delay_s)  # the moment is what is tried
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(60), -signal.SIGINT)
        wait_until(lambda: not group_exists(process.pid), "its processes have ended")
        self.assertEqual(os.listdir(folder), [])

    def test_its_own_process_ends_with_it_however_it_ends(self):
        with Laboratory() as lab:
            lab.begin(inserted=False)
            lab.await_device_finding("usb.no_token")
            os.kill(lab.pcscd.pid, signal.SIGSTOP)
            try:
                process = subprocess.Popen(lab.ukeyctl_command("diagnose"), env=lab.environment, start_new_session=True,
                                           stdout=subprocess.DEVNULL)
                wait_until(lambda: len(children_of(process.pid)) == 1, "its own process asks pcscd")
                process.kill()
                process.wait()
                wait_until(lambda: not group_exists(process.pid), "its processes have ended")
            finally:
                os.kill(lab.pcscd.pid, signal.SIGCONT)


    def test_the_probe_that_tests_ends_with_it(self):
        with Laboratory() as lab:
            key = lab.key_in_order()
            reading, writing = os.pipe()
            os.write(writing, b"123456\n")
            os.close(writing)
            process = subprocess.Popen(
                lab.ukeyctl_command("diagnose", key, "--self-test", "--times", "1000", "--pin-fd", str(reading)),
                env=lab.environment, start_new_session=True, stdout=subprocess.DEVNULL, pass_fds=(reading,))
            os.close(reading)
            wait_until(lambda: lab.card.verify_count() == 1, "the probe is logged in")
            process.terminate()
            process.wait()
            wait_until(lambda: not group_exists(process.pid), "the probe has ended")


def group_exists(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


if __name__ == "__main__":
    unittest.main()
