# SPDX-License-Identifier: Apache-2.0
"""The fault laboratory: each fault is really produced, diagnosed by the real ukeyctl, and its verdict compared.

Faults run two at a time, each on a workstation of its own. UKEY_FAULTS=WORD runs those whose names have it.
"""

import os
import random
import sys
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor

import bus_faults
import card_faults
import combined_faults
import host_faults
from laboratory import Laboratory
from workstation import OPENSC, require

VERDICTS = ("key_in_order", "user_action", "fix_this_computer", "try_another_computer", "return_key")
COMBINATIONS = 16
GROUPS = (("bus", bus_faults.FAULTS), ("card", card_faults.FAULTS), ("host", host_faults.FAULTS))


def setUpModule():
    require("pcscd", "umockdev-wrapper", "unshare", "setpriv", OPENSC)


class Outcome:
    """What a fault came to."""

    def __init__(self, group, name, expected):
        self.group = group
        self.name = name
        self.expected = (expected,) if isinstance(expected, str) else expected
        self.verdict = "none"
        self.because = []
        self.problem = ""

    def is_expected(self):
        return self.verdict in self.expected and not self.problem


def produce(group, name, expected, fault):
    outcome = Outcome(group, name, expected)
    try:
        with Laboratory() as lab:
            diagnosis = fault(lab)
            outcome.verdict = diagnosis["judgement"]["verdict"]
            outcome.because = diagnosis["judgement"]["because"]
            outcome.problem = pins_spent(lab)
            if group == "host":
                outcome.problem += sent_back_with(lab, fault, diagnosis)
            if not outcome.is_expected():
                outcome.problem += "\n" + "\n".join(
                    f"{c['check']}: {c['state']} {(c['finding'] or {}).get('code', c['found'])}" for c in diagnosis["layers"])
    except Exception:  # noqa: BLE001  (every fault is told of, whatever happened to it)
        outcome.problem = traceback.format_exc()
    return outcome


def sent_back_with(lab, fault, diagnosis):
    """A computer's fault, seen on two computers, or beside another key in order at the port: empty, or who was sent back.
    Only where the fault is still there when it is looked at again."""
    if fault.__name__ in host_faults.PASSING:
        return ""
    elsewhere = {**diagnosis, "computer": {"id": "e" * 32, "name": "elsewhere"}}
    in_order = {"serial": "other", "usb_serial": "other", "key": "f" * 12, "faults": [], "service_away": False, "complete": True}
    other_key = {**diagnosis, "evidence": {**diagnosis["evidence"], **in_order}}
    for name, previous in (("on two computers", elsewhere), ("beside another key", other_key)):
        verdict = lab.diagnosis_with(previous)["judgement"]["verdict"]
        if verdict in ("return_key", "key_in_order"):
            return f"{name}: {verdict}"
    return ""


def pins_spent(lab):
    """Empty: no PIN reached the card that the fault did not send itself."""
    if lab.card is None:
        return ""
    spent = lab.card.verify_count()
    return f"{spent} PINs were sent to the card, {lab.pins_sent} by the fault itself" if spent != lab.pins_sent else ""


def matrix(outcomes):
    lines = [f"{'':42}" + "".join(f"{verdict:>22}" for verdict in VERDICTS)]
    for outcome in outcomes:
        marks = ["" if verdict != outcome.verdict else "X" if outcome.is_expected() else "WRONG" for verdict in VERDICTS]
        lines.append(f"{outcome.group + ': ' + outcome.name:42}" + "".join(f"{mark:>22}" for mark in marks) +
                     "  " + ", ".join(outcome.because))
    return "\n".join(lines)


class FaultLaboratory(unittest.TestCase):
    def test_each_fault_has_its_verdict(self):
        wanted = os.environ.get("UKEY_FAULTS", "")
        faults = [(group, *fault) for group, all_faults in GROUPS for fault in all_faults if wanted in fault[0]]
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda fault: produce(*fault), faults))
        print("\n" + matrix(outcomes), file=sys.stderr)
        print(f"{len(outcomes)} faults, {sum(o.is_expected() for o in outcomes)} with the expected verdict", file=sys.stderr)
        for outcome in outcomes:
            with self.subTest(outcome.name):
                self.assertTrue(outcome.is_expected(), f"{outcome.verdict}, expected {outcome.expected}\n{outcome.problem}")
        in_a_host_fault = [o for o in outcomes if o.group == "host" or "in order" in o.name]
        self.assertEqual([o.name for o in in_a_host_fault if o.verdict == "return_key"], [], "a key in order goes back")

    def test_what_is_wrong_together(self):
        seed = int(os.environ.get("UKEY_TEST_SEED", random.randrange(1 << 30)))
        print(f"seed {seed} (UKEY_TEST_SEED)", file=sys.stderr)
        chance = random.Random(seed)
        combinations = [combined_faults.Combination(chance) for _ in range(COMBINATIONS)]
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda c: produce("combined", str(c), tuple(c.allowed()), c.produce), combinations))
        print("\n" + matrix(outcomes), file=sys.stderr)
        for outcome in outcomes:
            with self.subTest(outcome.name):
                self.assertTrue(outcome.is_expected(), f"{outcome.verdict}, expected {outcome.expected}\n{outcome.problem}")


if __name__ == "__main__":
    unittest.main()
