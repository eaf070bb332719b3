# SPDX-License-Identifier: Apache-2.0
"""What happens to the machine as a whole: start with a key in it, power failure, sleep."""

from expect import expect_equal, expect_in
from opensc import await_tokens, sign

OWN_MACHINE = True
ORGANISATION = "示例市示例单位"


def scenario_power_cut(guest):
    """A key that is in at boot is seen; what was synced before the power failed is there after it."""
    card = guest.make_card("at-boot", ORGANISATION)
    guest.record("boot with a key in it", f"{guest.boot([card]):.1f} s")
    await_tokens(guest, ORGANISATION)
    guest.run("echo kept >/var/tmp/synced && sync /var/tmp/synced; echo lost >/var/tmp/unsynced")
    guest.power_cut()

    guest.boot([card])
    expect_equal(guest.read("/var/tmp/synced"), b"kept\n", "the file that was synced")
    await_tokens(guest, ORGANISATION)
    expect_in("64\n", sign(guest, ORGANISATION).stdout, "the length of the signature")
    # Boot -1 is there to be read: the journal survived the cut as well.
    expect_in("Linux version", guest.run("journalctl --boot=-1 --dmesg").stdout, "the journal of the boot before")


def scenario_suspend(guest):
    """Suspend to RAM and resume: the key is there as before, and the clock has gone on."""
    card = guest.make_card("sleeper", ORGANISATION)
    guest.boot([card], can_sleep=True)
    guest.await_idle_boot()
    await_tokens(guest, ORGANISATION)
    guest.suspend()
    guest.resume()
    await_tokens(guest, ORGANISATION)
    expect_in("64\n", sign(guest, ORGANISATION).stdout, "the length of the signature")
    expect_in("PM: suspend exit", guest.run("dmesg").stdout, "the kernel's log")


def scenario_clock_step(guest):
    """The clock is set forward by a year, and the machine shuts down in order."""
    guest.boot()
    year = int(guest.run("date +%Y").stdout)
    guest.step_clock("+1 year")
    expect_equal(int(guest.run("date +%Y").stdout), year + 1, "the year")
    guest.shut_down()
