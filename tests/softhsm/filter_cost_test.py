# SPDX-License-Identifier: Apache-2.0
"""Calls that are no login, logout, end of a session or PIN function cost no allocation, no system call and no question to
ukeyd more than the backend's own (filter_calls says how they are made). ukeyd runs, and a login is open."""

import collections
import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../card"))

from workstation import BUILD, Workstation, program, require  # noqa: E402

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
WARM_UP = 50  # calls of filter_calls before it counts
CALLS = {"C_GetSessionInfo", "C_GetTokenInfo", "C_GenerateRandom", "C_FindObjects", "C_Sign", "C_OpenSession+C_CloseSession"}


class FilterCostTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require(SOFTHSM, "softhsm2-util", "pkcs11-tool", "strace")

    def trace(self, ws, count):
        """Runs filter_calls; a map from (call, way, phase) to the system calls in it, and one to its allocations."""
        ws.run("strace", "-f", "-qq", "-s", "100", "-o", ws.path("trace"), os.path.join(BUILD, "tests/softhsm/filter_calls"),
               program("ukey-pkcs11.so"), SOFTHSM, "654321", str(count))
        system_calls, allocations = {}, {}
        phase = None
        for line in ws.read("trace").splitlines():
            name = re.sub(r"^\d+ +", "", line).split("(", 1)[0]
            edge = re.search(r'write\(1, "(begin|end) (\S+) (\S+) (\S+)(?: (\d+))?\\n"', line)
            if edge is None:
                if phase:
                    system_calls[phase][name] += 1
            elif edge[1] == "begin":
                phase = edge.group(2, 3, 4)
                system_calls[phase] = collections.Counter()
            else:
                allocations[phase] = int(edge[5])
                phase = None
        return system_calls, allocations

    def compare(self, ws, count):
        system_calls, allocations = self.trace(ws, count)
        self.assertEqual({call for call, _, _ in allocations}, CALLS)
        for call in CALLS:
            with self.subTest(call=call):
                self.assertEqual(allocations[call, "filter", "counted"], allocations[call, "direct", "counted"])
                self.assertEqual(system_calls[call, "filter", "counted"], system_calls[call, "direct", "counted"])
        # What is compared is counted: SoftHSM allocates for each of these, and looks at its files for this.
        self.assertGreaterEqual(allocations["C_Sign", "filter", "counted"], count)
        self.assertGreaterEqual(sum(system_calls["C_FindObjects", "filter", "counted"].values()), count)

    def make_token(self, ws):
        os.mkdir(ws.path("tokens"))
        ws.environment["SOFTHSM2_CONF"] = ws.write(
            "softhsm2.conf",
            f"directories.tokendir = {ws.path('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n")
        ws.environment["UKEY_PKCS11_MODULE"] = SOFTHSM
        ws.run("softhsm2-util", "--init-token", "--free", "--label", "cost", "--so-pin", "87654321", "--pin", "654321")
        ws.run("pkcs11-tool", "--module", SOFTHSM, "--token-label", "cost", "--login", "--pin", "654321", "--keypairgen",
               "--key-type", "EC:prime256v1", "--id", "01")

    def test_calls_cost_what_the_backends_own_do(self):
        with Workstation() as ws:
            self.make_token(ws)
            ws.configure(modules=(("softhsm", SOFTHSM),))
            ws.start_ukeyd()
            ws.await_keys(2)  # SoftHSM always has an empty token beside
            self.compare(ws, 1000)
            session, = ws.sessions()
            self.assertEqual((session["end_reason"], session["uses"]), ("finalized", 1000 + WARM_UP))

    def test_they_do_with_no_daemon(self):
        with Workstation() as ws:
            self.make_token(ws)
            self.compare(ws, 100)


if __name__ == "__main__":
    unittest.main()
