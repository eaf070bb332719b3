# SPDX-License-Identifier: Apache-2.0
"""No PIN try is spent by the service, and no PIN is found anywhere afterwards."""

import os
import random
import signal
import subprocess
import threading
import time
import unittest

from workstation import OPENSC, Workstation, program, require, sanitizer_environment, wait_until

# A sanitizer's shadow of the address space: terabytes, and no byte of the program in it.
SHADOW_MIN_BYTES = 1 << 34

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
IDLE_S = 120


def setUpModule():
    require("pcscd", "pkcs11-tool", OPENSC)


class Tries(unittest.TestCase):
    def test_no_try_is_spent_by_anything_but_a_login(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH)
            ws.configure()
            ws.start_ukeyd()
            watch = ws.watch()
            card.insert()
            key = watch.wait(lambda e: e["type"] == "key.inserted", "the key is in")["key"]["key"]
            for verb in (["status"], ["doctor"], ["diagnose"], ["diagnose", key], ["pin", "status"], ["key", "show", key]):
                ws.ukeyctl(*verb, check=False)
            # Not a wait for something to happen: nothing may happen in this time.
            threading.Event().wait(IDLE_S)
            ws.stop_ukeyd()
            ws.start_ukeyd()
            ws.await_keys(1)
            card.remove()
            wait_until(lambda: ws.present_keys() == [], "the key is out")
            status = card.status()
            self.assertEqual((status["verify_count"], status["pin_change_count"]), (0, 0))
            self.assertEqual(status["retries_left"], status["retries_max"])


class Search(unittest.TestCase):
    sanitized = bool(sanitizer_environment())

    def test_a_random_pin_is_found_nowhere(self):
        seed = int(os.environ.get("UKEY_TEST_SEED", time.time_ns()))
        print(f"seed {seed} (UKEY_TEST_SEED)")
        chance = random.Random(seed)
        pin, new_pin = (str(chance.randrange(10_000_000, 100_000_000)) for _ in range(2))
        with Workstation() as ws:
            ws.start_pcscd()
            folder = ws.path("cards/a")
            self.make_card(ws, folder, pin)
            card = ws.make_key("a", BRANCH, inserted=True)
            ws.configure(extra='log_level = "debug"\n')
            ws.start_ukeyd(wrapper=("prlimit", "--core=unlimited"), cwd=ws.folder)
            key, = ws.await_keys(1)
            with ws.application() as application:
                application.login(pin)
                application.sign()
                # While the login is open: in no memory of ours but the application's, in no argument, in no environment.
                for process in (ws.ukeyd.pid, *self.children(ws.ukeyd.pid)):
                    self.assert_not_in_process(process, pin)
            wrong = ws.application()
            with wrong:
                self.assertEqual(wrong.call("login\n" + new_pin)[0], "CKR_PIN_INCORRECT")
            self.change_pin(ws, key["key"], pin, new_pin)
            for verb in (["status"], ["diagnose"], ["audit", "export"], ["session", "list"]):
                done = ws.ukeyctl(*verb, check=False)
                self.assertNotIn(pin, done.stdout + done.stderr)
            self.core_dump(ws)
            self.assertEqual(card.status()["verify_failed"], 1)
            for secret in (pin, new_pin):
                self.assert_not_in_files(ws.folder, secret)

    def make_card(self, ws, folder, pin):
        reader, writer = os.pipe()
        os.write(writer, pin.encode() + b"\n")
        os.close(writer)
        ws.run(program("virtual-ukey"), "make", "--card", folder, "--pin-fd", str(reader), pass_fds=[reader])
        os.close(reader)

    def change_pin(self, ws, key, old, new):
        reader, writer = os.pipe()
        os.write(writer, f"{old}\n{new}\n".encode())
        os.close(writer)
        ws.run(*ws.ukeyctl_command("pin", "change", key, "--pin-fd", str(reader)), pass_fds=[reader])
        os.close(reader)

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def assert_not_in_process(self, pid, secret):
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                self.assertNotIn(secret.encode(), file.read(), f"{name} of {pid}")
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                area, rights = line.split()[:2]
                if "w" not in rights:
                    continue
                begin, end = (int(part, 16) for part in area.split("-"))
                if self.sanitized and end - begin >= SHADOW_MIN_BYTES:
                    continue
                memory.seek(begin)
                self.assertNotIn(secret.encode(), memory.read(end - begin), f"memory of {pid}: {line}")

    def core_dump(self, ws):
        """ukeyd's core, into the folder that is searched; where the kernel puts cores elsewhere it says so, and the memory
        has been searched while the login was open."""
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            pattern = file.read().strip()
        ws.ukeyd.send_signal(signal.SIGABRT)
        ws.ukeyd.wait()
        if self.sanitized:
            print("no core is searched: sanitizers turn cores off")
        elif pattern.startswith(("|", "/")):
            print(f"no core is searched: core_pattern is {pattern}")
        else:
            self.assertTrue([name for name in os.listdir(ws.folder) if name.startswith("core")], "there is a core")

    def assert_not_in_files(self, folder, secret):
        found = subprocess.run(["grep", "-rlaF", "--", secret, folder], capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, "", "the PIN is in a file")


if __name__ == "__main__":
    unittest.main()
