# SPDX-License-Identifier: Apache-2.0
"""The bus through real libusb: devices come and go, and one that stays without a token names the missing layer."""

import subprocess
import unittest

from workstation import Workstation, program, require, sanitizer_environment

CCID, HID, STORAGE = "0b", "03", "08"


def setUpModule():
    require("umockdev-wrapper")


class Bus:
    """ukeyd on an invented bus."""

    def __init__(self, ws):
        self.ws = ws
        ws.start_ukeyd(wrapper=("umockdev-wrapper", program("usb_stage"), "--"), stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)
        self.stage = ws.ukeyd

    def tell(self, command):
        self.stage.stdin.write(command.encode() + b"\n")
        self.stage.stdin.flush()
        return self.stage.stdout.readline().decode().strip()

    def add(self, port, vendor, product, classes, strings=""):
        answer = self.tell(f"add {port} {vendor} {product} {classes} {strings}")
        assert answer == "ok", answer

    def remove(self, port):
        assert self.tell(f"remove {port}") == "ok"

    def pid(self):
        return int(self.tell("pid"))

    def devices(self):
        return {device["port"]: device for device in self.ws.ask("status")["usb"]["devices"]}


class Detection(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=(), extra="usb.token_wait_ms = 50\n")
        self.bus = Bus(self.ws)
        self.watch = self.ws.watch()

    def wait(self, kind, port):
        return self.watch.wait(lambda e: e["type"] == kind and e["subject"] == port, f"{kind} {port}")

    def test_a_key_of_the_table_comes_and_goes(self):
        self.bus.add("1-1", "096e", "0807", CCID, "Feitian;ePass2003;0001")
        added = self.wait("usb.added", "1-1")["device"]
        self.assertEqual((added["vendor"], added["product"], added["role"]), ("Feitian", "ePass2003", "ukey"))
        self.assertEqual((added["serial_string"], added["interface_classes"]), ("0001", ["0b"]))
        self.bus.remove("1-1")
        self.wait("usb.removed", "1-1")
        self.assertEqual(self.bus.devices(), {})

    def test_a_device_without_a_token_names_the_missing_layer(self):
        for port, vendor, product, classes, code, words in (
                ("1-1", "096e", "0807", CCID, "usb.no_reader", "pcscd"),
                ("1-2", "055c", "e618", HID, "usb.no_middleware", "libgm3000"),
                ("1-3", "055c", "db08", STORAGE, "usb.no_middleware", "libgm3000")):
            self.bus.add(port, vendor, product, classes)
            finding, = self.wait("usb.changed", port)["device"]["findings"]
            self.assertEqual(finding["code"], code)
            self.assertIn(words, finding["message"] + finding["remedy"])

    def test_what_is_no_u_key_is_left_alone(self):
        for port, vendor, product, classes, role in (("1-1", "1ea8", "f025", HID, "fido"), ("1-2", "8829", "ccb2", CCID, "bank"),
                                                     ("1-3", "096e", "0006", HID, "dongle"), ("1-4", "08e6", "4433", CCID, "reader")):
            self.bus.add(port, vendor, product, classes)
            self.assertEqual(self.wait("usb.added", port)["device"]["role"], role)
        self.bus.add("1-5", "046d", "c31c", HID, "Logitech;Keyboard;")
        self.bus.add("1-6", "055c", "e618", HID)  # a key, so that the time of the others is over when it is reported
        self.wait("usb.changed", "1-6")
        devices = self.bus.devices()
        self.assertNotIn("1-5", devices, "a keyboard is nobody's business")
        self.assertEqual([d["findings"] for p, d in sorted(devices.items()) if p != "1-6"], [[]] * 4)

    def test_missing_and_hostile_strings(self):
        self.bus.add("1-1", "096e", "0807", CCID)
        self.assertIsNone(self.wait("usb.added", "1-1")["device"]["serial_string"])

    def test_ten_thousand_events_leave_nothing_behind(self):
        pid = self.bus.pid()
        self.bus.add("1-8", "096e", "0807", CCID)
        self.churned = 0
        self.churn(200)
        before = self.footprint(pid)
        self.churn(5000)
        after = self.footprint(pid)
        print(f"before {before}, after {after}")
        self.assertEqual(after["descriptors"], before["descriptors"])
        if sanitizer_environment():
            print("memory is not compared: a sanitizer keeps what is freed")
        else:
            self.assertLess(after["anonymous_kib"], before["anonymous_kib"] + 1024)
        self.assertEqual(list(self.bus.devices()), ["1-8"])

    def churn(self, times):
        """So many devices, in bursts of eight events and the marker: umockdev aborts when the listener's socket is full
        (the kernel would drop them), which by default it is with eleven."""
        for _ in range(times // 5):
            self.assertEqual(self.bus.tell(f"churn 1-9 096e 0807 {CCID} 4"), "ok")
            self.churned += 1
            # A device that is gone before it was looked at is told by nobody; this one is waited for.
            self.bus.add("1-7", "096e", "0807", CCID)
            self.watch.wait_count(self.is_marker("usb.added"), self.churned, "the burst has been seen")
            self.bus.remove("1-7")
            self.watch.wait_count(self.is_marker("usb.removed"), self.churned, "the marker is out")

    @staticmethod
    def is_marker(kind):
        return lambda e: e["type"] == kind and e["subject"] == "1-7"

    def footprint(self, pid):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            anonymous = next(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))
        listed = subprocess.run(["ls", f"/proc/{pid}/fd"], capture_output=True, text=True, check=True)
        return {"descriptors": len(listed.stdout.split()), "anonymous_kib": anonymous}


if __name__ == "__main__":
    unittest.main()
