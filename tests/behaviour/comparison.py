# SPDX-License-Identifier: Apache-2.0
"""Runs pkcs11_behaviour on a module, and compares what it told bare and through the filter."""

import contextlib
import difflib
import math
import os
import re
import signal
import subprocess
import threading

from workstation import BUILD, program, sanitizer_environment

PROGRAM = os.path.join(BUILD, "tests/behaviour/pkcs11_behaviour")
# Behaviours that pkcs11_behaviour's table has. A table that lost some must not pass for a complete one.
BEHAVIOURS = 61
DEADLINE_S = 100  # of each behaviour, beyond the program's own: what it leaves behind ends with it

# Seen with sixteen threads in C_Initialize at once: bare SoftHSM 2.6.1 crashes, or lets up to all of them succeed; bare
# OpenSC 0.23 crashes now and then. The filter lets one in after the other, so here it is compared with the standard
# (PKCS#11 2.40 §5.4).
SERIALISED = (["initialize: CKR_CRYPTOKI_ALREADY_INITIALIZED: 15", "initialize: CKR_OK: 1", "finalize: CKR_OK"] * 5
              + ["## end exit 0"])
CROWDED = ("several_applications",)
BY_CHANCE = re.compile(r"by chance: (.+?): (\d+ of \d+)")
OWN = {"threads_initialize": SERIALISED}


def names():
    return subprocess.run([PROGRAM, "--list"], capture_output=True, text=True, check=True).stdout.split()


def behaviour_environment(environment):
    """The program is built with the sanitizer that the filter has; a backend's own leaks are none of ours."""
    options = sanitizer_environment()
    options.pop("LD_PRELOAD", None)
    return {**environment, **options}


def observe(module, name, environment):
    """The lines of one behaviour, and how its process ended."""
    with subprocess.Popen([PROGRAM, module, "--only", name], env=behaviour_environment(environment),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        overdue = threading.Timer(DEADLINE_S, end_group, [process.pid])
        overdue.start()
        try:
            # A child that is left behind keeps the pipes open: the timer ends it too.
            output, errors = process.communicate()
        finally:
            overdue.cancel()
            end_group(process.pid)
    lines = output.decode("utf-8", "backslashreplace").splitlines()
    code = process.returncode
    lines.append(f"## end signal {-code}" if code < 0 else f"## end exit {code}")
    return lines, errors.decode("utf-8", "replace")


def end_group(leader):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def notably_more(filtered, bare):
    """Does one fail more often than the other, by (failed, times) of each, so that chance makes it once in a thousand
    comparisons at most? Fisher's exact test, one-sided, as if the times were independent."""
    failed = filtered[0] + bare[0]
    times = filtered[1] + bare[1]
    ways = sum(math.comb(filtered[1], count) * math.comb(bare[1], failed - count)
               for count in range(filtered[0], min(failed, filtered[1]) + 1))
    return ways / math.comb(times, failed) < 0.001


def many_more(filtered, bare):
    """For failures that breed failures, so that their number alone says little: bare SoftHSM needed 77 to 350 tries more than
    the 32 of several_applications, filtered 25 to 202 (12 runs each)."""
    return filtered[0] > 8 * bare[0] + bare[1] - bare[0]


def without_chance(lines):
    """The lines that must be the same, and the numbers of those that tell how often something failed."""
    chances = dict(map(re.Match.groups, filter(None, map(BY_CHANCE.fullmatch, lines))))
    return ([BY_CHANCE.sub(r"by chance: \1", line) for line in lines],
            {step: tuple(map(int, numbers.split(" of "))) for step, numbers in chances.items()})


def difference(name, bare, filtered):
    """What differs, as text; empty when nothing does."""
    expected, bare_chances = without_chance(OWN.get(name, bare))
    seen, chances = without_chance(filtered)
    found = list(difflib.unified_diff(expected, seen, f"{name}, bare", f"{name}, filtered", lineterm="", n=1))
    for step in bare_chances.keys() & chances.keys():
        more = many_more if name in CROWDED else notably_more
        if more(chances[step], bare_chances[step]):
            found.append(f"{name}: {step}: bare {bare_chances[step]}, filtered {chances[step]}")
    return "\n".join(found)


def compare_all(backend, environment, prepare, leave_out=()):
    """Every behaviour bare and filtered, each from the state that `prepare` makes. Returns the lines of the bare runs by
    behaviour, and the differences."""
    seen, differences = {}, []
    for name in names():
        if name in leave_out:
            continue
        prepare()
        bare, bare_errors = observe(backend, name, environment)
        prepare()
        filtered, errors = observe(program("ukey-pkcs11.so"), name, environment)
        found = difference(name, bare, filtered)
        if found:
            differences.append(found + "\n" + bare_errors[-500:] + errors[-2000:])
        if re.search(r"runtime error|ERROR: AddressSanitizer: (?!SEGV)|WARNING: ThreadSanitizer", errors):
            differences.append(f"{name}: a sanitizer's report\n{errors[-4000:]}")
        seen[name] = bare
    return seen, differences


def counted(lines, wanted):
    return sum(wanted in line for line in lines)
