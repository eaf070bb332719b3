# SPDX-License-Identifier: Apache-2.0
"""OpenSC's pkcs11-tool, bare and filtered."""

import unittest

from clients import BRANCH, OTHER, PIN, CardClientsTest, SoftHsmClientsTest, require_clients

NEW_PIN = "735914"


def setUpModule():
    require_clients("pkcs11-tool", "openssl")


class Tool:
    """pkcs11-tool on a run's module, with the right PIN for who asks for it."""

    def __init__(self, run, *options):
        self.run = run
        self.options = options

    def __call__(self, *arguments, **more):
        return self.run.command("pkcs11-tool", "--module", self.run.module, *self.options, *arguments, **more)

    def logged_in(self, *arguments, **more):
        return self("--login", "--pin", PIN, *arguments, **more)


class OnCards(CardClientsTest):
    def test_what_is_to_be_seen(self):
        def play(run):
            tool = Tool(run)
            for option in ("--show-info", "--list-slots", "--list-token-slots"):
                tool(option)
            for label in (BRANCH, OTHER):
                tool = Tool(run, "--token-label", label)
                tool("--list-mechanisms")
                tool("--list-objects")
                tool.logged_in("--list-objects")
                for kind in ("cert", "pubkey"):
                    tool("--read-object", "--type", kind, "--id", "01", "--output-file", run.path(kind))
                    run.tell_bytes(kind)
        said = self.compare(play)
        self.assertIn("Private Key Object", said)
        self.assertIn("CKP_AUTHENTICATION_TOKEN", said)

    def test_its_own_tests(self):
        said = self.compare(lambda run: [Tool(run, "--token-label", label).logged_in("--test")
                                         for label in (BRANCH, OTHER)])
        self.assertIn("all 4 digest functions seem to work", said)
        self.assertIn("Signatures (currently only for RSA)\n  testing key 0 (PIV AUTH key) \n  all 4 signature functions seem to work",
                      said)

    def test_signatures(self):
        def play(run):
            run.write("data", "what is signed")
            elliptic, rsa = (Tool(run, "--token-label", label, "--id", "01") for label in (BRANCH, OTHER))
            for tool, mechanism, *more in ((elliptic, "ECDSA-SHA256"), (elliptic, "ECDSA-SHA1"), (rsa, "SHA256-RSA-PKCS"),
                                           (rsa, "SHA256-RSA-PKCS-PSS", "--salt-len", "32")):
                files = ("--mechanism", mechanism, "--input-file", run.path("data"))
                tool.logged_in("--sign", *files, *more, "--output-file", run.path("signature"))
                if mechanism == "SHA256-RSA-PKCS":  # the others have random numbers in them
                    run.tell_bytes("signature")
                tool("--verify", *files, *more, "--signature-file", run.path("signature"))
                tool("--verify", *files, *more, "--signature-file", run.path("data"))  # says so, and exits with 0
            # Without a login, and with a mechanism of another kind of key.
            elliptic("--sign", "--mechanism", "ECDSA-SHA256", "--input-file", run.path("data"), code=1)
            elliptic.logged_in("--sign", "--mechanism", "SHA256-RSA-PKCS", "--input-file", run.path("data"), code=1)
        said = self.compare(play)
        self.assertEqual(said.count("Signature is valid"), 4)
        self.assertEqual(said.count("Invalid signature"), 4)

    def test_decryption(self):
        def play(run):
            tool = Tool(run, "--token-label", OTHER, "--id", "01")
            tool("--read-object", "--type", "pubkey", "--output-file", run.path("public.der"))
            run.write("plain", "a secret of 22 bytes..")
            run.command("openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", run.path("public.der"),
                        "-in", run.path("plain"), "-out", run.path("cipher"))
            tool.logged_in("--decrypt", "--mechanism", "RSA-PKCS", "--input-file", run.path("cipher"), "--output-file",
                           run.path("decrypted"))
            run.tell_bytes("decrypted")
        self.assertIn("decrypted: " + b"a secret of 22 bytes..".hex(), self.compare(play))

    def test_pins(self):
        def play(run):
            tool = Tool(run, "--token-label", BRANCH)
            tool("--login", "--pin", "999999", "--list-objects", code=1)
            tool("--login", "--pin", "1", "--list-objects", code=1)
            tool("--login", "--login-type", "so", "--so-pin", "12345678", "--list-objects", code=1)
            tool("--login", "--pin", PIN, "--change-pin", "--new-pin", "123456789", code=1)
            tool("--login", "--pin", PIN, "--change-pin", "--new-pin", NEW_PIN)
            tool("--login", "--pin", PIN, "--list-objects", code=1)
            tool("--login", "--pin", NEW_PIN, "--change-pin", "--new-pin", PIN)
            tool.logged_in("--list-slots")
        said = self.compare(play)
        self.assertEqual(said.count("CKR_PIN_INCORRECT"), 2)
        self.assertEqual(said.count("PIN successfully changed"), 2)


class OnSoftHsm(SoftHsmClientsTest):
    """What a PIV card does not let an application do."""

    def test_objects_come_and_go(self):
        def play(run):
            tool = Tool(run, "--token-label", self.label)
            run.write("note", "a note")
            tool.logged_in("--write-object", run.path("note"), "--type", "data", "--label", "note")
            tool.logged_in("--write-object", self.ws.path("certificate.pem"), "--type", "cert", "--id", "07", "--label", "new")
            tool.logged_in("--write-object", self.ws.path("key.pem"), "--type", "privkey", "--id", "07", "--label", "new")
            tool("--write-object", self.ws.path("key.pem"), "--type", "privkey", "--id", "08", code=1)
            tool.logged_in("--read-object", "--type", "data", "--label", "note", "--output-file", run.path("read"))
            run.tell_bytes("read")
            tool.logged_in("--list-objects", any_order=True)
            for kind in ("cert", "privkey"):
                tool.logged_in("--delete-object", "--type", kind, "--id", "07")
            tool.logged_in("--list-objects", any_order=True)
            tool.logged_in("--delete-object", "--type", "cert", "--id", "07", code=1)
        self.assertIn("read: " + b"a note".hex(), self.compare(play))

    def test_keys_are_generated(self):
        def play(run):
            tool = Tool(run, "--token-label", self.label)
            for number, kind in enumerate(("EC:prime256v1", "EC:secp384r1", "rsa:2048")):
                tool.logged_in("--keypairgen", "--key-type", kind, "--id", f"1{number}", "--label", kind, "--usage-sign")
            tool.logged_in("--keygen", "--key-type", "AES:32", "--id", "20", "--label", "secret")
            run.write("data", "a digest, as long as of SHA-256.")
            for key, mechanism in (("10", "ECDSA"), ("12", "SHA256-RSA-PKCS")):
                files = ("--id", key, "--mechanism", mechanism, "--input-file", run.path("data"))
                tool.logged_in("--sign", *files, "--output-file", run.path("signature"))
                tool("--verify", *files, "--signature-file", run.path("signature"))
        said = self.compare(play)
        self.assertEqual(said.count("Key pair generated"), 3)
        self.assertEqual(said.count("Signature is valid"), 2)

    def test_its_own_tests_and_random_numbers(self):
        def play(run):
            tool = Tool(run, "--token-label", self.label)
            tool.logged_in("--test")
            tool("--generate-random", "32", "--output-file", run.path("random"))
            tool("--list-mechanisms")
        self.assertIn("seems to be OK", self.compare(play))

    def test_pins_and_the_security_officer(self):
        def play(run):
            tool = Tool(run, "--token-label", self.label)
            tool("--login", "--pin", "999999", "--list-objects", code=1)
            tool("--login", "--pin", PIN, "--change-pin", "--new-pin", NEW_PIN)
            tool("--login", "--pin", PIN, "--list-objects", code=1)
            tool("--login", "--login-type", "so", "--so-pin", "11111111", "--init-pin", "--new-pin", PIN, code=1)
            tool("--login", "--login-type", "so", "--so-pin", "87654321", "--init-pin", "--new-pin", PIN)
            tool.logged_in("--list-objects")
        said = self.compare(play)
        self.assertEqual(said.count("CKR_PIN_INCORRECT"), 3)
        self.assertIn("User PIN successfully initialized", said)


if __name__ == "__main__":
    unittest.main()
