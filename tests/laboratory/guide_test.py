# SPDX-License-Identifier: Apache-2.0
"""`diagnose --guide` at a terminal: one instruction at a time, the bus watched meanwhile; and --fix."""

import glob
import json
import os
import pty
import re
import select
import subprocess
import time
import unittest

from laboratory import BRANCH_CODE, HID, PORT, Laboratory
from workstation import DEADLINE_S, OPENSC, Failed, require, wait_until

OTHER_PORT = "1-2"


def setUpModule():
    require("pcscd", "umockdev-wrapper", OPENSC)


class Guide:
    """ukeyctl diagnose --guide with a terminal of its own, as a person sees it."""

    def __init__(self, lab, *arguments):
        preload = glob.glob("/usr/lib/*/libumockdev-preload.so.0")
        self.terminal, other_end = pty.openpty()
        self.process = subprocess.Popen([*lab.ukeyctl_command(), "diagnose", "--guide", *arguments], stdin=other_end,
                                        stdout=other_end, stderr=other_end, start_new_session=True,
                                        env={**lab.environment, "LD_PRELOAD": " ".join(preload), "UMOCKDEV_DIR": lab.root,
                                             "NO_COLOR": "1"})
        os.close(other_end)
        self.unread = ""
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def _read(self, deadline):
        ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise Failed(f"the guide said nothing more; it had said:\n{self.seen}")
        try:
            piece = os.read(self.terminal, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            piece = ""
        self.seen += piece
        self.unread += re.sub(r"\x1b\[K|\r", "", piece)
        return piece

    def expect(self, text, deadline_s=DEADLINE_S):
        """Waits for this; what came before it is no longer looked at."""
        deadline = time.monotonic() + deadline_s
        while text not in self.unread:
            if not self._read(deadline):
                raise Failed(f"the guide ended without “{text}”; it had said:\n{self.seen}")
        self.unread = self.unread.split(text, 1)[1]

    def answer(self, line=""):
        os.write(self.terminal, line.encode() + b"\n")

    def end(self):
        """Its exit code, and what it said from the last expect() on."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(deadline):
            pass
        return self.process.wait(DEADLINE_S), self.unread


class Guided(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(Laboratory())

    def test_plugged_in_then_bound(self):
        self.lab.begin(device=False, inserted=False)
        with Guide(self.lab) as guide:
            guide.expect("No U-Key is seen")
            guide.expect("→ Plug the key into this computer itself")
            guide.expect("This goes on by itself")
            self.lab.card.insert()
            self.lab.await_keys(1)
            self.lab.add_device()
            guide.expect(f"+ USB port {PORT}: Feitian ePass2003")
            guide.expect("The key is not broken")
            guide.expect("→")
            key, = self.lab.await_keys(1)
            self.lab.ukeyctl("key", "bind", key["key"], BRANCH_CODE)
            guide.expect("Press Enter when that is done")
            guide.answer()
            guide.expect("The key is in order")
            code, _ = guide.end()
        self.assertEqual(code, 0)

    def test_what_it_cannot_mend_the_person_does(self):
        """systemctl is real, and there is no systemd here: it says so, and the remedy is asked of the person."""
        self.lab.key_in_order()
        self.lab.pcscd.kill()
        self.lab.pcscd.wait()
        os.unlink(self.lab.path("pcscd.comm"))
        wait_until(lambda: self.lab.present_keys() == [], "the key is out of sight")
        with Guide(self.lab) as guide:
            guide.expect("This computer is at fault")
            guide.expect("This program can start the smart-card service pcscd: systemctl start pcscd.socket")
            guide.expect("y and Enter does it")
            guide.answer("y")
            guide.expect("did not work")
            guide.expect("→ Start it")
            self.lab.start_pcscd()
            self.lab.await_keys(1)
            guide.expect("Press Enter when that is done")
            guide.answer()
            guide.expect("The key is in order")
            code, _ = guide.end()
        self.assertEqual(code, 0)

    def mute(self, port, serial):
        self.lab.card.remove()
        wait_until(lambda: self.lab.present_keys() == [], "the card is out")
        self.lab.card.fault("mute")
        self.lab.card.insert()
        self.lab.add_device(port, strings=f"Feitian;ePass2003;{serial}")

    def begin_mute(self):
        self.lab.begin(device=False)
        self.lab.await_keys(1)
        self.mute(PORT, "0001")
        self.lab.await_device_finding("usb.no_token")

    def plug_in_a_good_card(self):
        """Behind whichever device comes next."""
        self.lab.card.remove()
        self.lab.card.fault("none")
        self.lab.card.insert()
        self.lab.await_keys(1)

    def take_out(self, guide, port):
        self.lab.tell(f"remove {port}")
        guide.expect(f"- USB port {port}")

    def test_another_port_then_another_key(self):
        """A chip that says nothing, wherever it is plugged in, beside one that works: with the key itself at fault."""
        self.begin_mute()
        with Guide(self.lab) as guide:
            guide.expect("Not decided")
            guide.expect("→ Take the key out.")
            self.take_out(guide, PORT)
            guide.expect("→ Plug the key into another port")
            self.lab.add_device(OTHER_PORT)
            guide.expect(f"+ USB port {OTHER_PORT}")
            guide.expect("Not decided")
            guide.expect("→ Is there another key of this kind")
            self.take_out(guide, OTHER_PORT)
            guide.expect(f"→ Plug the other key into the same port {OTHER_PORT}")
            self.plug_in_a_good_card()
            self.lab.ukeyctl("key", "bind", self.lab.present_keys()[0]["key"], BRANCH_CODE)
            self.lab.add_device(OTHER_PORT, strings="Feitian;ePass2003;0002")
            guide.expect("The key is in order")
            guide.expect("→ Take the other key out, and plug the key in question")
            self.lab.tell(f"remove {OTHER_PORT}")
            self.mute(OTHER_PORT, "0001")
            guide.expect("The key itself is at fault: it may be sent back.")
            code, rest = guide.end()
        self.assertEqual(code, 1)
        self.assertIn("Another key was in order at this port", rest)

    def test_without_another_key_and_ended_by_the_person(self):
        self.begin_mute()
        with Guide(self.lab) as guide:
            guide.expect("→ Take the key out.")
            guide.answer()  # it stays where it is
            guide.expect("→ Plug the key into another port")
            guide.answer()
            guide.expect("Nothing has changed.")
            guide.expect("→ Is there another key of this kind")
            guide.answer("q")
            guide.expect("Not decided")
            code, rest = guide.end()
        self.assertEqual(code, 1)
        self.assertIn("ukeyctl diagnose --output", rest)

    def test_another_port_works(self):
        self.lab.key_in_order()
        self.lab.card.remove()
        self.lab.card.fault("mute")
        self.lab.card.insert()
        self.lab.await_device_finding("usb.no_token")
        with Guide(self.lab) as guide:
            guide.expect("→ Take the key out.")
            self.take_out(guide, PORT)
            guide.expect("→ Plug the key into another port")
            self.plug_in_a_good_card()
            self.lab.add_device(OTHER_PORT)
            guide.expect(f"It works at this port, and did not at port {PORT}")
            code, _ = guide.end()
        self.assertEqual(code, 0)

    def test_another_key_gets_no_verdict(self):
        """The person leaves the good key in: it is not taken for the one in question."""
        self.begin_mute()
        with Guide(self.lab) as guide:
            guide.expect("→ Take the key out.")
            self.take_out(guide, PORT)
            guide.expect("→ Plug the key into another port")
            self.plug_in_a_good_card()
            self.lab.add_device(OTHER_PORT, strings="Feitian;ePass2003;0002")
            guide.expect("This is another key than the one that was in first.")
            guide.expect("→ Plug the key in question in its place.")
            guide.expect("ends the guide")
            guide.answer("q")
            guide.expect("Not decided")
            code, rest = guide.end()
        self.assertEqual(code, 1)
        self.assertNotIn("that port is at fault", rest)

    def test_neither_a_mouse_nor_what_was_typed_before_is_an_answer(self):
        self.lab.begin(device=False)
        self.lab.await_keys(1)
        self.lab.add_device("1-4", ids=("046d", "c077"), classes=HID, strings="Logitech;Mouse;")
        self.lab.set_attribute("1-4", "1-4:1.0/bInterfaceSubClass", "01")
        self.mute(PORT, "0001")
        self.lab.await_device_finding("usb.no_token")
        with Guide(self.lab) as guide:
            guide.expect("One step at a time")
            guide.answer()  # while it looks
            guide.answer()
            guide.expect("→ Take the key out.")
            guide.expect("ends the guide")
            self.take_out(guide, "1-4")
            with self.assertRaises(Failed):
                guide.expect("→", deadline_s=1.5)
            self.take_out(guide, PORT)
            guide.expect("→ Plug the key into another port")

    def test_needs_a_terminal(self):
        self.lab.configure()
        done = self.lab.ukeyctl("--json", "diagnose", "--guide", check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(json.loads(done.stderr)["error"]["code"], "usage.arguments")


class Fix(unittest.TestCase):
    def test_asks_first_and_says_what_did_not_work(self):
        with Laboratory() as lab:
            lab.configure()
            lab.start_on_bus()
            unasked = lab.ukeyctl("--json", "diagnose", "--fix", check=False, stdin=subprocess.DEVNULL)
            self.assertIn("it was not confirmed", unasked.stderr)
            self.assertEqual(len(json.loads(unasked.stdout)["diagnoses"]), 1, "the diagnosis is there all the same")
            for verb in ("diagnose", "doctor"):
                tried = lab.ukeyctl("--json", verb, "--fix", "--yes", check=False)
                self.assertIn("systemctl start pcscd.socket", tried.stderr)
                self.assertIn("“systemctl start pcscd.socket” did not work", tried.stderr)
                self.assertEqual(tried.returncode, 1)
                json.loads(tried.stdout)


if __name__ == "__main__":
    unittest.main()
