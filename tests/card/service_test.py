# SPDX-License-Identifier: Apache-2.0
"""ukeyd as a service: its configuration read again while it runs, sockets that systemd keeps, a worker of its own user."""

import os
import signal
import subprocess
import unittest

from workstation import DEADLINE_S, OPENSC, Workstation, program, require, wait_until

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"


def setUpModule():
    require("pcscd", "systemd-socket-activate", OPENSC)


def records(workstation, kind):
    return [record for record in workstation.ask("audit", "export", "--format", "json")["records"] if record["kind"] == kind]


class Reload(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.start_pcscd()
        self.ws.make_key("first", BRANCH, inserted=True)
        self.ws.configure()
        self.ws.start_ukeyd()
        self.key, = self.ws.await_keys(1)

    def test_a_new_mode_holds_from_the_next_login_on(self):
        watch = self.ws.watch()
        with self.ws.application() as application:
            application.login("123456")
            self.ws.configure(mode="enforce", extra='policy.findings = { "binding.none" = "deny" }\n')
            self.assertEqual(self.ws.ask("config", "reload")["mode"], "enforce")
            watch.wait(lambda event: event["type"] == "daemon.configured", "the new configuration")
            self.assertEqual(self.ws.key(self.key["key"])["admission"]["verdict"], "deny")
            self.assertEqual(len(self.ws.sessions("--open")), 1, "an open login stays")
            application.expect("logout")
            self.assertEqual(application.call("login\n123456")[0], "CKR_FUNCTION_REJECTED")
        configured, = records(self.ws, "daemon.configured")
        self.assertIn('"mode":"enforce"', configured["payload"])
        self.ws.verify_ledger()

    def test_a_wrong_one_is_refused_with_its_place(self):
        before = self.ws.ask("status")["daemon"]
        for text, place in (('mode = "observe"\ncolour = "red"\n', "ukeyd.toml:2"), ("mode = \n", "ukeyd.toml:1"),
                            (f'trust.paths = ["{self.ws.path("nothing")}"]\n', "nothing")):
            self.ws.write("ukeyd.toml", text)
            refused = self.ws.ukeyctl("config", "reload", check=False)
            self.assertEqual(refused.returncode, 1, refused)
            self.assertIn(place, refused.stderr)
        self.assertEqual(self.ws.ask("status")["daemon"], before)
        self.assertEqual(self.ws.present_keys()[0]["key"], self.key["key"])
        self.assertEqual(records(self.ws, "daemon.configured"), [])

    def test_modules_come_and_go(self):
        worker = self.ws.ask("status")["modules"][0]["pid"]
        self.ws.configure(modules=())
        self.ws.ask("config", "reload")
        self.ws.await_keys(0)
        wait_until(lambda: not os.path.exists(f"/proc/{worker}"), "the worker has gone")
        self.ws.configure()
        self.ws.ask("config", "reload")
        self.ws.await_keys(1)

    def test_an_unchanged_module_keeps_its_worker(self):
        worker = self.ws.ask("status")["modules"][0]["pid"]
        self.ws.configure(mode="enforce")
        self.ws.ask("config", "reload")
        self.assertEqual(self.ws.ask("status")["modules"][0]["pid"], worker)
        self.assertEqual(self.ws.present_keys()[0]["key"], self.key["key"])
        self.assertEqual(len(records(self.ws, "key.inserted")), 1)

    def test_sighup_does_the_same(self):
        self.ws.configure(mode="enforce")
        self.ws.ukeyd.send_signal(signal.SIGHUP)
        wait_until(lambda: self.ws.ask("status")["daemon"]["mode"] == "enforce", "the new mode is in force")


class PassedSockets(unittest.TestCase):
    """As systemd does it: it makes the sockets, keeps them, and hands them over."""

    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=())
        self.sockets = self.ws.make_sockets()

    def start(self, names="login:control"):
        return self.ws.start_ukeyd_with_sockets(self.sockets, names)

    def test_callers_wait_over_a_restart(self):
        self.start()
        self.assertEqual(self.ws.ask("status")["daemon"]["pid"], self.ws.ukeyd.pid)
        self.assertEqual(self.ws.stop_ukeyd(), 0)
        self.assertEqual(sorted(os.listdir(self.ws.path("run"))), ["control.sock", "login.sock"])
        waiting = subprocess.Popen(self.ws.ukeyctl_command("--json", "status"), env=self.ws.environment,
                                   stdout=subprocess.PIPE, text=True)
        self.start()
        self.assertIn(f'"pid":{self.ws.ukeyd.pid}', waiting.communicate(timeout=DEADLINE_S)[0])

    def test_a_descriptor_of_another_name_is_not_used(self):
        for listener in self.sockets.values():
            os.unlink(listener.getsockname())
        self.start(names="something:else")
        self.assertEqual(self.ws.ask("status")["daemon"]["pid"], self.ws.ukeyd.pid)


class WorkerAsAService(unittest.TestCase):
    def test_keys_come_through_the_workers_socket(self):
        ws = self.enterContext(Workstation())
        ws.start_pcscd()
        ws.make_key("first", BRANCH, inserted=True)
        ws.configure()
        text = ws.read("ukeyd.toml") + f'socket = "{ws.path("probe.sock")}"\n'
        ws.write("ukeyd.toml", text)
        ws.start_ukeyd()
        self.assertEqual(ws.present_keys(), [])
        worker = ws.start(["systemd-socket-activate", "-l", ws.path("probe.sock"), "-E", "PCSCLITE_CSOCK_NAME", "-E",
                           "OPENSC_CONF", program("ukey-probe"), "--config", ws.path("ukeyd.toml"), "--name", "opensc"],
                          stderr=subprocess.DEVNULL)
        ws.await_keys(1)
        worker.kill()
        worker.wait()
        findings = wait_until(lambda: ws.ask("status")["modules"][0]["findings"], "the lost worker is a finding")
        self.assertEqual(findings[0]["code"], "module.crashed")
        self.assertEqual(len(ws.present_keys()), 1, "a crash proves nothing about a key")

    def test_an_unknown_name_is_told(self):
        ws = self.enterContext(Workstation())
        ws.configure(modules=())
        done = ws.run(program("ukey-probe"), "--config", ws.path("ukeyd.toml"), "--name", "opensc", "--fd", "0", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no module named opensc", done.stderr)


if __name__ == "__main__":
    unittest.main()
