# SPDX-License-Identifier: Apache-2.0
"""A U-Key on its way from the bus to an application, without any service of ours."""

import time

from expect import expect, expect_equal, expect_in, wait_until
from opensc import Application, await_tokens, sign, token_labels

ORGANISATION = "示例市示例单位"
SLOW_ANSWER_MS = 15_000  # longer than it takes to pull the key out, shorter than any deadline


def scenario_plug(guest):
    """Plug: the kernel, udev, pcscd and OpenSC see the key; the seat's user may open it, logs in and signs."""
    card = guest.make_card("plug", ORGANISATION)
    journal = guest.follow_journal("--dmesg")
    udev = guest.follow("stdbuf -oL udevadm monitor --udev --property --subsystem-match=usb/usb_device")
    udev.wait("UDEV -", "udev is being watched")

    begin = time.monotonic()
    guest.plug_card(card)
    udev.wait("ID_USB_INTERFACES=:0b0000:", "udev has processed a smart-card reader")
    guest.record("plug: until udev has processed it", f"{time.monotonic() - begin:.1f} s")
    await_tokens(guest, ORGANISATION)
    guest.record("plug: until OpenSC sees the token", f"{time.monotonic() - begin:.1f} s")

    journal.wait("Product: QEMU USB CCID", "the kernel names the reader")
    expect_in("08e6:4433", guest.run("lsusb").stdout, "lsusb")
    expect_equal(guest.run("systemctl is-active pcscd.service").stdout, "active\n", "pcscd, started by its socket")
    node = guest.run("udevadm trigger --dry-run --verbose --subsystem-match=usb --attr-match=idVendor=08e6"
                     " | xargs udevadm info --query=property --property=DEVNAME --value").stdout.strip()
    expect_in("user:seat:rw-", guest.run(["getfacl", "--absolute-names", node]).stdout, "the reader's ACL")

    expect_in("64\n", sign(guest, ORGANISATION).stdout, "the length of the signature")
    status = card.status()
    expect_equal([status[name] for name in ("verify_count", "verify_failed", "sign_count")], [1, 0, 1],
                 "the card's counters")


def scenario_replug(guest):
    """Unplug, replug: the token goes and comes back, and the application's login with it does not."""
    card = guest.make_card("replug", ORGANISATION)
    guest.plug_card(card)
    await_tokens(guest, ORGANISATION)
    application = Application(guest)
    application.login()
    expect_equal(application.call("sign"), "CKR_OK", "C_Sign while the key is in")

    guest.unplug_card(card)
    await_tokens(guest)
    guest.plug_card(card)
    await_tokens(guest, ORGANISATION)
    expect_equal(card.status()["pin_verified"], False, "the PIN of the replugged key is verified")
    expect_in("64\n", sign(guest, ORGANISATION).stdout, "the length of the signature")
    application.stop()


def scenario_two_keys(guest):
    """Two keys of different kinds, at once and one by one."""
    first = guest.make_card("first", ORGANISATION)
    second = guest.make_card("second", "另一单位", "--algorithm", "rsa2048")
    guest.plug_card(first)
    guest.plug_card(second)
    await_tokens(guest, ORGANISATION, "另一单位")
    expect_in("256\n", sign(guest, "另一单位", algorithm="rsa2048").stdout, "the length of the RSA signature")
    guest.unplug_card(first)
    await_tokens(guest, "另一单位")
    expect_equal(first.status()["sign_count"], 0, "signatures of the other key")


def scenario_card_removed_during_signature(guest):
    """The card leaves its reader while it signs: CKR_DEVICE_REMOVED, and it can be put back."""
    card = guest.make_card("removed", ORGANISATION)
    guest.plug_card(card)
    await_tokens(guest, ORGANISATION)
    card.fault("remove_during_sign")
    done = sign(guest, ORGANISATION, check=False)
    expect_in("CKR_DEVICE_REMOVED", done.stderr, "what the application is told")
    expect_equal(card.status()["inserted"], False, "the card is in")
    card.fault("none")
    card.insert()
    await_tokens(guest, ORGANISATION)
    expect_in("64\n", sign(guest, ORGANISATION).stdout, "the length of the signature")


def scenario_reader_unplugged_during_signature(guest):
    """The whole key is pulled while it signs: nobody else is held up by that application, and the next key works.

    The application itself may be stuck: OpenSC 0.23 transmits to the reader that is gone over and over when pcscd
    says SCARD_E_READER_UNAVAILABLE, so that its C_Sign never returns.
    """
    card = guest.make_card("pulled", ORGANISATION)
    guest.plug_card(card)
    await_tokens(guest, ORGANISATION)
    application = Application(guest)
    application.login()
    card.fault("slow", delay_ms=SLOW_ANSWER_MS)
    before = card.status()["apdu_count"]
    call = application.begin("sign")
    wait_until(lambda: card.status()["apdu_count"] > before, "the card is asked", pause_s=0.02)
    begin = time.monotonic()
    guest.unplug_card(card)
    await_tokens(guest)
    guest.record("unplug during C_Sign: until others see the token gone", f"{time.monotonic() - begin:.1f} s")
    # The mark is of the call, so an answer that came while we looked is seen too.
    answers = [line for line in application.stream.lines[call:] if line.startswith("CKR_")]
    expect(not any(line.startswith("CKR_OK") for line in answers), "C_Sign by a key that is gone succeeded")
    guest.record("unplug during C_Sign: what it returned", answers[0].split()[0] if answers else "nothing")
    application.kill()

    following = guest.make_card("following", "另一单位")
    guest.plug_card(following)
    await_tokens(guest, "另一单位")
    expect_equal(token_labels(guest, user="other"), ["另一单位"], "the tokens that another user sees")
