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
import time

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
# A difference is played again so often: a fault in half of the runs or more is found, and one in 6 of 12 beside a bare
# module that is always the same could be chance once in a hundred times.
REPEATS = 12
REPEATING_S = 240
BY_CHANCE_MAX = 3  # behaviours of one comparison
CROWDED = ("several_applications",)
BY_CHANCE = re.compile(r"by chance: (.+?): (\d+ of \d+)")
OWN = {"threads_initialize": SERIALISED}

FILTER = "ukey-pkcs11.so"
REPORT = re.compile(r"runtime error:|(?:ERROR|WARNING): (?:Address|Thread)Sanitizer:")
# What a backend does that is given pointers to nothing: it crashes, or asks for all the memory there is, and bare too.
ASKED_FOR = re.compile(r"ERROR: \w+Sanitizer: (?:SEGV|requested allocation)")
FRAME = re.compile(r"\s+#(\d+) .*?(?:\((?:[^\s()]*/)?([^\s/()]+)\+0x[0-9a-f]+\).*)?")
# Everything calls these: what happens in them is the matter of the frame above.
RUN_TIME = re.compile(r"(lib(asan|tsan|ubsan|c|m|gcc_s|stdc\+\+)|ld-linux[\w-]*)\.so[.\d]*")


def names():
    return subprocess.run([PROGRAM, "--list"], capture_output=True, text=True, check=True).stdout.split()


def behaviour_environment(environment):
    """The program is built with the sanitizer that the filter has; a backend's own leaks are none of ours. Every frame of a
    report names its library."""
    options = sanitizer_environment()
    options.pop("LD_PRELOAD", None)
    if "ASAN_OPTIONS" in options:
        options["ASAN_OPTIONS"] += ":stack_trace_format='    #%n %f %S %M'"
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


def stacks(errors):
    """The stacks of what sanitizers wrote: the line above each, and the libraries of its frames from the innermost."""
    found, above = [], ""
    for line in errors.splitlines():
        frame = FRAME.fullmatch(line)
        if frame is None:
            above = line
        elif frame[1] == "0":
            found.append((above, [frame[2]]))
        elif found:
            found[-1][1].append(frame[2])
    return found


def has_report_of_the_filter(errors):
    """Has a sanitizer told of something that the filter's own code did, and not a function that it called? Where a thread
    or a lock was made says nothing of that."""
    if "runtime error:" in errors:
        return True  # no backend is built to tell so
    for above, libraries in stacks(errors):
        innermost = next((library for library in libraries if library and not RUN_TIME.fullmatch(library)), None)
        if innermost == FILTER and " created " not in above:
            return True
    return False


def end_group(leader):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def notably_more(filtered, bare, chance=0.001):
    """Does one fail more often than the other, by (failed, times) of each, so that chance makes it so seldom at most?
    Fisher's exact test, one-sided, as if the times were independent."""
    failed = filtered[0] + bare[0]
    times = filtered[1] + bare[1]
    ways = sum(math.comb(filtered[1], count) * math.comb(bare[1], failed - count)
               for count in range(filtered[0], min(failed, filtered[1]) + 1))
    return ways / math.comb(times, failed) < chance


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


class Differences:
    """What differs between a module and the filter before it, as texts by behaviour, and what differed but once."""

    def __init__(self):
        self.seen = {}  # lines of the bare runs by behaviour
        self.found = {}
        self.by_chance = {}
        self.not_compared = {}  # lines of the filtered runs by behaviour


class Pairs:
    """Runs of one behaviour, bare and through the filter, each from the state that `prepare` makes."""

    def __init__(self, backend, name, environment, prepare):
        self.backend, self.name, self.environment, self.prepare = backend, name, environment, prepare
        self.sanitizer_report = ""

    def run(self, module, environment=None):
        self.prepare()
        return observe(module, self.name, environment or self.environment)

    def next(self):
        """The lines of a bare run, and what differs."""
        bare, bare_errors = self.run(self.backend)
        filtered, errors = self.run(program(FILTER))
        # Reports of a bare run are of the backend: nothing of ours is in it.
        if REPORT.search(ASKED_FOR.sub("", errors)) or has_report_of_the_filter(errors):
            self.sanitizer_report = f"{self.name}: a sanitizer's report\n{errors[-4000:]}"
        found = difference(self.name, bare, filtered)
        return bare, found and found + "\n" + bare_errors[-500:] + errors[-2000:]

    def read_reports(self):
        """The lines of a filtered run whose reports are read instead: all, also those after one of the backend's."""
        options = os.environ.get("TSAN_OPTIONS", "") + ":halt_on_error=0"
        lines, errors = self.run(program(FILTER), {**self.environment, "TSAN_OPTIONS": options})
        if has_report_of_the_filter(errors):
            self.sanitizer_report = f"{self.name}: a sanitizer's report of the filter\n{errors}"
        elif lines[-1] != "## end exit 0" and not REPORT.search(errors):
            self.sanitizer_report = f"{self.name}: not played to its end\n{lines}\n{errors[-4000:]}"
        print(f"{self.name}: NOT COMPARED with a sanitizer, with which the backend's own crashes come and go; "
              f"{len(REPORT.findall(errors))} reports read instead: {'; '.join(lines)}")
        return lines

    def repeats(self):
        """Does the filter differ from the bare module notably more often than that differs from itself?"""
        bare_runs, differing = [], 0
        end = time.monotonic() + REPEATING_S
        for _ in range(REPEATS):
            bare, found = self.next()
            bare_runs.append(bare)
            differing += bool(found)
            if time.monotonic() > end:
                return True  # too slow to tell
        of_itself = 0
        if self.name not in OWN:
            of_itself = sum(bool(difference(self.name, bare_runs[number - 1], bare_runs[number]))
                            for number in range(REPEATS))
        print(f"{self.name}: {differing} of {REPEATS} differ, of the bare runs {of_itself} from one another")
        return notably_more((differing, REPEATS), (of_itself, REPEATS), 0.01)


def compare_all(backend, environment, prepare, leave_out=(), crashing=()):
    """Every behaviour bare and filtered. What differs is played again: a module that acts by chance differs from itself
    too, and a fault of the filter comes back. In those of `crashing` the backend itself crashes with a sanitizer, now and
    then: there the reports are read for the filter's code."""
    result = Differences()
    sanitized = bool(sanitizer_environment())
    for name in names():
        if name in leave_out:
            continue
        pairs = Pairs(backend, name, environment, prepare)
        if sanitized and name in crashing:
            result.not_compared[name] = pairs.read_reports()
        else:
            result.seen[name], found = pairs.next()
            if found:
                (result.found if pairs.repeats() else result.by_chance)[name] = found
        if pairs.sanitizer_report:
            result.found[name] = pairs.sanitizer_report
    return result


def check_same(test, result, required):
    """Fails `test` once for each behaviour that differs, or whose bare run lacks a line that must have succeeded; prints
    what differed by chance."""
    for name, found in result.found.items():
        with test.subTest(behaviour=name):
            test.fail("\n" + found)
    for name, found in result.by_chance.items():
        print(f"{name} differed once, by chance:\n{found}")
    test.assertLessEqual(len(result.by_chance), BY_CHANCE_MAX, "so many are no chance")
    for name, lines in required.items():
        for line in lines:
            test.assertTrue(any(seen.startswith(line) for seen in result.seen[name]),
                            f"{name}: no '{line}' in\n" + "\n".join(result.seen[name]))
    total = sum(map(len, result.seen.values()))
    good = sum(counted(lines, "CKR_OK") for lines in result.seen.values())
    print(f"{len(result.seen)} behaviours, {total} lines compared, {good} of them CKR_OK; "
          f"not compared: {', '.join(result.not_compared) or 'none'}")


def counted(lines, wanted):
    return sum(wanted in line for line in lines)
