# SPDX-License-Identifier: Apache-2.0
"""The behaviour suite on OpenSC with real pcscd and a virtual card: bare and through the filter the same."""

import subprocess
import unittest

import comparison
from workstation import OPENSC, Workstation, program, require

# For a card: the SO's PIN would be tried, and an insertion is played by a test of its own. C_Finalize beside other calls
# is undefined (PKCS#11 2.40 §5.4): OpenSC 0.23 destroys its lock under the threads that wait for it, and most runs hang.
LEFT_OUT = ("security_officer_in_softhsm", "wait_for_insertion", "finalize_while_reading")
# OpenSC signs with what OpenSSL's destructors have taken away, and asks itself until its stack is full.
CRASHING = ("sign_while_main_returns",)
REQUIRED = {
    "logins": ["login: CKR_OK 1 3", "logout: CKR_OK 0 2"],
    "wrong_pins": ["wrong: CKR_PIN_INCORRECT", "right: CKR_OK"],
    "sign_ec": ["ecdsa: CKR_OK 64"],
    "interfaces": ["interface: PKCS 11 3 0"],
    "unload_and_load_again": ["sign: CKR_OK", "mapped: 0"],
    "several_applications": ["process: 1 4"],
    "threads_sign": ["sign: CKR_OK: 64"],
    "fork_with_initialize": ["parent sign: CKR_OK"],
    "call_while_main_returns": ["crashes: 0"],
}


def setUpModule():
    require("pcscd", "opensc-tool", OPENSC)


class OnACard(unittest.TestCase):
    def setUp(self):
        self.ws = Workstation()
        self.addCleanup(self.ws.stop)
        self.ws.start_pcscd()
        self.ws.environment["UKEY_BEHAVIOUR_BACKEND"] = OPENSC

    def compare(self):
        self.assertEqual(len(comparison.names()), comparison.BEHAVIOURS)
        result = comparison.compare_all(OPENSC, self.ws.environment, lambda: None, LEFT_OUT, CRASHING)
        self.assertEqual(len(result.seen) + len(result.not_compared), comparison.BEHAVIOURS - len(LEFT_OUT))
        comparison.check_same(self, result, REQUIRED)

    def test_without_a_service(self):
        self.ws.make_key("a", "测试支部", inserted=True)
        self.ws.run("opensc-tool", "--wait", "--atr")  # pcscd sees a card up to half a second late
        self.compare()

    def test_with_ukeyd(self):
        self.ws.make_key("a", "测试支部", inserted=True)
        self.ws.configure()
        self.ws.start_ukeyd()
        self.ws.await_keys(1)
        self.compare()
        self.assertGreater(len(self.ws.sessions()), 20, "ukeyd has heard of the logins")
        self.ws.verify_ledger()


class Insertion(unittest.TestCase):
    """With a pcscd of its own for each module: it sees a removal up to half a second late, and a card that is put back
    before that has never been away for OpenSC, which then sleeps on. Bare or filtered, whichever came second did."""

    def insertion(self, module):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", "测试支部")
            process = ws.start([comparison.PROGRAM, module, "--only", "wait_for_insertion"], stdout=subprocess.PIPE,
                               text=True, env=comparison.behaviour_environment(ws.environment))
            lines = []
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if line.startswith("blocked"):
                    card.insert()
            return [*lines, process.wait()]

    def test_insertion_wakes_a_blocked_call(self):
        woken = ["initialize: CKR_OK", "tokens: CKR_OK 0", "blocked: 1", "waited: CKR_OK", "tokens: CKR_OK 1",
                 "finalize: CKR_OK", 0]
        for module in (OPENSC, program("ukey-pkcs11.so")):
            self.assertEqual(self.insertion(module), woken, module)
