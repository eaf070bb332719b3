# SPDX-License-Identifier: Apache-2.0
"""The behaviour suite on SoftHSM: bare and through the filter the same, without a service and with ukeyd."""

import os
import shutil
import unittest

import comparison
from workstation import Workstation, require

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
WAITS = ("wait_for_insertion",)  # played with a card
# They use SoftHSM's object after its destructor, or beside the C_Finalize that takes it away.
CRASHING = ("sign_while_main_returns", "call_while_main_returns", "finalize_while_reading")
# What must have succeeded in the bare run, or the comparison would say nothing.
REQUIRED = {
    "logins": ["login: CKR_OK 1 3", "logout: CKR_OK 0 2"],
    "wrong_pins": ["wrong: CKR_PIN_INCORRECT", "right: CKR_OK"],
    "security_officer_in_softhsm": ["so: CKR_OK 4", "init: CKR_OK", "new PIN: CKR_OK"],
    "set_pin": ["without login: CKR_OK", "new PIN: CKR_OK", "back: CKR_OK"],
    "sign_ec": ["ecdsa: CKR_OK 64", "ecdsa length: CKR_OK 64", "ecdsa small: CKR_BUFFER_TOO_SMALL",
                "ecdsa verify: CKR_OK"],
    "sign_rsa": ["rsa: CKR_OK 256", "rsa-sha256 final: CKR_OK 256"],
    "decrypt": ["decrypt: CKR_OK 4"],
    "derive_and_unwrap": ["derive: CKR_OK 1"],
    "slots": ["all too small: CKR_BUFFER_TOO_SMALL"],
    "many_sessions": ["closed: 4999 1"],
    "fork_with_initialize": ["parent sign: CKR_OK"],
    "several_applications": ["process: 1 4"],
    "threads_sign": ["sign: CKR_OK: 64", "login: CKR_USER_ALREADY_LOGGED_IN: 64"],
    "unload_and_load_again": ["mapped: 0", "descriptors kept since: 1"],
    "beside_the_backend": ["sign: CKR_OK"],
    "opened_globally": ["sign: CKR_OK"],
}


def setUpModule():
    require("softhsm2-util", "pkcs11-tool", SOFTHSM)


class OnSoftHsm(unittest.TestCase):
    def setUp(self):
        self.ws = Workstation()
        self.addCleanup(self.ws.stop)
        ws = self.ws
        ws.write("softhsm2.conf", f"directories.tokendir = {ws.path('tokens')}\nobjectstore.backend = file\n"
                 "log.level = ERROR\n")
        ws.environment |= {"SOFTHSM2_CONF": ws.path("softhsm2.conf"), "UKEY_PKCS11_MODULE": SOFTHSM,
                           "UKEY_BEHAVIOUR_BACKEND": SOFTHSM}
        os.mkdir(ws.path("tokens"))
        ws.run("softhsm2-util", "--init-token", "--free", "--so-pin", "87654321", "--pin", "123456", "--label", "教工支部")
        for number, options in (("01", ["RSA:2048"]), ("02", ["EC:prime256v1", "--usage-sign", "--usage-derive"])):
            ws.run("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "123456", "--keypairgen", "--id", number,
                   "--label", "key", "--key-type", *options)
        shutil.move(ws.path("tokens"), ws.path("template"))

    def fresh_token(self):
        shutil.rmtree(self.ws.path("tokens"), ignore_errors=True)
        shutil.copytree(self.ws.path("template"), self.ws.path("tokens"))

    def compare(self):
        self.assertEqual(len(comparison.names()), comparison.BEHAVIOURS)
        result = comparison.compare_all(SOFTHSM, self.ws.environment, self.fresh_token, WAITS, CRASHING)
        self.assertEqual(len(result.seen) + len(result.not_compared), comparison.BEHAVIOURS - len(WAITS))
        comparison.check_same(self, result, REQUIRED)

    def test_without_a_service(self):
        self.compare()

    def test_with_ukeyd(self):
        self.ws.configure(modules=())
        self.ws.start_ukeyd()
        self.compare()
        self.assertGreater(len(self.ws.sessions()), 20, "ukeyd has heard of the logins")
        self.ws.verify_ledger()
