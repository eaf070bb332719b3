# SPDX-License-Identifier: Apache-2.0
"""doctor names the programs that load a U-Key's module without the filter, however they came to it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import unittest

from workstation import DEADLINE_S, OPENSC, Workstation, program, require, sanitizer_environment

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
NOBODY = 65534
# Loads the libraries of its command line, says so, and stays until its input ends.
LOADER = "import ctypes, sys; [ctypes.CDLL(name) for name in sys.argv[1:]]; print('loaded', flush=True); sys.stdin.read()"


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root may look at every process")
    require("setpriv", "unshare", OPENSC)


class Doctor(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())

    def load(self, *libraries, wrapper=(), executable=sys.executable):
        """A process with these libraries in it."""
        process = self.ws.start([*wrapper, executable, "-c", LOADER, *libraries], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, env={**self.ws.environment, **sanitizer_environment()})
        self.assertEqual(process.stdout.readline(), "loaded\n")
        return process

    def doctor(self, *arguments, ukeyctl=None, wrapper=()):
        done = self.ws.run(*wrapper, ukeyctl or program("ukeyctl"), "--runtime-dir", self.ws.path("run"), "--config",
                           self.ws.path("ukeyd.toml"), "doctor", *arguments, check=False)
        self.assertIn(done.returncode, (0, 1), done)
        return done

    def coverage(self, **options):
        return json.loads(self.doctor("--json", **options).stdout)["coverage"]

    def finding(self, coverage, process):
        """The only finding on that process; None when there is none. Other tests' processes are none of ours."""
        found = [one for one in coverage["findings"] if one["arguments"].get("pid") == str(process.pid)]
        self.assertLessEqual(len(found), 1, found)
        return found[0] if found else None

    def user(self, coverage, pid):
        return next((one for one in coverage["processes"] if one["pid"] == pid), None)

    def copy_backend(self, name="backend.so"):
        """A module of our own to replace and mount: the configured one."""
        path = shutil.copy(OPENSC, self.ws.path(name))
        self.ws.configure(modules=(("copy", path),))
        return path


class Programs(Doctor):
    """Real programs on a virtual card."""

    def setUp(self):
        super().setUp()
        self.ws.start_pcscd()
        self.ws.make_key("first", BRANCH, inserted=True)
        self.ws.configure()
        self.ws.start_ukeyd()
        self.ws.await_keys(1)

    def test_a_bare_program_is_named_and_a_filtered_one_is_not(self):
        with self.ws.application(OPENSC) as bare, self.ws.application() as filtered:
            coverage = self.coverage()
            text = self.doctor()
            found = self.finding(coverage, bare.process)
            self.assertEqual(found["code"], "coverage.bypass")
            self.assertEqual(found["arguments"]["program"], program("application"))
            self.assertEqual(found["arguments"]["backend"], OPENSC)
            self.assertEqual((found["arguments"]["uid"], found["arguments"]["user"]), ("0", "root"))
            self.assertIn("ukeyctl setup", found["remedy"])
            self.assertIsNone(self.finding(coverage, filtered.process))
            self.assertEqual(self.user(coverage, filtered.process.pid),
                             {"pid": filtered.process.pid, "uid": 0, "user": "root", "executable": program("application"),
                              "backends": [OPENSC], "filter": "installed", "worker": False})
            self.assertEqual(text.returncode, 1)
            self.assertIn(f"{program('application')} (process {bare.process.pid} of root)", text.stdout)
        # What has ended is nothing to tell of.
        self.assertIsNone(self.user(self.coverage(), bare.process.pid))

    def test_pkcs11_tool(self):
        for module, code in ((OPENSC, "coverage.bypass"), (program("ukey-pkcs11.so"), None)):
            with self.subTest(module):
                pipe = self.ws.path("data-" + str(code))
                os.mkfifo(pipe)
                tool = self.ws.start(["pkcs11-tool", "--module", module, "--login", "--pin", "123456", "--sign", "--mechanism",
                                      "ECDSA-SHA256", "--id", "01", "--input-file", pipe, "--output-file", "/dev/null"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env={**self.ws.environment, **sanitizer_environment()})
                with open(pipe, "wb") as data:  # opened at both ends: it has logged in
                    found = self.finding(self.coverage(), tool)
                    data.write(b"something to sign")
                self.assertEqual(found and found["code"], code)
                self.assertEqual(tool.wait(DEADLINE_S), 0)

    def test_the_services_worker_is_none_of_them_but_a_program_of_its_name_is(self):
        worker = self.ws.ask("status")["modules"][0]["pid"]
        os.mkdir(self.ws.path("bin"))
        namesake = self.load(OPENSC, executable=shutil.copy(os.path.realpath(sys.executable), self.ws.path("bin/ukey-probe")))
        coverage = self.coverage()
        self.assertTrue(self.user(coverage, worker)["worker"])
        self.assertNotIn(str(worker), [one["arguments"].get("pid") for one in coverage["findings"]])
        self.assertEqual(self.finding(coverage, namesake)["code"], "coverage.bypass")

    def test_a_probe_that_the_service_did_not_start_is_named(self):
        ours, its = socket.socketpair()
        with ours, its:
            probe = self.ws.start([program("ukey-probe"), "--name", "own", "--module", OPENSC, "--fd", str(its.fileno())],
                                  pass_fds=[its.fileno()])
            its.close()
            received = b""
            while b'"hello"' not in received:  # the module is loaded
                part = ours.recv(4096)
                self.assertTrue(part, received)
                received += part
            found = self.finding(self.coverage(), probe)
        self.assertEqual(found["code"], "coverage.bypass")


class Disguises(Doctor):
    """No card is needed: what counts is what is mapped."""

    def test_a_link_of_either_kind(self):
        backend = self.copy_backend()
        os.symlink(backend, self.ws.path("symbolic.so"))
        os.link(backend, self.ws.path("hard.so"))
        for name in ("symbolic.so", "hard.so"):
            with self.subTest(name):
                process = self.load(self.ws.path(name))
                self.assertEqual(self.finding(self.coverage(), process)["arguments"]["backend"], backend)

    def test_a_configured_link(self):
        backend = self.copy_backend()
        os.symlink(backend, self.ws.path("configured.so"))
        self.ws.configure(modules=(("copy", self.ws.path("configured.so")),))
        process = self.load(backend)
        self.assertEqual(self.finding(self.coverage(), process)["code"], "coverage.bypass")

    def test_a_bind_mount_in_a_namespace_of_its_own(self):
        backend = self.copy_backend()
        self.ws.write("elsewhere.so", "")
        process = self.load(self.ws.path("elsewhere.so"), wrapper=[
            "unshare", "--mount", "sh", "-c", f'mount --bind {backend} {self.ws.path("elsewhere.so")} && exec "$@"', "sh"])
        self.assertEqual(self.finding(self.coverage(), process)["arguments"]["backend"], backend)

    def test_a_module_that_an_upgrade_replaced(self):
        backend = self.copy_backend()
        process = self.load(backend)
        os.replace(shutil.copy(OPENSC, self.ws.path("new.so")), backend)
        self.assertEqual(self.finding(self.coverage(), process)["arguments"]["backend"], backend)

    def test_the_module_that_only_the_filter_is_configured_with(self):
        backend = self.copy_backend()
        self.ws.configure(modules=())
        process = self.load(backend)
        self.assertIsNone(self.finding(self.coverage(), process))
        self.ws.environment["UKEY_PKCS11_CONF"] = self.ws.write("pkcs11.conf", f"# module = /none\nmodule = {backend} # it\n")
        self.assertEqual(self.finding(self.coverage(), process)["code"], "coverage.bypass")

    def test_a_copy_of_the_filter_for_another_module(self):
        os.mkdir(self.ws.path("bin"))
        backend = self.copy_backend()
        self.ws.configure(modules=())
        self.ws.environment["UKEY_PKCS11_CONF"] = self.ws.write("pkcs11.conf", f"module = /none.so\n[vendor]\nmodule = {backend}\n")
        bare, old = self.load(backend), self.load(shutil.copy(OPENSC, self.ws.path("ukey-pkcs11-old.so")), backend)
        filtered = self.load(shutil.copy(program("ukey-pkcs11.so"), self.ws.path("bin/ukey-pkcs11-vendor.so")), backend)
        coverage = self.coverage()
        self.assertEqual(self.finding(coverage, bare)["code"], "coverage.bypass")
        self.assertEqual(self.finding(coverage, old)["code"], "coverage.old_filter")
        self.assertIsNone(self.finding(coverage, filtered))

    def test_another_module_is_not_ours(self):
        self.copy_backend()
        process = self.load(OPENSC)  # the same bytes, another file
        self.assertIsNone(self.user(self.coverage(), process.pid))

    def test_a_filter_that_an_upgrade_replaced(self):
        # A ukeyctl of the test's own finds the filter beside itself.
        os.mkdir(self.ws.path("bin"))
        ukeyctl = shutil.copy(program("ukeyctl"), self.ws.path("bin"))
        backend = self.copy_backend()
        installed = shutil.copy(program("ukey-pkcs11.so"), self.ws.path("bin"))
        process = self.load(installed, backend)
        self.assertIsNone(self.finding(self.coverage(ukeyctl=ukeyctl), process))
        os.replace(shutil.copy(installed, self.ws.path("new.so")), installed)
        coverage = self.coverage(ukeyctl=ukeyctl)
        self.assertEqual(self.finding(coverage, process)["code"], "coverage.old_filter")
        self.assertEqual(self.user(coverage, process.pid)["filter"], "other")
        self.assertIn("Start the program again.", self.doctor(ukeyctl=ukeyctl).stdout)


class AnotherUser(Doctor):
    def test_sees_its_own_processes_only_and_says_so(self):
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        backend = self.copy_backend()
        if self.ws.run(*as_nobody, program("ukeyctl"), "--version", check=False).returncode != 0:
            self.skipTest("the build folder is closed to other users")
        ours, theirs = self.load(backend), self.load(backend, wrapper=as_nobody)
        coverage = self.coverage(wrapper=as_nobody)
        self.assertFalse(coverage["complete"])
        self.assertGreater(coverage["unseen"], 0)
        self.assertIsNone(self.user(coverage, ours.pid))
        self.assertEqual(self.finding(coverage, theirs)["arguments"]["uid"], str(NOBODY))
        self.assertEqual([one["code"] for one in coverage["findings"]], ["coverage.bypass", "coverage.not_seen"])
        self.assertIn("Run it as root", self.doctor(wrapper=as_nobody).stdout)
        both = self.coverage()
        self.assertEqual({self.finding(both, one)["code"] for one in (ours, theirs)}, {"coverage.bypass"})
        # Without a bypass of its own the answer is “unknown”, not “in order”.
        theirs.stdin.close()
        theirs.wait(DEADLINE_S)
        checks = json.loads(self.doctor("--json", wrapper=as_nobody).stdout)["checks"]
        check, = (one for one in checks if one["check"] == "coverage")
        self.assertEqual((check["state"], check["finding"]["code"]), ("unknown", "coverage.not_seen"))


if __name__ == "__main__":
    unittest.main()
