# SPDX-License-Identifier: Apache-2.0
"""A person at the guest's PKCS#11: OpenSC's tool, and an application that stays alive between its calls."""

import os
import re

from card import BUILD, PIN
from expect import DEADLINE_S, Failed, Skipped, wait_until

OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
APPLICATION = os.path.join(BUILD, "tests/card/application")
# The mechanism for each kind of key that virtual-ukey-ca makes.
SIGN_MECHANISMS = {"p256": "ECDSA-SHA256", "rsa2048": "SHA256-RSA-PKCS"}


def token_labels(guest, module=OPENSC, user="seat"):
    """The labels of the tokens that are in."""
    listed = guest.run(["pkcs11-tool", "--module", module, "--list-slots"], user=user, check=False).stdout
    return sorted(re.findall(r"token label\s*: (.*)", listed))


def await_tokens(guest, *labels, module=OPENSC, user="seat"):
    """Until exactly these tokens are in. OpenSC has no event for a reader that is new."""
    wait_until(lambda: token_labels(guest, module, user) == sorted(labels), f"the tokens are {labels}")


def sign(guest, label, user="seat", module=OPENSC, algorithm="p256", check=True):
    """Logs in and signs, as `user`; what the tool said."""
    script = ('umask 077; folder=$(mktemp -d); trap \'rm -r "$folder"\' EXIT; echo data >"$folder/data";'
              ' pkcs11-tool --module "$1" --token-label "$2" --login --pin env:APPLICATION_PIN --sign --mechanism "$3"'
              ' --id 01 --input-file "$folder/data" --output-file "$folder/signature" && wc -c <"$folder/signature"')
    return guest.run(["sh", "-c", script, "sign", module, label, SIGN_MECHANISMS[algorithm]], user=user,
                     environment={"APPLICATION_PIN": PIN}, check=check)


class Application:
    """The tests' own PKCS#11 application (tests/card/application.cpp), in the guest, one call at a time."""

    def __init__(self, guest, user="seat", module=OPENSC):
        if not os.path.exists(APPLICATION):
            raise Skipped(f"{APPLICATION} is not built")
        path = guest.put(APPLICATION, "/opt/host/application", mode="0755")
        self.guest = guest
        self.stream = guest.converse([path, module], user=user)
        self.stream.wait("CKR_", "the application has opened a session")

    def begin(self, command):
        """Makes a call and does not wait for it; a mark for `end`."""
        return self.stream.say(command)

    def end(self, mark, deadline_s=DEADLINE_S):
        """The name of that call's return value."""
        return self.stream.wait("CKR_", "the call returns", mark, deadline_s).split()[0]

    def call(self, command):
        return self.end(self.begin(command))

    def login(self, pin=PIN):
        self.stream.say("login")
        rv = self.call(pin)
        if rv != "CKR_OK":
            raise Failed(f"C_Login: {rv}")

    def stop(self):
        self.stream.stop()

    def kill(self):
        """Also in the middle of a call, where it does not see the end of its standard input."""
        self.guest.run("pkill --signal KILL --exact application")
        self.stream.stop()
