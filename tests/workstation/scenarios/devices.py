# SPDX-License-Identifier: Apache-2.0
"""Keys of the table that are no smart-card reader: what udev makes of them by our rules, and what ukeyd says."""

import json

from expect import expect, expect_equal, expect_in
from gadget import FIDO_REPORTS, HidGadget, StorageGadget
from service import Service

# Rows of udev/usb_keys.csv.
HID_KEY = HidGadget("hid-ukey", 0x055C, 0xE618, "Longmai", "mToken GM3000")
STORAGE_KEY = StorageGadget("storage-ukey", 0x055C, 0xDB08, "Longmai", "mToken GM3000")
FIDO_KEY = HidGadget("fido-key", 0x1EA8, 0xF025, "Excelsecu", "FIDO key", reports=FIDO_REPORTS)
BANK_KEY = StorageGadget("bank-key", 0x14D6, 0x3032, "HengBao", "USB key")


def plug(guest, gadget):
    """Plugs it in; the node of the USB device and its udev properties, once udev has processed it."""
    with guest.follow(["stdbuf", "-oL", "udevadm", "monitor", "--udev", "--property",
                       "--subsystem-match=usb/usb_device"]) as udev:
        udev.wait("UDEV -", "udev is being watched")
        guest.plug_gadget(gadget)
        # As the kernel writes it. The first gadget brings the hubs of dummy_hcd with it.
        udev.wait(f"PRODUCT={gadget.vendor_id:x}/{gadget.product_id:x}/", "udev has processed the device")
    guest.run("udevadm settle")
    path = guest.run(["udevadm", "trigger", "--dry-run", "--verbose", "--subsystem-match=usb",
                      f"--attr-match=idVendor={gadget.vendor_id:04x}",
                      f"--attr-match=idProduct={gadget.product_id:04x}"]).stdout.split()[0]
    node = "/dev/" + guest.run(["udevadm", "info", "--query=name", path]).stdout.strip()
    properties = dict(line.split("=", 1) for line in
                      guest.run(["udevadm", "info", "--query=property", node]).stdout.splitlines() if "=" in line)
    return node, properties


def access(guest, node):
    """Owner, group, mode and ACL in short."""
    return (guest.run(["stat", "--format=%U %G %a", node]).stdout.strip(),
            "user:seat:rw-" in guest.run(["getfacl", "--absolute-names", "--omit-header", node]).stdout)


def scenario_hid_key(guest):
    """A HID key: named, given to the seat's user, never suspended; ukeyd says which layer is missing."""
    service = Service(guest).prepare()
    watch = service.watch()
    mark = watch.mark()
    node, properties = plug(guest, HID_KEY)
    expect_equal((properties.get("ID_UKEY"), properties.get("ID_UKEY_TRANSPORT")), ("1", "hid"), "udev's properties")
    (owner, seat) = access(guest, node)
    expect_equal(owner.split()[:2], ["root", "ukey-device"], "owner and group of the node")
    expect(seat, "the seat's user has no ACL on the node")
    expect(not owner.endswith("6") or owner.endswith("60"), f"the node's mode is world-writable: {owner}")
    sysfs = guest.run(["udevadm", "info", "--query=path", node]).stdout.strip()
    expect_equal(guest.run(["cat", f"/sys{sysfs}/power/control"]).stdout.strip(), "on", "autosuspend")
    hidraw = guest.run(f"ls /sys{sysfs}/*/*/hidraw").stdout.split()[-1]
    expect(access(guest, f"/dev/{hidraw}")[1], "the seat's user has no ACL on the hidraw node")
    event = json.loads(watch.wait('"type":"usb.changed"', "ukeyd misses the token", mark))["device"]
    expect_equal([event["vendor"], event["product"]], ["Longmai", "mToken GM3000"], "the name")
    expect_in("usb.", json.dumps(event["findings"]), "the device's findings")


def scenario_storage_key(guest):
    """A storage-form key: recognised and named; its block device is left alone."""
    service = Service(guest).prepare()
    watch = service.watch()
    mark = watch.mark()
    node, properties = plug(guest, STORAGE_KEY)
    expect_equal((properties.get("ID_UKEY"), properties.get("ID_UKEY_TRANSPORT")), ("1", "mass_storage"),
                 "udev's properties")
    expect(access(guest, node)[1], "the seat's user has no ACL on the node")
    event = json.loads(watch.wait('"type":"usb.changed"', "ukeyd misses the token", mark))["device"]
    expect_equal(event["product"], "mToken GM3000", "the name")
    expect_in("usb.", json.dumps(event["findings"]), "the device's findings")


def scenario_others_are_left_alone(guest):
    """A FIDO key and a bank key: told apart by their role, no ID_UKEY, no access and no finding by us."""
    service = Service(guest).prepare()
    for gadget, role in ((FIDO_KEY, "fido"), (BANK_KEY, "bank")):
        node, properties = plug(guest, gadget)
        expect_equal((properties.get("ID_UKEY"), properties.get("ID_UKEY_ROLE")), (None, role), "udev's properties")
        expect_equal(access(guest, node)[0].split()[1], "root", "the node's group")
    expect_equal(service.keys(), [], "keys")
    told = [device for device in service.ask("status")["usb"]["devices"] if device.get("findings")]
    expect_equal(told, [], "devices with findings")
