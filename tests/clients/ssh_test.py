# SPDX-License-Identifier: Apache-2.0
"""ssh with a card's key, bare and filtered, to a real sshd on loopback."""

import contextlib
import os
import pwd
import socket
import unittest

from clients import BRANCH, BRANCH_CODE, OTHER, OTHER_CODE, CardClientsTest, require_clients
from workstation import BUILD, program, wait_until

# Unpacked from Debian's package, not installed: an installed one would serve the network.
SSHD = os.path.join(BUILD, "debian/openssh-server/usr/sbin/sshd")
# sshd needs nothing of root's as long as it serves only the user that it runs as. (systemd calls "nobody" a locked account.)
USER = pwd.getpwnam("games") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
CODES = {BRANCH: BRANCH_CODE, OTHER: OTHER_CODE}


def setUpModule():
    require_clients(SSHD, "ssh", "sftp", "ssh-keygen", "setpriv")


class Ssh(CardClientsTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        ws = cls.ws
        os.mkdir(ws.path("sshd"))
        ws.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ws.path("sshd/host_key"))
        # In the order of the modules' slots, as `ssh-keygen -D` lists them: the type tells which card it is.
        listed = ws.run("ssh-keygen", "-D", program("ukey-pkcs11.so")).stdout.splitlines()
        cls.public_keys = {label: next(line for line in listed if line.startswith(kind))
                           for label, kind in ((BRANCH, "ecdsa-"), (OTHER, "ssh-rsa"))}
        ws.write("sshd/authorized_keys", "\n".join(cls.public_keys.values()) + "\n")
        cls.fingerprints = {}
        for label, line in cls.public_keys.items():
            ws.write(f"sshd/{CODES[label]}.pub", line + "\n")
            cls.fingerprints[label] = ws.run("ssh-keygen", "-l", "-f", ws.path(f"sshd/{CODES[label]}.pub")).stdout.split()[1]
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
            cls.port = free.getsockname()[1]
        with open(ws.path("sshd/host_key.pub"), encoding="ascii") as file:
            ws.write("sshd/known_hosts", f"[127.0.0.1]:{cls.port} {file.read()}")
        cls.start_sshd()

    @classmethod
    def start_sshd(cls):
        ws = cls.ws
        ws.write("sshd/config", f"""ListenAddress 127.0.0.1:{cls.port}
HostKey {ws.path('sshd/host_key')}
AuthorizedKeysFile {ws.path('sshd/authorized_keys')}
AuthenticationMethods publickey
StrictModes no
PidFile none
Subsystem sftp internal-sftp
LogLevel VERBOSE
""")
        for name in ("sshd", "sshd/host_key"):
            os.chown(ws.path(name), USER.pw_uid, USER.pw_gid)
        become = (["setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups"]
                  if os.getuid() == 0 else [])
        with open(ws.path("log/sshd.log"), "wb") as log:
            ws.start([*become, SSHD, "-D", "-e", "-f", ws.path("sshd/config")], stderr=log)
        wait_until(lambda: "Server listening" in ws.read("log/sshd.log"), "sshd listens")

    def test_a_session_with_each_card(self):
        for label, code in CODES.items():
            with self.subTest(label):
                before = self.watch.mark()
                logged = len(self.ws.read("log/sshd.log"))
                self.compare(lambda run, code=code: self.sftp(run, code),
                             {"SSH_ASKPASS": self.askpass, "SSH_ASKPASS_REQUIRE": "force"})
                accepted = [line for line in self.ws.read("log/sshd.log")[logged:].splitlines() if "Accepted publickey for" in line]
                self.assertEqual(len(accepted), 2, accepted)
                for line in accepted:
                    self.assertIn(self.fingerprints[label], line)
                self.assert_counted(os.path.realpath("/usr/bin/ssh"), code, before)

    def sftp(self, run, code):
        """sftp has ssh log in, and needs no shell of the other user's."""
        said = run.command("sftp", "-F", "none", "-P", str(self.port), "-o", f"PKCS11Provider={run.module}", "-o",
                           f"IdentityFile={self.ws.path(f'sshd/{code}.pub')}", "-o", "IdentitiesOnly=yes", "-o",
                           f"UserKnownHostsFile={self.ws.path('sshd/known_hosts')}", "-o", "IdentityAgent=none",
                           f"{USER.pw_name}@127.0.0.1", stdin="ls -1 /usr/lib/softhsm\n")
        self.assertIn("libsofthsm2.so", said)


if __name__ == "__main__":
    unittest.main()
