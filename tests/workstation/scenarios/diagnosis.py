# SPDX-License-Identifier: Apache-2.0
"""What only a whole computer shows: a diagnosis with systemd, udev, the kernel's own USB and its log."""

import json

from expect import Failed, expect, expect_equal, expect_in, wait_until
from gadget import HidGadget, StorageGadget
from service import BRANCH, BRANCH_CODE, Service

HID_KEY = HidGadget("hid-diagnosed", 0x055C, 0xE618, "Longmai", "mToken GM3000")
STORAGE_KEY = StorageGadget("storage-diagnosed", 0x055C, 0xDB08, "Longmai", "mToken GM3000")


def diagnose(service, *arguments, user=None):
    """The only diagnosis."""
    diagnoses = service.ask("diagnose", *arguments, user=user)["diagnoses"]
    if len(diagnoses) != 1:
        raise Failed(f"{len(diagnoses)} diagnoses: {[d['target'] for d in diagnoses]}")
    return diagnoses[0]


def verdict(diagnosis):
    """And what it is for, for the message."""
    judgement = diagnosis["judgement"]
    return judgement["verdict"], judgement["because"][:1]


def layer(diagnosis, name):
    return next(layer for layer in diagnosis["layers"] if layer["check"] == name)


def fix(guest, verb, command):
    """Has ukeyctl mend what it can, and checks that it says how."""
    done = guest.run(["sh", "-c", f"ukeyctl {verb} --fix --yes 2>&1"], check=False)
    expect_in(command, done.stdout, "what is done")


def begin(guest, name):
    """A key of this scenario that is in and bound."""
    service = Service(guest).prepare()
    card = guest.make_card(name, BRANCH)
    watch = service.watch()
    key = service.plug(card, watch)["key"]
    service.ask("key", "bind", key, BRANCH_CODE)
    return service, card, watch, key


def scenario_in_order(guest):
    """A key in order: as root and as the person at the computer."""
    service, *_ = begin(guest, "in-order")
    diagnosis = diagnose(service)
    expect_equal(verdict(diagnosis), ("key_in_order", []), "the verdict")
    expect_in("kernel log", diagnosis["layers"][0]["looked_at"], "root reads the kernel's log")
    expect_equal(verdict(diagnose(service, user="seat")), ("key_in_order", []), "the verdict for the person")


def scenario_pcscd_masked(guest):
    """pcscd stopped and masked while the key is in: the computer is at fault; and in order when it is back."""
    service, *_ = begin(guest, "masked")
    guest.run("systemctl mask --now pcscd.socket pcscd.service")
    try:
        expect_equal(verdict(diagnose(service))[0], "fix_this_computer", "the verdict")
    finally:
        guest.run("systemctl unmask pcscd.socket pcscd.service && systemctl start pcscd.socket")
    wait_until(lambda: verdict(diagnose(service))[0] == "key_in_order", "the key is in order again, untouched")


def scenario_service_stopped(guest):
    """ukeyd stopped: the computer is at fault, though its reader by itself is nobody's key."""
    service, *_ = begin(guest, "stopped")
    guest.run("systemctl stop ukeyd-login.socket ukeyd-control.socket ukeyd.service")
    try:
        expect_equal(verdict(diagnose(service))[0], "fix_this_computer", "the verdict")
        fix(guest, "diagnose", "systemctl start ukeyd-login.socket ukeyd-control.socket ukeyd.service")
        guest.run("systemctl is-active ukeyd.service")
    finally:
        guest.run("systemctl start ukeyd-login.socket ukeyd-control.socket ukeyd.service")
    service.await_answer()
    service.await_keys(1)
    expect_equal(verdict(diagnose(service))[0], "key_in_order", "the verdict when it runs again")


def scenario_pcscd_stopped(guest):
    """pcscd and its socket stopped: --fix starts it, and the key is in order without being touched; doctor the same."""
    service, *_ = begin(guest, "mended")
    for verb in ("diagnose", "doctor"):
        guest.run("systemctl stop pcscd.socket pcscd.service")
        try:
            expect_equal(verdict(diagnose(service))[0], "fix_this_computer", "the verdict")
            fix(guest, verb, "systemctl start pcscd.socket")
            guest.run("systemctl is-active pcscd.socket")
        finally:
            guest.run("systemctl start pcscd.socket")
        wait_until(lambda: verdict(diagnose(service))[0] == "key_in_order", "the key is in order again, untouched")


def scenario_udev_rules_read_again(guest):
    """A node that somebody took from the person at the computer: what --fix runs gives it back."""
    service = Service(guest).prepare()
    watch = service.watch()
    mark = watch.mark()
    guest.plug_gadget(HID_KEY)
    port = json.loads(watch.wait('"type":"usb.changed"', "ukeyd misses the token", mark))["subject"]
    node = layer(diagnose(service, port, user="seat"), "device_node")["looked_at"]
    guest.run(["chmod", "600", node])
    denied = layer(diagnose(service, port, user="seat"), "device_node")
    expect_equal((denied["finding"] or {}).get("code"), "usb.node_denied", "the node's layer")
    guest.run("udevadm control --reload && "
              "udevadm trigger --settle --action=change --subsystem-match=usb --subsystem-match=hidraw")
    expect_equal(layer(diagnose(service, port, user="seat"), "device_node")["state"], "ok", "the node's layer afterwards")


def scenario_removed_in_mid_transaction(guest):
    """Pulled out while it signs: inconclusive, and nothing is left running."""
    service, card, _, key = begin(guest, "pulled")
    guest.write("/root/pin", "123456\n")
    tester = guest.follow(["sh", "-c", f"ukeyctl --json diagnose {key} --self-test --times 1000 --pin-fd 3 3</root/pin"])
    wait_until(lambda: guest.run(["pgrep", "-f", "person self-test"], check=False).returncode == 0, "the test runs")
    guest.unplug_card(card)
    diagnosis, = json.loads(tester.wait('"diagnoses"', "the diagnosis is there"))["diagnoses"]
    expect_equal(verdict(diagnosis)[0], "try_another_computer", "the verdict")
    expect(guest.run(["pgrep", "-f", "person self-test"], check=False).returncode != 0, "a probe is left")
    guest.run(["rm", "/root/pin"])


def scenario_nothing_plugged_in(guest):
    """No key anywhere: inconclusive."""
    service = Service(guest).prepare()
    expect_equal(verdict(diagnose(service))[0], "try_another_computer", "the verdict")


def scenario_other_forms(guest):
    """A HID key and one in its storage form, both without middleware: the computer's fault; denied to other users."""
    service = Service(guest).prepare()
    watch = service.watch()
    for gadget in (HID_KEY, STORAGE_KEY):
        mark = watch.mark()
        guest.plug_gadget(gadget)
        port = json.loads(watch.wait('"type":"usb.changed"', "ukeyd misses the token", mark))["subject"]
        expect_equal(verdict(diagnose(service, port))[0], "fix_this_computer", gadget.name)
        if gadget is HID_KEY:
            expect_equal(verdict(diagnose(service, port, user="other")), ("fix_this_computer", ["usb.node_denied"]),
                         "for a user who is not at the computer")
        guest.unplug_gadget(gadget)


def scenario_not_authorized(guest):
    """A device that the computer does not let in (authorized = 0, as USBGuard sets it): the computer's fault."""
    service = Service(guest).prepare()
    watch = service.watch()
    mark = watch.mark()
    guest.plug_gadget(HID_KEY)
    port = json.loads(watch.wait('"type":"usb.changed"', "ukeyd misses the token", mark))["subject"]
    guest.run(f"echo 0 >/sys/bus/usb/devices/{port}/authorized")
    expect_equal(verdict(diagnose(service, port)), ("fix_this_computer", ["usb.not_authorized"]), "the verdict")
