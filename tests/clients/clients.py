# SPDX-License-Identifier: Apache-2.0
"""Debian's own PKCS#11 clients, run twice: on a module bare, and on the same module through the filter."""

import difflib
import os
import re
import shutil
import subprocess
import unittest

from workstation import DEADLINE_S, OPENSC, Failed, Workstation, program, require, sanitizer_environment

COMMITTEE = "测试街道党工委"
# Each fits a token's label (32 bytes), which is part of what clients call a certificate.
BRANCH, BRANCH_CODE = "第一支部", "500102000001"
OTHER, OTHER_CODE = "第二支部", "500102000002"
# Not the PIN that a card is issued with: the filter may refuse to set that one, and says so.
PIN = "846215"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
FILTER = program("ukey-pkcs11.so")

# What two runs of one client differ in whatever the module is.
NORMALISED = (
    # OpenSC's object handles are addresses on its heap.
    (re.compile(r"(\w+ object) \d{7,}"), r"\1 HANDLE"),
    # SoftHSM's are numbers in the order of a set of addresses.
    (re.compile(r"^(Data object) \d+", re.MULTILINE), r"\1 HANDLE"),
    # A key generated in each run.
    (re.compile(r"(EC_POINT: *)[0-9a-f]+"), r"\1POINT"),
    (re.compile(r"(-----BEGIN PUBLIC KEY-----\n).*?(?=-----END)", re.DOTALL), r"\1KEY\n"),
    # gnutls-cli prints the TLS session's random id.
    (re.compile(r"(Session ID: )[0-9A-F:]+"), r"\1ID"),
)


def require_clients(*programs):
    """Skips the whole file without them. A sanitized module needs its runtime loaded first, which not every client bears:
    there tests/behaviour has the say."""
    require("pcscd", OPENSC, *programs)
    if sanitizer_environment():
        raise unittest.SkipTest("the filter is built with a sanitizer")


class Run:
    """One run of a scenario: its commands on one module, in a folder that is as new, and what they answered."""

    def __init__(self, ws, module, environment):
        self.ws = ws
        self.module = module
        self.environment = environment
        self.transcript = []
        shutil.rmtree(ws.path("client"), ignore_errors=True)
        os.mkdir(ws.path("client"), 0o755)

    def path(self, name):
        return self.ws.path("client/" + name)

    def write(self, name, text):
        return self.ws.write("client/" + name, text)

    def command(self, *command, code=0, stdin="", env=None, any_order=False):
        """Runs it to its end, which must be with exit code `code` whatever the module is: two failures that are alike prove
        nothing. Its standard output. `any_order`: its lines' order is chance (SoftHSM's objects, which it has in sets)."""
        done = subprocess.run(command, env={**self.environment, **(env or {})}, input=stdin.encode(), capture_output=True,
                              timeout=DEADLINE_S, cwd=self.path(""), check=False)
        # NSS cuts a token's name in the middle of a character.
        output, errors = (text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
        if any_order:
            output = "\n".join(sorted(output.splitlines()))
        self.tell(" ".join(command), f"exit {done.returncode}", output, errors)
        if done.returncode != code:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}, not {code}\n{output}{errors}")
        return output

    def tell(self, *texts):
        """Adds to what is compared."""
        for text in texts:
            text = text.replace(self.module, "MODULE")
            for pattern, replacement in NORMALISED:
                text = pattern.sub(replacement, text)
            self.transcript += text.splitlines()

    def tell_bytes(self, name):
        with open(self.path(name), "rb") as file:
            self.tell(f"{name}: {file.read().hex()}")


class ClientsTest(unittest.TestCase):
    """`compare` plays a scenario on the backend bare, then through the filter."""

    backend = OPENSC

    @classmethod
    def setUpClass(cls):
        cls.ws = cls.enterClassContext(Workstation())
        cls.prepare()

    def before_each_run(self):
        """The state from which a run starts, where it changes something."""

    def runs(self, play, environment=None):
        """The two runs' transcripts, the bare one first. Nobody but the filter tells ukeyd of a login."""
        transcripts = []
        for module in (self.backend, FILTER):
            self.before_each_run()
            before = len(self.ws.sessions())
            run = Run(self.ws, module, {**self.ws.environment, "UKEY_PKCS11_MODULE": self.backend, **(environment or {})})
            play(run)
            transcripts.append(run.transcript)
            if module == self.backend:
                self.assertEqual(len(self.ws.sessions()), before, "a bare run must not be seen")
        return transcripts

    def compare(self, play, environment=None):
        """What the clients said, when it was the same."""
        bare, filtered = self.runs(play, environment)
        difference = "\n".join(difflib.unified_diff(bare, filtered, "bare", "filtered", lineterm="", n=2))
        self.assertEqual(difference, "", "\n" + difference)
        self.assertGreater(len(bare), 0)
        return "\n".join(bare)


class CardClientsTest(ClientsTest):
    """Two cards, a P-256 and an RSA-2048 key, each bound to an organisation; ukeyd watches."""

    configuration = ""  # beyond the usual
    grade = "observed"

    @classmethod
    def prepare(cls):
        ws = cls.ws
        ws.start_pcscd()
        cls.cards = {BRANCH: ws.make_key("a", BRANCH, inserted=True),
                     OTHER: ws.make_key("b", OTHER, "--algorithm", "rsa2048", inserted=True)}
        ws.configure(extra=cls.configuration)
        ws.start_ukeyd()
        ws.import_organisations(("500102000000", [COMMITTEE]), (BRANCH_CODE, [COMMITTEE, BRANCH]),
                                (OTHER_CODE, [COMMITTEE, OTHER]))
        codes = {BRANCH: BRANCH_CODE, OTHER: OTHER_CODE}
        for key in ws.await_keys(2):
            ws.ukeyctl("key", "bind", key["key"], codes[key["certificate"]["organisation_name"]])
        for label in cls.cards:
            ws.run("pkcs11-tool", "--module", OPENSC, "--token-label", label, "--login", "--pin", "123456", "--change-pin",
                   "--new-pin", PIN)
        cls.watch = ws.watch()
        # For clients that ask a person.
        cls.askpass = ws.write("askpass", f"#!/bin/sh\necho {PIN}\n")
        os.chmod(cls.askpass, 0o755)
        ws.write("pin", PIN + "\n")

    def assert_counted(self, executable, organisation, after):
        """A session that ended after event number `after`, of that program and key, counts."""
        session = self.watch.wait(lambda e: e["type"] == "session.ended" and e["session"]["executable"] == executable
                                  and e["session"]["uses"], f"a session of {executable} has ended", after)["session"]
        self.assertEqual((session["uid"], session["organisation"], session["counted"], session["grade"]),
                         (os.getuid(), organisation, True, self.grade))
        self.assertGreaterEqual(session["uses"], 1)
        shown, = [s for s in self.ws.sessions() if s["login"] == session["login"]]
        self.assertEqual((shown["executable"], shown["organisation"], shown["uses"], shown["counted"]),
                         (executable, organisation, session["uses"], True))
        return shown


class SoftHsmClientsTest(ClientsTest):
    """A token in files, put back before each run. It has an RSA key and its certificate, id 01."""

    backend = SOFTHSM
    label = "教工支部"

    @classmethod
    def prepare(cls):
        ws = cls.ws
        require(SOFTHSM, "softhsm2-util")
        os.makedirs(ws.path("tokens"))
        ws.environment["SOFTHSM2_CONF"] = ws.write(
            "softhsm2.conf", f"directories.tokendir = {ws.path('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n")
        ws.run("softhsm2-util", "--init-token", "--free", "--label", cls.label, "--so-pin", "87654321", "--pin", PIN)
        ws.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ws.path("key.pem"), "-out",
               ws.path("certificate.pem"), "-days", "30", "-subj", "/CN=client")
        for kind, file, *more in (("privkey", "key.pem", "--usage-sign", "--usage-decrypt"), ("cert", "certificate.pem")):
            ws.run("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", PIN, "--write-object", ws.path(file), "--type",
                   kind, "--id", "01", "--label", "first", *more)
        shutil.copytree(ws.path("tokens"), ws.path("tokens-kept"))
        ws.configure(modules=())  # a worker would hold files of the token that is put back
        ws.start_ukeyd()

    def before_each_run(self):
        shutil.rmtree(self.ws.path("tokens"))
        shutil.copytree(self.ws.path("tokens-kept"), self.ws.path("tokens"))
