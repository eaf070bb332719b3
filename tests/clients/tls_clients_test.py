# SPDX-License-Identifier: Apache-2.0
"""Client certificates over TLS on loopback and ssh's keys: OpenSSL's engine, curl, GnuTLS, NSS and ssh-keygen, bare and
filtered. What a key's holder did with each is a session that counts."""

import ssl
import unittest
import urllib.parse
from functools import partial

from clients import BRANCH, OTHER, PIN, require_clients
from tls_scenario import CODES, TlsTest

ENGINE = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so"


def setUpModule():
    require_clients("openssl", "curl", "gnutls-cli", "p11tool", "certutil", "modutil", "tstclnt", "ssh-keygen", ENGINE)


def token_uri(label):
    return "pkcs11:token=" + urllib.parse.quote(label)


class CommandLineTlsTest(TlsTest):
    def play_gnutls(self, run, server, label):
        uri = f"{token_uri(label)};id=%01"
        said = run.command("gnutls-cli", "--provider", run.module, "--x509cafile", server.root, "--x509certfile",
                           uri + ";type=cert", "--x509keyfile", uri + ";type=private", "--logfile", "/dev/stderr", "--port",
                           str(server.port), "localhost", stdin="GET / HTTP/1.0\r\n\r\n", env={"GNUTLS_PIN": PIN})
        self.assertIn("client_certificate", said)

    def play_nss(self, run, server, label):
        database = "sql:" + run.path("")
        run.command("certutil", "-N", "-d", database, "--empty-password")
        run.command("modutil", "-dbdir", database, "-add", "U-Key", "-libfile", run.module, "-force")
        run.command("certutil", "-A", "-d", database, "-n", "root", "-t", "C,,", "-i", server.root)
        run.write("pin", PIN + "\n")
        listed = run.command("certutil", "-L", "-d", database, "-h", label, "-f", run.path("pin"))
        name, = (line[:line.rindex(" ")].strip() for line in listed.splitlines() if line.startswith(label))
        said = run.command("tstclnt", "-d", database, "-4", "-h", "localhost", "-p", str(server.port), "-n", name, "-W",
                           run.path("pin"), "-A", run.write("request", "GET / HTTP/1.0\r\n\r\n"))
        self.assertIn("client_certificate", said)


class TlsClients(CommandLineTlsTest):
    def engine(self, run):
        return {"PKCS11_MODULE_PATH": run.module}

    def key_uri(self, label):
        return f"{token_uri(label)};id=%01;type=private?pin-source=file:{self.ws.write('pin-alone', PIN)}"

    def test_openssl_with_the_engine(self):
        for label in CODES:
            with self.subTest(label):
                def play(run, server, label=label):
                    said = run.command("openssl", "s_client", "-quiet", "-ign_eof", "-connect", f"localhost:{server.port}",
                                       "-CAfile", server.root, "-verify_return_error", "-engine", "pkcs11", "-keyform",
                                       "engine", "-key", self.key_uri(label), "-cert", self.certificates[label],
                                       stdin="GET / HTTP/1.0\r\n\r\n", env=self.engine(run))
                    self.assertIn("client_certificate", said)
                self.through_tls(label, self.real("openssl"), play)

    def test_curl(self):
        for label in CODES:
            with self.subTest(label):
                def play(run, server, label=label):
                    said = run.command("curl", "--silent", "--show-error", "--cacert", server.root, "--engine", "pkcs11",
                                       "--key-type", "ENG", "--key", self.key_uri(label), "--cert",
                                       self.certificates[label], server.url, env=self.engine(run))
                    self.assertIn("client_certificate", said)
                self.through_tls(label, self.real("curl"), play)

    def test_gnutls(self):
        for label, version in ((BRANCH, ssl.TLSVersion.TLSv1_3), (OTHER, ssl.TLSVersion.TLSv1_2)):
            with self.subTest(label):
                self.through_tls(label, self.real("gnutls-cli"), partial(self.play_gnutls, label=label), version)

    def test_nss(self):
        for label in CODES:
            with self.subTest(label):
                self.through_tls(label, self.real("tstclnt"), partial(self.play_nss, label=label))

    def test_p11tool(self):
        def play(run):
            for label in CODES:
                tool = ("p11tool", "--provider", run.module)
                run.command(*tool, "--list-tokens")
                run.command(*tool, "--list-mechanisms", token_uri(label))
                run.command(*tool, "--list-all-certs", token_uri(label))
                run.command(*tool, "--login", "--list-all", token_uri(label), env={"GNUTLS_PIN": PIN})
                run.command(*tool, "--login", "--test-sign", f"{token_uri(label)};id=%01;type=private",
                            env={"GNUTLS_PIN": PIN})
        said = self.compare(play)
        self.assertIn("Verifying against private key parameters... ok", said)

    def test_ssh_keygen(self):
        said = self.compare(lambda run: run.command("ssh-keygen", "-D", run.module))
        self.assertIn("ecdsa-sha2-nistp256 ", said)
        self.assertIn("ssh-rsa ", said)


class AttestedTlsClients(CommandLineTlsTest):
    """The key signs the record of each login; the client's own signature is beside that."""

    configuration = "login.attest = true\n"
    grade = "attested"

    def test_nss_and_gnutls(self):
        for name, play in (("tstclnt", self.play_nss), ("gnutls-cli", self.play_gnutls)):
            for label in CODES:
                with self.subTest(f"{name} {label}"):
                    session = self.through_tls(label, self.real(name), partial(play, label=label))
                    self.assertIs(self.ws.ask("session", "show", session["login"])["verified"], True)


if __name__ == "__main__":
    unittest.main()
