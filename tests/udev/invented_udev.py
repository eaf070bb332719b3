# SPDX-License-Identifier: Apache-2.0
"""The real `udevadm test` on devices that do not exist: sysfs is umockdev's, and in a mount namespace udev's folders hold
the system's own rules beside the ones that are to be tested. Nothing of the computer itself is read for a decision or changed.
"""

import os
import re
import shutil
import signal
import subprocess
import unittest

RULES_FOLDER = "/usr/lib/udev/rules.d"
BUS = "/devices/pci0000:00/0000:00:14.0/usb1"
DEVICE_GROUP_ID = 4242  # any number that no group of the computer is likely to have
# umockdev-run itself crashes now and then before udevadm has begun: one of its threads reads the environment while another
# one changes it.
UMOCKDEV_STARTS = 3

# In the namespace: no local rules or database, ours in place of the system's, and a /run that udevadm may write to.
ENTER = """
set -e
test ! -d /etc/udev || mount -t tmpfs none /etc/udev
mount --bind "$1/udev" /usr/lib/udev
mount --bind "$1/group" /etc/group
mount -t tmpfs none /run
shift
exec "$@"
"""

# What `udevadm test` of systemd 252 logs when a rule is applied.
ASSIGNED = re.compile(r"/([^/ ]+\.rules):\d+ (MODE|GROUP|ATTR '[^'\n]*' writing|RUN) '?([^'\n]*)'?$", re.MULTILINE)
COMPLAINT = re.compile(r"^.*/([^/ ]+\.rules):\d+ .*(?:ignoring|Invalid|Unknown|Failed to).*$", re.MULTILINE)


def require_namespace():
    """Skips where an unprivileged mount namespace cannot be had (in a container that forbids it, say)."""
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/run"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"no mount namespace: {done.stderr.strip()}")
    if not os.path.exists(os.path.join(RULES_FOLDER, "50-udev-default.rules")):
        raise unittest.SkipTest("the package udev is not installed")


def compile_hwdb(root, *hwdb_files):
    """The database as `systemd-hwdb` makes it, in ROOT. It warns of a bad record and succeeds: any word is a failure."""
    folder = os.path.join(root, "etc/udev/hwdb.d")
    os.makedirs(folder)
    for file in hwdb_files:
        shutil.copy(file, folder)
    done = subprocess.run(["systemd-hwdb", "--root", root, "--strict", "update"], capture_output=True, text=True, check=True)
    if done.stdout + done.stderr:
        raise AssertionError(f"systemd-hwdb: {done.stdout}{done.stderr}")
    return os.path.join(root, "etc/udev/hwdb.bin")


def properties_of(text):
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z_]+=", line))


class UsbDevice:
    """A device with one interface, as sysfs shows it to udev, and the nodes that hang below the interface."""

    def __init__(self, usb_id, interface_class, protocol="00"):
        self.vendor, self.product = usb_id.split(":")
        self.interface_class = interface_class
        self.protocol = protocol
        self.path = f"{BUS}/1-1"
        self.interface_path = f"{self.path}/1-1:1.0"
        self.hidraw_path = f"{self.interface_path}/0003:{self.vendor}:{self.product}.0001/hidraw/hidraw7"
        self.scsi_path = f"{self.interface_path}/host7/target7:0:0/7:0:0:0"
        self.cdrom_path = f"{self.scsi_path}/block/sr7"
        self.generic_path = f"{self.scsi_path}/scsi_generic/sg7"

    def descriptors(self):
        """USB 2.0, 9.6: device, configuration, interface and endpoint. systemd overlooks an interface without endpoints."""
        def little_endian(word):
            return word[2:] + word[:2]
        return (f"120100020000 0040 {little_endian(self.vendor)} {little_endian(self.product)} 000101020301"
                f"0902 1900 01 01 00 80 32  0904 00 00 01 {self.interface_class} 00 {self.protocol} 00"
                "0705 81 02 4000 00").replace(" ", "").upper()

    def modalias(self):
        return (f"usb:v{self.vendor.upper()}p{self.product.upper()}d0100dc00dsc00dp00"
                f"ic{self.interface_class.upper()}isc00ip{self.protocol}in00")

    def description(self):
        """For umockdev-run --device: P path, N node, E property of the event, A attribute, H binary attribute."""
        return "\n".join([
            f"P: {self.path}", "N: bus/usb/001/007", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device",
            "E: DEVNAME=/dev/bus/usb/001/007", "E: MAJOR=189", "E: MINOR=6", "E: BUSNUM=001", "E: DEVNUM=007",
            f"A: idVendor={self.vendor}", f"A: idProduct={self.product}", "A: bDeviceClass=00", "A: power/control=on",
            f"H: descriptors={self.descriptors()}", "",
            f"P: {self.interface_path}", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_interface", f"E: MODALIAS={self.modalias()}",
            f"A: bInterfaceClass={self.interface_class}", "A: bInterfaceSubClass=00", f"A: bInterfaceProtocol={self.protocol}",
            "A: bInterfaceNumber=00", "",
            f"P: {os.path.dirname(os.path.dirname(self.hidraw_path))}", "E: SUBSYSTEM=hid",
            f"E: MODALIAS=hid:b0003g0001v0000{self.vendor.upper()}p0000{self.product.upper()}", "",
            f"P: {self.hidraw_path}", "N: hidraw7", "E: SUBSYSTEM=hidraw", "E: DEVNAME=/dev/hidraw7", "E: MAJOR=240",
            "E: MINOR=7", "",
            f"P: {self.scsi_path}", "E: SUBSYSTEM=scsi", "E: DEVTYPE=scsi_device", "A: type=5", "",
            f"P: {self.cdrom_path}", "N: sr7", "E: SUBSYSTEM=block", "E: DEVTYPE=disk", "E: DEVNAME=/dev/sr7", "E: MAJOR=11",
            "E: MINOR=7", "",
            f"P: {self.generic_path}", "N: sg7", "E: SUBSYSTEM=scsi_generic", "E: DEVNAME=/dev/sg7", "E: MAJOR=21",
            "E: MINOR=7", "", ""])


class Outcome:
    """What udev made of an event."""

    def __init__(self, output):
        self.output = output
        self.properties = properties_of(output)
        self.tags = set(filter(None, self.properties.get("TAGS", "").split(":")))
        self.assigned = [(file, what.split()[0], value) for file, what, value in ASSIGNED.findall(output)]

    def last(self, what):
        """The value of MODE, GROUP or ATTR that counts."""
        return next((value for _, name, value in reversed(self.assigned) if name == what), None)

    def by(self, file):
        """All that the rules of a file did."""
        return [(name, value) for origin, name, value in self.assigned if origin == file]

    def ukey_properties(self):
        return {name: value for name, value in self.properties.items() if name.startswith("ID_UKEY")}


class InventedUdev:
    """udev with the system's rules, our rules and our database."""

    def __init__(self, folder, rules_files, hwdb_bin, device_group):
        self.folder = folder
        udev = os.path.join(folder, "udev")
        shutil.copytree(RULES_FOLDER, os.path.join(udev, "rules.d"))
        for rules in rules_files:
            shutil.copy(rules, os.path.join(udev, "rules.d"))
        shutil.copy(hwdb_bin, os.path.join(udev, "hwdb.bin"))
        with open("/etc/group", encoding="utf-8") as groups, open(os.path.join(folder, "group"), "w", encoding="utf-8") as ours:
            ours.writelines(line for line in groups if not line.startswith(device_group + ":"))
            ours.write(f"{device_group}:x:{DEVICE_GROUP_ID}:\n")

    def event(self, device, path, action="add"):
        """Runs the rules for an event of the node at PATH."""
        description = os.path.join(self.folder, "device.umockdev")
        with open(description, "w", encoding="utf-8") as file:
            file.write(device.description())
        for _ in range(UMOCKDEV_STARTS):
            done = subprocess.run(
                ["unshare", "--map-root-user", "--mount", "sh", "-c", ENTER, "enter", self.folder,
                 "umockdev-run", "--device", description, "--", "udevadm", "test", "--action", action, "/sys" + path],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode != -signal.SIGSEGV or done.stdout:
                break
        if done.returncode != 0 or f"DEVPATH={path}\n" not in done.stdout:
            raise AssertionError(f"udevadm test failed ({done.returncode}):\n{done.stdout}")
        return Outcome(done.stdout)
