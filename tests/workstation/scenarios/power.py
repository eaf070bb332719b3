# SPDX-License-Identifier: Apache-2.0
"""The computer starts and sleeps with a key in it."""

import time

from expect import expect, expect_equal, expect_in, wait_until
from opensc import Application, sign
from service import BRANCH, FILTER, UNITS, Service

ASLEEP_S = 4  # the kernel reads from the RTC how long it slept, in whole seconds


def ready_after_kernel_s(guest, unit):
    """Seconds from the kernel's start until the unit was ready."""
    shown = guest.run(["systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit]).stdout
    return int(shown) / 1e6


def scenario_key_at_boot(guest):
    """Shut down during a login and started with the key in: the login ended in order, and the key is found."""
    service = Service(guest).prepare()
    card = guest.make_card("at-boot", BRANCH)
    key = service.plug(card, service.watch())["key"]
    Application(guest, module=FILTER).login()
    guest.shut_down()

    guest.record("boot with a key in: until commands can be run", f"{guest.boot([card], can_sleep=True):.1f} s")
    service.await_answer()
    expect_equal([found["key"] for found in service.await_keys(1)], [key], "the key that is in")
    reason = service.sessions("--key", key)[-1]["end_reason"]
    expect(reason not in (None, "unclean"), f"the login over the shutdown ended as {reason}")
    for unit in UNITS:
        guest.record(f"boot with a key in: from the kernel's start until {unit} is ready",
                     f"{ready_after_kernel_s(guest, unit):.1f} s")
    expect_in("64\n", sign(guest, BRANCH, module=FILTER).stdout, "the length of the signature")
    service.verify()


def scenario_sleep(guest):
    """The computer sleeps during a login: a record of it, the key is there again, and the next login works."""
    service = Service(guest).prepare()
    if not guest.can_sleep:
        guest.shut_down()
        guest.boot(can_sleep=True)
        service.await_answer()
    key = service.plug(guest.make_card("asleep", BRANCH), service.watch())["key"]
    application = Application(guest, module=FILTER)
    application.login()
    guest.suspend()
    time.sleep(ASLEEP_S)
    guest.resume()
    slept = wait_until(lambda: service.records("computer.resumed"), "the sleep is recorded")[-1]["slept_us"]
    expect(slept > 0, f"the computer slept for {slept} µs")
    service.await_keys(1)
    layers = service.ask("diagnose", key)["diagnoses"][0]["layers"]
    expect_equal([layer["state"] for layer in layers if layer["check"] in ("pcscd", "reader", "token")], ["ok"] * 3,
                 "pcscd, reader and token after the sleep: nothing stale")
    application.stop()
    expect_equal(service.sessions("--open"), [], "open sessions once the application has ended")
    guest.record("a login over a sleep ends as", service.sessions("--key", key)[-1]["end_reason"])
    expect_in("64\n", sign(guest, BRANCH, module=FILTER).stdout, "the length of the signature")
    service.verify()
