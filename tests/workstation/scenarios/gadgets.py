# SPDX-License-Identifier: Apache-2.0
"""Keys that are no smart-card reader, played by the guest's kernel: what it makes of them without our rules."""

from expect import expect, expect_equal, expect_in
from gadget import FIDO_REPORTS, HidGadget, StorageGadget

# Examples; the table of keys (udev/usb_keys.csv) has the real ones.
HID_KEY = HidGadget("hid-key", 0x096E, 0x0304, "FT", "ePass HID Key")
CDROM_KEY = StorageGadget("cdrom-key", 0x096E, 0x0360, "Vendor", "U-Key CD")
DISK_KEY = StorageGadget("disk-key", 0x096E, 0x0361, "Vendor", "U-Key Disk", cdrom=False)
FIDO_KEY = HidGadget("fido-key", 0x1050, 0x0120, "Yubico", "Security Key by Yubico", reports=FIDO_REPORTS)


def plug(guest, gadget, subsystem, prefix="/dev/"):
    """Plugs it in and waits until udev has processed its device of this subsystem; that device's node.

    A disk may take a second after it is plugged in, so that the event of one before it comes in between.
    """
    with guest.follow(["stdbuf", "-oL", "udevadm", "monitor", "--udev", "--property",
                       f"--subsystem-match={subsystem}"]) as udev:
        udev.wait("UDEV -", "udev is being watched")
        guest.plug_gadget(gadget)
        node = udev.wait("DEVNAME=" + prefix, f"udev has processed a device of {subsystem}").removeprefix("DEVNAME=")
    expect_in(f"{gadget.usb_id} ", guest.run("lsusb").stdout, "lsusb")
    product = guest.run(f"grep -l {gadget.product_id:04x} /sys/bus/usb/devices/*/idProduct"
                        " | xargs dirname | xargs -I@ cat @/product").stdout.strip()
    expect_equal(product, gadget.product, "the product's name")
    return node


def access(guest, node):
    return guest.run(["getfacl", "--absolute-names", "--omit-header", node]).stdout


def scenario_hid_key(guest):
    """A HID key has a hidraw node, which nobody but root may open until there is a rule for it."""
    node = plug(guest, HID_KEY, "hidraw")
    expect("user:seat" not in access(guest, node), "the seat's user may open an unknown HID device")
    guest.unplug_gadget(HID_KEY)
    expect(HID_KEY.usb_id not in guest.run("lsusb").stdout, "the key is still there")


def scenario_fido_key(guest):
    """A FIDO key is told by its report descriptor, and systemd's own rules give it to the seat's user."""
    node = plug(guest, FIDO_KEY, "hidraw")
    expect_in("user:seat:rw-", access(guest, node), "the ACL of the FIDO key")
    expect_in("ID_SECURITY_TOKEN=1", guest.run(["udevadm", "info", node]).stdout, "its properties")


def scenario_cdrom_key(guest):
    """A storage-form key that shows a CD-ROM."""
    node = plug(guest, CDROM_KEY, "block", "/dev/sr")
    expect_in("ID_CDROM=1", guest.run(["udevadm", "info", node]).stdout, "its properties")


def scenario_disk_key(guest):
    """A storage-form key that shows a small disk, beside three other keys: four gadgets at once."""
    for gadget in (HID_KEY, FIDO_KEY, CDROM_KEY):
        guest.plug_gadget(gadget)
    node = plug(guest, DISK_KEY, "block", "/dev/sd")
    expect_in("ID_BUS=usb", guest.run(["udevadm", "info", node]).stdout, "its properties")
