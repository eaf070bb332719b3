# SPDX-License-Identifier: Apache-2.0
"""Runs pkcs11_behaviour on a module, and compares what it told bare and through the filter."""

import difflib
import os
import re
import subprocess

from workstation import BUILD, program, sanitizer_environment

PROGRAM = os.path.join(BUILD, "tests/behaviour/pkcs11_behaviour")
# Behaviours that pkcs11_behaviour's table has. A table that lost some must not pass for a complete one.
BEHAVIOURS = 59
DEADLINE_S = 400

# SoftHSM and OpenSC take no lock in C_Initialize: of several threads more than one may succeed, or the process crash.
# The filter lets one in after the other, so here it is compared with the standard (PKCS#11 2.40 §5.4).
SERIALISED = (["initialize: CKR_CRYPTOKI_ALREADY_INITIALIZED: 15", "initialize: CKR_OK: 1", "finalize: CKR_OK"] * 5
              + ["## end exit 0"])
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
    done = subprocess.run([PROGRAM, module, "--only", name], env=behaviour_environment(environment), capture_output=True,
                          timeout=DEADLINE_S, check=False)
    lines = done.stdout.decode("utf-8", "backslashreplace").splitlines()
    end = f"## end signal {-done.returncode}" if done.returncode < 0 else f"## end exit {done.returncode}"
    return [*lines, end], done.stderr.decode("utf-8", "replace")


def difference(name, bare, filtered):
    """What differs, as text; empty when nothing does."""
    expected = OWN.get(name, bare)
    return "\n".join(difflib.unified_diff(expected, filtered, f"{name}, bare", f"{name}, filtered", lineterm="", n=1))


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
