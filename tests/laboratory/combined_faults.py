# SPDX-License-Identifier: Apache-2.0
"""Several things wrong at once, put together at random: a computer's fault among them never sends a key back."""

import contextlib
import os
import signal

from laboratory import PORT, wait_until


def mute(lab):
    lab.card.remove()
    lab.card.fault("mute")
    lab.card.insert()


def empty(lab):
    lab.card.remove()


def off_the_bus(lab):
    lab.card.remove()
    lab.tell(f"remove {PORT}")


def not_authorized(lab):
    lab.set_attribute(PORT, "authorized", "0")


def no_node(lab):
    os.unlink(lab.node())


def pcscd_hangs(lab):
    os.kill(lab.pcscd.pid, signal.SIGSTOP)


def pcscd_ended(lab):
    lab.pcscd.kill()
    lab.pcscd.wait()


def service_ended(lab):
    os.kill(lab.service_pid(), signal.SIGTERM)
    wait_until(lambda: not os.path.exists(lab.path("run/control.sock")), "the service has ended")


OF_THE_KEY = (mute, empty, off_the_bus)
OF_THE_DEVICE = (not_authorized, no_node)
OF_THE_COMPUTER = (pcscd_hangs, pcscd_ended, service_ended)


class Combination:
    """What is wrong, and what may be said of it."""

    def __init__(self, chance):
        self.of_the_key = chance.choice((None, *OF_THE_KEY))
        host = list(OF_THE_COMPUTER) + ([] if self.of_the_key is off_the_bus else list(OF_THE_DEVICE))
        self.of_the_host = chance.sample(host, chance.choice((0, 1, 1, 2)))
        # Of two ways in which one service is away the first is enough.
        if pcscd_hangs in self.of_the_host and pcscd_ended in self.of_the_host:
            self.of_the_host.remove(pcscd_hangs)
        self.same_elsewhere = bool(self.of_the_key) and chance.random() < 0.5

    def __str__(self):
        parts = ([self.of_the_key] if self.of_the_key else []) + self.of_the_host
        return " + ".join(part.__name__ for part in parts) + (" + the same elsewhere" if self.same_elsewhere else "") or "nothing"

    def allowed(self):
        if self.of_the_host:
            return {"fix_this_computer", "try_another_computer"}
        if self.of_the_key:
            return {"return_key" if self.same_elsewhere else "try_another_computer"}
        return {"key_in_order"}

    def produce(self, lab):
        lab.key_in_order()
        previous = []
        if self.of_the_key:
            self.of_the_key(lab)
            wait_until(lambda: lab.present_keys() == [], "the key is out")
            if self.of_the_key is not off_the_bus:
                lab.await_device_finding("usb.no_token")
        if self.same_elsewhere:
            previous = ["--previous", lab.save_elsewhere()]
        for fault in self.of_the_host:
            fault(lab)
        try:
            return lab.diagnosis(*previous)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(lab.pcscd.pid, signal.SIGCONT)
