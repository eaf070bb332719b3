# SPDX-License-Identifier: Apache-2.0
"""What the service takes of the computer, and what it could do to it."""

import re
import time

from expect import expect, expect_equal
from service import BRANCH, UNITS, Service

IDLE_S = 60
# The heartbeat is every 120 s; a timer more than that would be polling. The worker has no bound here: what wakes it is the
# module (pcsc-lite's client asks pcscd every 60 s).
UKEYD_WAKE_UPS_MAX = 4
EXPOSURE_MAX = {"ukeyd.service": 1.3, "ukey-probe@opensc.service": 1.6, "ukey-report.service": 1.0}


def wake_ups(guest, unit):
    """How often the unit's threads have stopped to wait, since each began."""
    total = ('for thread in $(cat /sys/fs/cgroup"$(systemctl show --property=ControlGroup --value "$0")"/cgroup.threads);'
             ' do grep ^voluntary_ctxt_switches "/proc/$thread/status"; done')
    return sum(int(line.split()[1]) for line in guest.run(["sh", "-c", total, unit]).stdout.splitlines())


def scenario_idle(guest):
    """A minute in which nothing happens, with a key in: ukeyd sleeps. Memory, tasks and wake-ups of both units."""
    service = Service(guest).prepare()
    service.plug(guest.make_card("idle", BRANCH), service.watch())
    guest.stop_streams()  # the watch of ukeyctl too
    processes = [service.main_pid(unit) for unit in UNITS]
    before = {unit: wake_ups(guest, unit) for unit in UNITS}
    time.sleep(IDLE_S)
    for unit in UNITS:
        woken = wake_ups(guest, unit) - before[unit]
        shown = dict(line.split("=") for line in guest.run(
            ["systemctl", "show", "--property=MemoryCurrent,TasksCurrent", unit]).stdout.splitlines())
        guest.record(f"{unit}: wake-ups in {IDLE_S} idle seconds", woken)
        guest.record(f"{unit}: memory of its control group", f"{int(shown['MemoryCurrent']) / 2**20:.1f} MiB")
        guest.record(f"{unit}: tasks", shown["TasksCurrent"])
        if unit == "ukeyd.service":
            expect(0 <= woken <= UKEYD_WAKE_UPS_MAX, f"ukeyd woke up {woken} times in {IDLE_S} s in which nothing happened")
    expect_equal([service.main_pid(unit) for unit in UNITS], processes, "the processes after that minute")


def scenario_exposure(guest):
    """How much systemd says that the units are exposed to, on the running system."""
    Service(guest).prepare()
    for unit, most in EXPOSURE_MAX.items():
        said = guest.run(["systemd-analyze", "security", "--no-pager", unit], check=False).stdout
        level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])
        guest.record(f"{unit}: exposure level", level)
        expect(level <= most, f"the exposure level of {unit} is {level}, more than {most}")
