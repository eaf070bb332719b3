# SPDX-License-Identifier: Apache-2.0
"""A client against a TLS server on loopback that takes only the cards' certificates, bare and filtered."""

import os

from clients import BRANCH, BRANCH_CODE, OTHER, OTHER_CODE, CardClientsTest
from tls_server import TlsServer, fingerprint_of

CODES = {BRANCH: BRANCH_CODE, OTHER: OTHER_CODE}


class TlsTest(CardClientsTest):
    """`through_tls` plays a client against a server that takes only the cards' certificates."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.certificates = {}
        for label in CODES:
            der, pem = (cls.ws.path(f"{CODES[label]}.{form}") for form in ("der", "pem"))
            cls.ws.pkcs11_tool("--token-label", label, "--read-object", "--type", "cert", "--id", "01", "--output-file", der)
            cls.ws.run("openssl", "x509", "-inform", "DER", "-in", der, "-out", pem)
            cls.certificates[label] = pem

    def through_tls(self, label, executable, play, version=None, environment=None):
        """`play` is given the run and the server; both runs must have proved the card's certificate to it."""
        with open(self.certificates[label], encoding="ascii") as file:
            fingerprint = fingerprint_of(file.read())
        before = self.watch.mark()
        with TlsServer(self.ws, version) as server:
            said = self.compare(lambda run: play(run, server), environment)
            self.assertEqual(server.fingerprints, [fingerprint] * 2, server.server.refused)
        return self.assert_counted(executable, CODES[label], before)

    @staticmethod
    def real(name):
        return os.path.realpath("/usr/bin/" + name)
