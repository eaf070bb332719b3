# SPDX-License-Identifier: Apache-2.0
"""The behaviour suite on OpenSC with real pcscd and a virtual card: bare and through the filter the same."""

import subprocess
import unittest

import comparison
from workstation import OPENSC, Workstation, program, require

# For a card: the SO's PIN would be tried, and an insertion is played by a test of its own.
LEFT_OUT = ("security_officer_in_softhsm", "wait_for_insertion")
REQUIRED = {
    "logins": ["login: CKR_OK 1 3", "logout: CKR_OK 0 2"],
    "wrong_pins": ["wrong: CKR_PIN_INCORRECT", "right: CKR_OK"],
    "sign_ec": ["ecdsa: CKR_OK 64"],
    "interfaces": ["interface: PKCS 11 3 0"],
    "unload_and_load_again": ["sign: CKR_OK", "mapped: 0"],
    "several_applications": ["process: 1 4"],
    "threads_sign": ["sign: CKR_OK: 64"],
    "fork_with_initialize": ["parent sign: CKR_OK"],
}


def setUpModule():
    require("pcscd", OPENSC)


class OnACard(unittest.TestCase):
    def setUp(self):
        self.ws = Workstation()
        self.addCleanup(self.ws.stop)
        self.ws.start_pcscd()
        self.ws.environment["UKEY_BEHAVIOUR_BACKEND"] = OPENSC

    def compare(self):
        self.assertEqual(len(comparison.names()), comparison.BEHAVIOURS)
        seen, differences = comparison.compare_all(OPENSC, self.ws.environment, lambda: None, LEFT_OUT)
        self.assertEqual(len(seen), comparison.BEHAVIOURS - len(LEFT_OUT))
        self.assertEqual(differences, [], "\n" + "\n".join(differences))
        for name, lines in REQUIRED.items():
            for line in lines:
                self.assertTrue(any(seen_line.startswith(line) for seen_line in seen[name]),
                                f"{name}: no '{line}' in\n" + "\n".join(seen[name]))
        total = sum(map(len, seen.values()))
        good = sum(comparison.counted(lines, "CKR_OK") for lines in seen.values())
        print(f"{len(seen)} behaviours, {total} lines the same, {good} of them CKR_OK")

    def test_without_a_service(self):
        self.ws.make_key("a", "测试支部", inserted=True)
        self.compare()

    def test_with_ukeyd(self):
        self.ws.make_key("a", "测试支部", inserted=True)
        self.ws.configure()
        self.ws.start_ukeyd()
        self.ws.await_keys(1)
        self.compare()
        self.assertGreater(len(self.ws.sessions()), 20, "ukeyd has heard of the logins")
        self.ws.verify_ledger()

    def insertion(self, card, module):
        process = self.ws.start([comparison.PROGRAM, module, "--only", "wait_for_insertion"], stdout=subprocess.PIPE,
                                text=True, env=comparison.behaviour_environment(self.ws.environment))
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("blocked"):
                card.insert()
        process.wait(60)
        card.remove()
        return [*lines, process.returncode]

    def test_insertion_wakes_a_blocked_call(self):
        # OpenSC itself misses an insertion now and then (seen bare): what each must do is wake at one of a few.
        card = self.ws.make_key("a", "测试支部")
        woken = ["initialize: CKR_OK", "tokens: CKR_OK 0", "blocked: 1", "waited: CKR_OK", "tokens: CKR_OK 1",
                 "finalize: CKR_OK", 0]
        for module in (OPENSC, program("ukey-pkcs11.so")):
            runs = []
            while woken not in runs and len(runs) < 4:
                runs.append(self.insertion(card, module))
            self.assertIn(woken, runs, module)
