# SPDX-License-Identifier: Apache-2.0
"""Faults of the computer, with a key in order behind them: none of them may ever send that key back."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

from failed import Failed
from laboratory import wait_until
from workstation import OPENSC, program

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
QUICK_WORKER = "worker.deadline_ms = 1500\nworker.backoff_first_ms = 20\nworker.backoff_max_ms = 200\n"


def pcscd_ended(lab):
    """Its socket is left, and nobody behind it."""
    lab.key_in_order()
    lab.pcscd.kill()
    lab.pcscd.wait()
    wait_until(lambda: lab.present_keys() == [], "the key is out of sight")
    return lab.diagnosis()


def pcscd_socket_missing(lab):
    lab.key_in_order()
    lab.pcscd.kill()
    lab.pcscd.wait()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(lab.path("pcscd.comm"))
    wait_until(lambda: lab.present_keys() == [], "the key is out of sight")
    return lab.diagnosis()


def pcscd_socket_unreadable(lab):
    lab.begin()
    lab.card.remove()
    wait_until(lambda: lab.present_keys() == [], "the key is out")
    os.chmod(lab.path("pcscd.comm"), 0o600)
    lab.as_nobody()
    return lab.diagnosis()


def pcscd_hangs(lab):
    lab.begin(inserted=False)
    lab.await_device_finding("usb.no_token")
    os.kill(lab.pcscd.pid, signal.SIGSTOP)
    try:
        return lab.diagnosis()
    finally:
        os.kill(lab.pcscd.pid, signal.SIGCONT)


def with_module(lab, path, code, environment=None):
    """A single module that does not serve the key."""
    lab.environment.update(environment or {})
    lab.begin(modules=(("vendor", path),), configuration=QUICK_WORKER)
    wait_until(lambda: [f for m in lab.ask("status")["modules"] for f in m["findings"] if f["code"] == code], code)
    return lab.diagnosis()


def module_missing(lab):
    return with_module(lab, "/nonexistent/libcastle.so.1.0.0", "module.missing")


def module_of_another_architecture(lab):
    """OpenSC's, with ELF's e_machine (offset 18) of AArch64 (183)."""
    with open(OPENSC, "rb") as file:
        image = bytearray(file.read())
    image[18:20] = (183).to_bytes(2, "little")
    with open(lab.path("aarch64.so"), "wb") as file:
        file.write(image)
    return with_module(lab, lab.path("aarch64.so"), "module.wrong_architecture")


def module_is_no_library(lab):
    return with_module(lab, lab.write("text.so", "404 Not Found\n"), "module.not_loadable")


def module_cut_short(lab):
    """Half of it was copied: the loader itself fails at the missing pages."""
    with open(OPENSC, "rb") as file:
        image = file.read()
    with open(lab.path("cut.so"), "wb") as file:
        file.write(image[:5000])
    return with_module(lab, lab.path("cut.so"), "module.crashed")


def skf_library(lab):
    """Any library without C_GetFunctionList, as those of GM/T 0016 are."""
    return with_module(lab, "/usr/lib/x86_64-linux-gnu/libz.so.1", "module.not_pkcs11")


def module_crashes(lab):
    lab.write("behaviour", "crash_in_initialize")
    return with_module(lab, program("fault_module.so"), "module.crashed",
                       {"UKEY_FAULT_MODULE_BEHAVIOUR": lab.path("behaviour")})


def module_hangs(lab):
    lab.write("behaviour", "hang_in_initialize")
    return with_module(lab, program("fault_module.so"), "module.hung", {"UKEY_FAULT_MODULE_BEHAVIOUR": lab.path("behaviour")})


def no_module(lab):
    lab.begin(modules=())
    return lab.diagnosis()


def card_of_another_kind(lab):
    """OpenSC has no driver for it: only the vendor's module would know the card."""
    lab.write("opensc.conf", "app default {\n  card_drivers = itacns;\n}\n")
    lab.begin()
    lab.await_device_finding("usb.no_token")
    return lab.diagnosis()


HOLD = """
import ctypes, sys, time
pcsc = ctypes.CDLL("libpcsclite.so.1")
context, card, protocol = ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
names, length = ctypes.create_string_buffer(1000), ctypes.c_ulong(1000)
assert pcsc.SCardEstablishContext(2, None, None, ctypes.byref(context)) == 0
while pcsc.SCardListReaders(context, None, names, ctypes.byref(length)) != 0 or \
        pcsc.SCardConnect(context, names.value, 1, 3, ctypes.byref(card), ctypes.byref(protocol)) != 0:  # exclusive, T=0 or 1
    length.value = 1000
    time.sleep(0.05)
print("held", flush=True)
sys.stdin.read()
"""


def held_exclusively(lab):
    lab.start_pcscd()
    lab.issue_card()
    holder = lab.start([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if holder.stdout.readline().strip() != b"held":
        raise Failed("the reader could not be held")
    lab.configure(extra="usb.token_wait_ms = 50\n")
    lab.start_on_bus()
    lab.add_device()
    return lab.diagnosis()


def stale_after_reset(lab):
    """The computer slept; the port was reset, and pcscd's reader gives no answer any more."""
    lab.begin()
    lab.card.remove()
    lab.card.fault("mute")
    lab.card.insert()
    lab.kernel_log("usb 1-1: reset full-speed USB device number 5 using xhci_hcd")
    lab.await_device_finding("usb.no_token")
    return lab.diagnosis()


def clock_behind(lab):
    """The battery was empty: of a certificate that is of today this computer says that it is not valid yet."""
    then = {"LD_PRELOAD": FAKETIME, "FAKETIME": "@2020-01-01 08:00:00", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    lab.begin(environment=then)
    lab.await_keys(1)
    return lab.diagnosis(environment=then)


def ca_of_another_issuer(lab):
    """CAs are configured, and this key's is not among them."""
    def other_ca():
        lab.run(program("virtual-ukey-ca"), "init", lab.path("other-ca"))
        os.mkdir(lab.path("other-trust"))
        for name in ("root.pem", "intermediate.pem"):
            shutil.copy(lab.path(f"other-ca/{name}"), lab.path("other-trust"))

    lab.begin(trust=False, prepare=other_ca, configuration=f'trust.paths = ["{lab.path("other-trust")}"]\n')
    lab.bind()
    return lab.diagnosis()


def no_ca(lab):
    lab.begin(trust=False)
    lab.bind()
    return lab.diagnosis()


def service_ended(lab):
    lab.key_in_order()
    os.kill(lab.service_pid(), signal.SIGTERM)
    wait_until(lambda: not os.path.exists(lab.path("run/control.sock")), "the service has ended")
    return lab.diagnosis()


def service_hangs(lab):
    lab.key_in_order()
    pid = lab.service_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        return lab.diagnosis()
    finally:
        os.kill(pid, signal.SIGCONT)


def everything_ended(lab):
    lab.key_in_order()
    os.kill(lab.service_pid(), signal.SIGTERM)
    wait_until(lambda: not os.path.exists(lab.path("run/control.sock")), "the service has ended")
    lab.pcscd.kill()
    lab.pcscd.wait()
    return lab.diagnosis()


# Those that end with their diagnosis, or are of an environment of its own.
PASSING = ("pcscd_hangs", "service_hangs", "clock_behind")

FAULTS = [
    ("pcscd ended", "fix_this_computer", pcscd_ended),
    ("pcscd's socket missing", "fix_this_computer", pcscd_socket_missing),
    ("pcscd's socket unreadable", "fix_this_computer", pcscd_socket_unreadable),
    ("pcscd hangs", "fix_this_computer", pcscd_hangs),
    ("module missing", "fix_this_computer", module_missing),
    ("module of another architecture", "fix_this_computer", module_of_another_architecture),
    ("module that is no library", "fix_this_computer", module_is_no_library),
    ("module cut short", "fix_this_computer", module_cut_short),
    ("SKF library as module", "fix_this_computer", skf_library),
    ("module crashes", "fix_this_computer", module_crashes),
    ("module hangs", "fix_this_computer", module_hangs),
    ("no module", "fix_this_computer", no_module),
    ("card that OpenSC does not know", "fix_this_computer", card_of_another_kind),
    ("reader held exclusively", "fix_this_computer", held_exclusively),
    ("reader stale after a reset", "fix_this_computer", stale_after_reset),
    ("clock behind", "fix_this_computer", clock_behind),
    ("CA of another issuer", "fix_this_computer", ca_of_another_issuer),
    ("no CA configured", "fix_this_computer", no_ca),
    ("service ended", "fix_this_computer", service_ended),
    ("service hangs", "fix_this_computer", service_hangs),
    ("service and pcscd ended", "fix_this_computer", everything_ended),
]
