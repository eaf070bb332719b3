# SPDX-License-Identifier: Apache-2.0
"""systemd's own tools take what make_rules.py makes, and the real rules engine does with each kind of device what it should."""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from invented_udev import (COMPLAINT, DEVICE_GROUP_ID, InventedUdev, RULES_FOLDER, UsbDevice, compile_hwdb, properties_of,
                           require_namespace)
from make_rules_test import MAKE_RULES, TABLE, make_rules

ACCESS, POWER = "70-ukey.rules", "93-ukey-power.rules"
LIBCCID = "92-libccid.rules"
CCID, HID, STORAGE = "0b", "03", "08"
KEYBOARD = "01"


def require(*programs):
    for name in programs:
        if shutil.which(name) is None:
            raise unittest.SkipTest(f"{name} is not installed")


def setUpModule():
    require("systemd-hwdb")


def make_files(folder):
    """The three files under the names that they are installed as."""
    hwdb, rules, power = (os.path.join(folder, name) for name in ("60-ukey.hwdb", ACCESS, POWER))
    subprocess.run([sys.executable, "-B", MAKE_RULES, "--csv", TABLE, "--hwdb", hwdb, "--rules", rules, "--power-rules", power],
                   check=True)
    return hwdb, rules, power


def folder_of_class(case):
    return case.enterClassContext(tempfile.TemporaryDirectory())


class HardwareDatabase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = folder_of_class(cls)
        hwdb, _, _ = make_files(cls.folder)
        cls.root = os.path.join(cls.folder, "root")
        compile_hwdb(cls.root, hwdb)

    def query(self, modalias):
        done = subprocess.run(["systemd-hwdb", "--root", self.root, "query", modalias], capture_output=True, text=True,
                              check=True)
        return properties_of(done.stdout)

    def test_every_row_is_found_with_its_properties(self):
        with open(TABLE, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertGreater(len(rows), 50)
        for row in rows:
            expected = {"ID_UKEY_" + name.upper(): row[name] for name in ("vendor", "product", "transport", "role")}
            if row["role"] == "ukey":
                expected["ID_UKEY"] = "1"
            # With a name, as udev asks for a device, and with classes, as for an interface.
            for rest in (":Some name", "d0100dc00dsc00dp00ic0Bisc00ip00in00"):
                modalias = f"usb:v{row['vendor_id'].upper()}p{row['product_id'].upper()}{rest}"
                self.assertEqual(self.query(modalias), expected, modalias)

    def test_a_vendor_id_alone_says_nothing(self):
        for modalias in ("usb:v055Cp0001:GM3000", "usb:v04B4p0001:USB Key", "usb:vABCDp1234:UDisk", "usb:v096EpFFFF:x"):
            self.assertEqual(self.query(modalias), {}, modalias)

    def test_only_roles_of_u_keys_say_that_it_is_one(self):
        self.assertEqual([role for role, is_ukey in make_rules.ROLE_IS_UKEY.items() if is_ukey], ["ukey"])


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require("udevadm", "umockdev-run", "unshare")
        require_namespace()
        folder = folder_of_class(cls)
        hwdb, *rules = make_files(folder)
        others = os.path.join(folder, "60-others.hwdb")
        with open(others, "w", encoding="utf-8") as file:
            file.write("usb:v055Cp0001*\n ID_OF_SOMEBODY_ELSE=1\n")
        hwdb_bin = compile_hwdb(os.path.join(folder, "root"), hwdb, others)
        cls.udev = InventedUdev(folder, rules, hwdb_bin, make_rules.DEVICE_GROUP)

    def assert_given(self, outcome):
        """To the seat's user and to the group."""
        self.assertEqual(outcome.last("MODE"), "0660", outcome.output)
        self.assertEqual(outcome.last("GROUP"), str(DEVICE_GROUP_ID), outcome.output)
        self.assertLessEqual({"uaccess", "seat"}, outcome.tags)
        self.assertIn(("RUN", "uaccess"), outcome.by("73-seat-late.rules"))

    def assert_left_alone(self, outcome):
        self.assertEqual(outcome.by(ACCESS) + outcome.by(POWER), [])
        self.assertNotIn("ID_UKEY", outcome.properties)

    def test_the_rules_are_taken_without_complaint(self):
        device = UsbDevice("096e:0807", CCID)
        outcome = self.udev.event(device, device.path)
        for file in (ACCESS, POWER):
            self.assertRegex(outcome.output, f"Reading rules file: .*/{file}")
        self.assertEqual([c.group() for c in COMPLAINT.finditer(outcome.output) if c.group(1) in (ACCESS, POWER)], [])

    def test_ccid_key(self):
        device = UsbDevice("096e:0807", CCID)
        outcome = self.udev.event(device, device.path)
        self.assert_given(outcome)
        self.assertEqual(outcome.ukey_properties(), {
            "ID_UKEY": "1", "ID_UKEY_VENDOR": "Feitian", "ID_UKEY_PRODUCT": "ePass2003", "ID_UKEY_TRANSPORT": "ccid",
            "ID_UKEY_ROLE": "ukey"})

    def test_autosuspend_stays_off_although_libccid_switches_it_on(self):
        device = UsbDevice("096e:0807", CCID)
        outcome = self.udev.event(device, device.path)
        if os.path.exists(os.path.join(RULES_FOLDER, LIBCCID)):
            self.assertEqual(outcome.by(LIBCCID), [("ATTR", "auto")])
        self.assertEqual(outcome.last("ATTR"), "on")

    def test_hid_key(self):
        device = UsbDevice("055c:e618", HID)
        self.assert_given(self.udev.event(device, device.path))
        outcome = self.udev.event(device, device.hidraw_path)
        self.assert_given(outcome)
        self.assertEqual(outcome.properties["ID_UKEY_TRANSPORT"], "hid")

    def test_key_of_unknown_transport_that_turns_out_to_be_hid(self):
        device = UsbDevice("096e:0309", HID)
        self.assert_given(self.udev.event(device, device.hidraw_path))

    def test_a_keyboard_is_never_opened_whatever_its_ids_say(self):
        device = UsbDevice("055c:e618", HID, protocol=KEYBOARD)
        outcome = self.udev.event(device, device.hidraw_path)
        self.assertEqual(outcome.by(ACCESS), [])
        self.assertNotIn("uaccess", outcome.tags)

    def test_other_functions_of_a_ccid_key_are_not_opened(self):
        device = UsbDevice("1050:0407", HID)
        outcome = self.udev.event(device, device.hidraw_path)
        self.assertEqual(outcome.by(ACCESS), [])
        self.assertNotIn("uaccess", outcome.tags)

    def test_storage_form_key(self):
        device = UsbDevice("055c:db08", STORAGE)
        self.assert_given(self.udev.event(device, device.path))
        for path in (device.cdrom_path, device.generic_path):
            outcome = self.udev.event(device, path)
            self.assertEqual(outcome.properties["ID_UKEY_PRODUCT"], "mToken GM3000")
            self.assertEqual(outcome.properties["ID_UKEY"], "1")
            self.assertEqual(outcome.by(ACCESS) + outcome.by(POWER), [], "its permissions are somebody else's")

    def test_what_is_no_u_key_has_a_role_and_is_left_alone(self):
        for usb_id, interface_class, role in (("1ea8:f025", HID, "fido"), ("8829:ccb2", CCID, "bank"),
                                              ("14d6:3032", STORAGE, "bank"), ("096e:0006", HID, "dongle"),
                                              ("08e6:4433", CCID, "reader")):
            device = UsbDevice(usb_id, interface_class)
            for path in (device.path, device.hidraw_path, device.cdrom_path):
                outcome = self.udev.event(device, path)
                self.assert_left_alone(outcome)
                self.assertEqual(outcome.properties["ID_UKEY_ROLE"], role)

    def test_an_unknown_device_of_a_shared_vendor_id(self):
        for usb_id in ("055c:0001", "04b4:0001", "abcd:1234"):
            device = UsbDevice(usb_id, HID)
            for path in (device.path, device.hidraw_path, device.cdrom_path, device.generic_path):
                outcome = self.udev.event(device, path)
                self.assert_left_alone(outcome)
                self.assertEqual(outcome.ukey_properties(), {})

    def test_the_disks_of_others_get_no_new_properties(self):
        device = UsbDevice("055c:0001", HID)
        self.assertIn("ID_OF_SOMEBODY_ELSE", self.udev.event(device, device.path).properties, "systemd's own look-up")
        for path in (device.cdrom_path, device.generic_path):
            self.assertNotIn("ID_OF_SOMEBODY_ELSE", self.udev.event(device, path).properties)

    def test_a_key_that_was_there_before_the_package(self):
        """`udevadm trigger` says `change`."""
        device = UsbDevice("055c:e618", HID)
        for path in (device.path, device.hidraw_path):
            self.assert_given(self.udev.event(device, path, action="change"))

    def test_removal_does_nothing(self):
        device = UsbDevice("055c:e618", HID)
        for path in (device.path, device.hidraw_path):
            outcome = self.udev.event(device, path, action="remove")
            self.assertEqual(outcome.by(ACCESS) + outcome.by(POWER), [])


if __name__ == "__main__":
    unittest.main()
