# SPDX-License-Identifier: Apache-2.0
"""ukeyctl setup with the real programs: p11-kit, modutil, openssl, ssh. Everything below /etc, /var/lib and /home is a copy
in a mount namespace of the test's own; the module behind the filter is SoftHSM."""

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import unittest

from workstation import Workstation, program, require, sanitizer_environment

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
FILTER = program("ukey-pkcs11.so")
PERSON = "ukeyperson"
PERSON_ID = 47110
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x1000, 0x4000, 0x40000, 2
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source, target):
    check(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None))


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root may change what holds for everybody")
    require("p11-kit", "modutil", "certutil", "openssl", "ssh", "ssh-keygen", "softhsm2-util", "pkcs11-tool", "setpriv", SOFTHSM)
    if not os.path.exists("/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so"):
        raise unittest.SkipTest("libengine-pkcs11-openssl is not installed")
    try:
        check(LIBC.unshare(CLONE_NEWNS))
        check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    except OSError as error:
        raise unittest.SkipTest(f"no mount namespace: {error}")


class Setup(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        # Every test begins with the computer's own /etc.
        shutil.copytree("/etc", self.ws.path("etc"), symlinks=True)
        for name in ("lib", "home", "tokens"):
            os.mkdir(self.ws.path(name))
        for source, target in (("etc", "/etc"), ("lib", "/var/lib"), ("home", "/home")):
            mount(self.ws.path(source), target)
            self.addCleanup(LIBC.umount2, target.encode(), MNT_DETACH)
        shutil.rmtree("/etc/pkcs11", ignore_errors=True)
        self.ws.environment.update(
            UKEY_PKCS11_CONF=self.ws.write("pkcs11.conf", f"module = {SOFTHSM}\n"),
            SOFTHSM2_CONF=self.ws.write("softhsm2.conf", f"directories.tokendir = {self.ws.path('tokens')}\n"))
        del self.ws.environment["UKEY_PKCS11_MODULE"]

    def make_token(self):
        self.ws.run("softhsm2-util", "--init-token", "--free", "--label", "theirs", "--so-pin", "12345678", "--pin", "654321")
        self.ws.run("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "654321", "--keypairgen", "--key-type", "rsa:2048",
                    "--id", "01", "--label", "login")

    def make_person(self):
        with open("/etc/passwd", "a", encoding="utf-8") as file:
            file.write(f"{PERSON}:x:{PERSON_ID}:{PERSON_ID}::/home/{PERSON}:/bin/sh\n")
        os.mkdir(f"/home/{PERSON}", 0o755)
        os.chown(f"/home/{PERSON}", PERSON_ID, PERSON_ID)
        if self.ws.run(*self.as_person(program("ukeyctl"), "--version"), check=False).returncode != 0:
            self.skipTest("the build folder is closed to other users")

    @staticmethod
    def as_person(*command):
        return ["setpriv", f"--reuid={PERSON_ID}", f"--regid={PERSON_ID}", "--clear-groups", *command]

    def setup(self, *arguments, person=False, code=0):
        command = [program("ukeyctl"), "setup", *arguments]
        done = self.ws.run(*(self.as_person(*command) if person else command), check=False, env=sanitizer_environment())
        self.assertEqual(done.returncode, code, done)
        return done

    def setup_json(self, *arguments, **options):
        done = self.setup("--json", *arguments, **options)
        return json.loads(done.stdout or done.stderr)

    @staticmethod
    def everything(*folders):
        """What there is, with mode, owner and content."""
        found = {}
        for folder in folders or ("/etc", "/home"):
            for place, folders_in, files in os.walk(folder):
                for name in folders_in + files:
                    path = os.path.join(place, name)
                    status = os.lstat(path)
                    content = None
                    if os.path.isfile(path) and not os.path.islink(path):
                        with open(path, "rb") as file:
                            content = hashlib.sha256(file.read()).hexdigest()
                    found[path] = (status.st_mode, status.st_uid, status.st_gid, content)
        return found

    def round_trip(self, target, effective, **options):
        """Shown, applied, applied again, reverted, reverted again; `effective` checks with the real program."""
        before = self.everything()
        shown = self.setup_json(target, **options)
        self.assertFalse(shown["applied"])
        self.assertEqual(self.everything(), before, "showing changes nothing")
        effective(False)
        done = self.setup_json(target, "--apply", **options)
        self.assertEqual((done["applied"], done["changed"], done["files"]), (True, True, shown["files"]))
        effective(True)
        after = self.everything()
        for edit in shown["files"]:
            if edit["exists"]:  # mode and owner stay
                self.assertEqual(after[edit["path"]][:3], before[edit["path"]][:3])
        again = self.setup_json(target, "--apply", **options)
        self.assertEqual((again["applied"], again["changed"]), (True, False))
        self.assertTrue(all(edit["applied"] and not edit["added"] + edit["removed"] for edit in again["files"]))
        self.assertEqual(self.everything(), after)
        reverted = self.setup_json(target, "--revert", **options)
        self.assertEqual(sorted(reverted["reverted"]), sorted(edit["path"] for edit in shown["files"] if not edit["applied"]))
        effective(False)
        left = {path: one for path, one in self.everything().items() if "/.local" not in path}
        self.assertEqual(left, before)
        self.assertEqual(self.setup_json(target, "--revert", **options)["reverted"], [])
        self.assertFalse(os.path.exists("/var/lib/ukey-setup"))

    def added(self, answer):
        return [line for edit in answer["files"] for line in edit["added"]]


class P11Kit(Setup):
    def modules(self, program_name="p11-kit"):
        """The module files that p11-kit lists for a program of that name, by name."""
        done = self.ws.run("bash", "-c", f"exec -a {program_name} p11-kit list-modules", env=sanitizer_environment())
        return dict(line.split(": ", 1) for line in done.stdout.splitlines() if line and not line[0].isspace() and ": " in line)

    def test_a_module_of_another_package(self):
        # Debian's softhsm2 has an entry of its own.
        self.assertTrue(os.path.exists("/usr/share/p11-kit/modules/softhsm2.module"))

        def effective(applied):
            modules = self.modules()
            self.assertEqual(modules.get("ukey-pkcs11"), FILTER if applied else None)
            self.assertEqual("softhsm2" in modules, not applied)
            self.assertIn("softhsm2", self.modules("ukey-probe"), "not from the worker")
            self.assertIn("p11-kit-trust", modules)

        self.round_trip("p11-kit", effective)

    def test_a_file_of_the_administrators_keeps_its_other_lines(self):
        os.makedirs("/etc/pkcs11/modules")
        path = "/etc/pkcs11/modules/vendor.module"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# mine\nmodule: {SOFTHSM}\npriority: 7\ndisable-in: firefox")
        os.chmod(path, 0o640)
        answer = self.setup_json("p11-kit", "--apply")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), f"# mine\nmodule: {SOFTHSM}\npriority: 7\nenable-in: ukey-probe\n")
        self.assertIn("priority: 7", self.added(answer), "the filter stands in its place")
        self.assertNotIn("vendor", self.modules())
        self.setup("p11-kit", "--revert")
        with open(path, encoding="utf-8") as file:
            self.assertTrue(file.read().endswith("disable-in: firefox"))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)

    def test_what_the_package_has_done_is_said(self):
        os.mkdir(self.ws.path("modules"))
        self.ws.write("modules/opensc-pkcs11.module", f"module: {FILTER}\n")
        mount(self.ws.path("modules"), "/usr/share/p11-kit/modules")
        self.addCleanup(LIBC.umount2, b"/usr/share/p11-kit/modules", MNT_DETACH)
        answer = self.setup_json("p11-kit")
        self.assertEqual((answer["applied"], answer["files"]), (True, []))
        self.assertEqual([note["code"] for note in answer["notes"]], ["setup.by_package"])
        self.assertIn("The package ukey-pkcs11 has registered the filter", self.setup("p11-kit").stdout)

    def test_only_root_changes_it_and_everybody_may_look(self):
        self.make_person()
        self.assertFalse(self.setup_json("p11-kit", person=True)["applied"])
        for option in ("--apply", "--revert"):
            refused = self.setup_json("p11-kit", option, person=True, code=4)
            self.assertEqual(refused["error"]["code"], "setup.needs_root")
            self.assertIn("sudo ukeyctl setup p11-kit", refused["error"]["remedy"])


class OpenSsl(Setup):
    CONFIGURATION = "/etc/ssl/openssl.cnf"

    def token_through_engine(self):
        """The libraries that openssl maps while it signs with the token's key, by strace of its opens."""
        data = self.ws.write("data", "to be signed")
        done = self.ws.run("strace", "-f", "-e", "trace=openat", "openssl", "dgst", "-engine", "pkcs11", "-keyform", "engine",
                           "-sign", "pkcs11:token=theirs;object=login;pin-value=654321", "-out", self.ws.path("signature"),
                           data, check=False, env=sanitizer_environment())
        return done

    def test_the_engine_finds_the_token_through_the_filter(self):
        require("strace")
        self.make_token()

        def effective(applied):
            done = self.token_through_engine()
            opened = [line for line in done.stderr.splitlines() if "= -1" not in line]
            through = any(FILTER in line for line in opened)
            self.assertEqual(through, applied, done.stderr[-3000:])
            if applied:
                self.assertEqual(done.returncode, 0, done.stderr[-3000:])
                self.assertTrue(os.path.getsize(self.ws.path("signature")) == 256)
            # Programs that do not ask for the engine load neither filter nor module.
            other = self.ws.run("strace", "-f", "-e", "trace=openat", "openssl", "dgst", "-sha256", self.ws.path("data"),
                                env=sanitizer_environment())
            self.assertNotIn(FILTER, other.stderr)
            self.assertNotIn(SOFTHSM, other.stderr)

        self.round_trip("openssl", effective)
        self.setup("openssl", "--apply")
        with open("/etc/ssl/ukey-engine.cnf", "a", encoding="utf-8") as file:
            file.write("[ukey_pkcs11_engine]\nMODULE_PATH = /nonexistent.so\n")
        shown = {edit["path"]: edit for edit in self.setup_json("openssl")["files"]}
        self.assertEqual(shown["/etc/ssl/ukey-engine.cnf"]["removed"], ["[ukey_pkcs11_engine]", "MODULE_PATH = /nonexistent.so"])
        self.assertTrue(shown[self.CONFIGURATION]["applied"])
        self.setup("openssl", "--apply")
        effective(True)

    def write(self, text):
        with open(self.CONFIGURATION, "w", encoding="utf-8") as file:
            file.write(text)

    def engine_module(self):
        """MODULE_PATH as the engine gets it: what openssl loads for a key that is not there."""
        return FILTER if FILTER in self.token_through_engine().stderr else None

    def test_files_of_other_shapes(self):
        require("strace")
        for name, text in (("no openssl_conf", "[ req ]\ndefault_bits = 2048\n"), ("empty", ""),
                           ("no last line feed", "openssl_conf = start\n[start]\n[ req ]\ndefault_bits = 2048"),
                           ("other engines", "openssl_conf = start\n[start]\nengines = mine\n[mine]\n[req]\n")):
            with self.subTest(name):
                self.write(text)
                self.setup("openssl", "--apply")
                self.assertEqual(self.engine_module(), FILTER)
                self.setup("openssl", "--revert")
                with open(self.CONFIGURATION, encoding="utf-8") as file:
                    self.assertEqual(file.read(), text)
                self.assertFalse(os.path.exists("/etc/ssl/ukey-engine.cnf"))

    def test_an_engine_that_the_administrator_has_set_up(self):
        text = ("openssl_conf = start\n[start]\nengines = mine\n[mine]\npkcs11 = one\n[one]\n"
                f"MODULE_PATH =   {{}}   # the module\ninit = 0\n")
        self.write(text.format(SOFTHSM))
        answer = self.setup_json("openssl", "--apply")
        with open(self.CONFIGURATION, encoding="utf-8") as file:
            self.assertEqual(file.read(), text.format(FILTER))
        self.assertEqual(len(answer["files"]), 1)
        self.setup("openssl", "--revert")
        with open(self.CONFIGURATION, encoding="utf-8") as file:
            self.assertEqual(file.read(), text.format(SOFTHSM))
        self.write(text.format("/usr/lib/vendor.so"))
        refused = self.setup_json("openssl", "--apply", code=1)
        self.assertEqual(refused["error"]["code"], "setup.other_module")
        self.assertIn(f"MODULE_PATH = {FILTER}", refused["error"]["remedy"])

    def test_files_that_are_left_alone(self):
        self.write("[ open\n")
        refused = self.setup_json("openssl", "--apply", code=1)
        self.assertEqual((refused["error"]["code"], refused["error"]["arguments"]["line"]), ("setup.unparsable", "1"))
        os.rename(self.CONFIGURATION, "/etc/ssl/real.cnf")
        os.symlink("/etc/ssl/real.cnf", self.CONFIGURATION)
        self.assertEqual(self.setup_json("openssl", "--apply", code=1)["error"]["code"], "setup.unusual")
        os.unlink(self.CONFIGURATION)
        os.mkfifo(self.CONFIGURATION)
        self.assertEqual(self.setup_json("openssl", "--apply", code=1)["error"]["code"], "setup.unusual")
        self.assertFalse(os.path.exists("/etc/ssl/ukey-engine.cnf"))

    def test_a_file_that_was_changed_since_is_not_overwritten(self):
        self.setup("openssl", "--apply")
        with open(self.CONFIGURATION, "a", encoding="utf-8") as file:
            file.write("[ mine ]\n")
        told = self.setup_json("openssl", "--revert", code=1)
        self.assertEqual([note["code"] for note in told["notes"]], ["setup.changed_since"])
        self.assertEqual(told["reverted"], ["/etc/ssl/ukey-engine.cnf"])
        with open(self.CONFIGURATION, encoding="utf-8") as file:
            self.assertTrue(file.read().endswith("[ mine ]\n"))

    def test_a_failed_write_leaves_nothing_half_done(self):
        before = self.everything()
        # /etc/ssl/openssl.cnf is a mount point of its own: it can be read and not be replaced.
        mount(self.CONFIGURATION, self.CONFIGURATION)
        self.addCleanup(LIBC.umount2, self.CONFIGURATION.encode(), MNT_DETACH)
        refused = self.setup_json("openssl", "--apply", code=5)
        self.assertEqual(refused["error"]["code"], "file.unwritable")
        self.assertEqual(self.everything(), before)
        self.assertEqual(os.listdir("/var/lib/ukey-setup"), [])


class Ssh(Setup):
    def provider(self, *wrapper):
        done = self.ws.run(*wrapper, "ssh", "-G", "somewhere")
        return next((line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("pkcs11provider ")), None)

    def test_for_everybody(self):
        self.round_trip("ssh", lambda applied: self.assertEqual(self.provider(), FILTER if applied else None))

    def test_a_file_that_names_the_module(self):
        with open("/etc/ssh/ssh_config.d/05-vendor.conf", "w", encoding="utf-8") as file:
            file.write(f'Host *\n\tpkcs11provider="{SOFTHSM}"\n')
        self.round_trip("ssh", lambda applied: self.assertEqual(self.provider(), FILTER if applied else SOFTHSM))

    def test_a_main_file_that_includes_nothing(self):
        with open("/etc/ssh/ssh_config", "w", encoding="utf-8") as file:
            file.write("Host *\n")
        self.assertIn("setup.not_included", [note["code"] for note in self.setup_json("ssh")["notes"]])

    def test_for_a_person(self):
        self.make_person()
        self.round_trip("ssh", lambda applied: self.assertEqual(self.provider(*self.as_person()), FILTER if applied else None),
                        person=True)

    def test_a_persons_settings_for_certain_hosts_come_first(self):
        self.make_person()
        os.mkdir(f"/home/{PERSON}/.ssh", 0o700)
        path = f"/home/{PERSON}/.ssh/config"
        with open(path, "w", encoding="utf-8") as file:
            file.write("Host other\n    PKCS11Provider /usr/lib/other.so")
        for place in (os.path.dirname(path), path):
            os.chown(place, PERSON_ID, PERSON_ID)
        os.chmod(path, 0o600)
        self.round_trip("ssh", lambda applied: self.assertEqual(self.provider(*self.as_person()), FILTER if applied else None),
                        person=True)
        self.setup("ssh", "--apply", person=True)
        self.assertIn("/usr/lib/other.so", self.ws.run(*self.as_person("ssh", "-G", "other")).stdout)

    def test_keys_come_through_the_filter(self):
        self.make_token()
        self.setup("ssh", "--apply")
        listed = self.ws.run("ssh-keygen", "-D", self.provider(), env=sanitizer_environment())
        self.assertIn("ssh-rsa ", listed.stdout)


class Nss(Setup):
    DATABASE = "/etc/pki/nssdb"

    def make_database(self, folder, *, module=None, owner=0):
        os.makedirs(folder, exist_ok=True)
        self.ws.run("certutil", "-N", "-d", "sql:" + folder, "--empty-password")
        if module:
            self.ws.run("modutil", "-force", "-dbdir", "sql:" + folder, "-add", "vendor's own", "-libfile", module)
        for name in os.listdir(folder):
            os.chown(os.path.join(folder, name), owner, owner)
        os.chown(folder, owner, owner)

    def libraries(self, folder, wrapper=()):
        done = self.ws.run(*wrapper, "modutil", "-rawlist", "-dbdir", "sql:" + folder, env=sanitizer_environment())
        return [line for line in (FILTER, SOFTHSM) if f"library={line}" in done.stdout or f'library="{line}"' in done.stdout]

    def test_for_everybody(self):
        self.make_database(self.DATABASE)
        self.round_trip("nss", lambda applied: self.assertEqual(self.libraries(self.DATABASE), [FILTER] if applied else []))

    def test_the_module_is_replaced(self):
        self.make_database(self.DATABASE, module=SOFTHSM)
        self.round_trip("nss", lambda applied: self.assertEqual(self.libraries(self.DATABASE), [FILTER if applied else SOFTHSM]))
        self.setup("nss", "--apply")
        self.make_token()
        tokens = self.ws.run("certutil", "-U", "-d", "sql:" + self.DATABASE, env=sanitizer_environment())
        self.assertIn("theirs", tokens.stdout)

    def test_no_database_for_everybody(self):
        answer = self.setup_json("nss", "--apply")
        self.assertEqual((answer["files"], [note["code"] for note in answer["notes"]]), ([], ["setup.no_system_database"]))

    def profiles(self):
        """A person with Chromium's database and two profiles of Firefox, one of them outside of the usual folder."""
        self.make_person()
        home = f"/home/{PERSON}"
        folders = [home + "/.pki/nssdb", home + "/.mozilla/firefox/abc.default", home + "/elsewhere"]
        for folder in folders:
            self.make_database(folder, owner=PERSON_ID)
        with open(home + "/.mozilla/firefox/profiles.ini", "w", encoding="utf-8") as file:
            file.write(f"[Profile0]\nIsRelative=1\nPath=abc.default\n\n[Profile1]\r\nIsRelative=0\nPath={home}/elsewhere\n")
        return folders

    def test_a_persons_profiles(self):
        folders = self.profiles()
        os.makedirs(f"/home/{PERSON}/snap/firefox")

        def effective(applied):
            for folder in folders:
                self.assertEqual(self.libraries(folder, self.as_person()), [FILTER] if applied else [], folder)

        self.round_trip("nss", effective, person=True)
        self.assertIn("setup.sandboxed", [note["code"] for note in self.setup_json("nss", person=True)["notes"]])
        self.assertEqual(self.setup_json("nss")["files"], [], "root leaves people's files alone")

    def test_a_running_browser(self):
        chromium, firefox, _ = self.profiles()
        locks = ((chromium, f"/home/{PERSON}/.config/chromium/SingletonLock", "host-{}"), (firefox, firefox + "/lock", "127.0.1.1:+{}"))
        for folder, lock, form in locks:
            with self.subTest(lock):
                os.makedirs(os.path.dirname(lock), exist_ok=True)
                os.symlink(form.format(os.getpid()), lock)
                refused = self.setup_json("nss", "--apply", person=True, code=4)
                self.assertEqual((refused["error"]["code"], refused["error"]["arguments"]["object"]),
                                 ("setup.browser_running", folder))
                os.unlink(lock)
                self.assertEqual(self.libraries(folder), [])
                ended = subprocess.Popen(["true"])
                ended.wait()
                os.symlink(form.format(ended.pid), lock)  # of a browser that crashed
                self.assertTrue(self.setup_json("nss", "--apply", person=True)["changed"])
                os.unlink(lock)
                self.setup("nss", "--revert", person=True)

    def test_a_profile_that_is_locked(self):
        import fcntl
        _, firefox, _ = self.profiles()
        with open(firefox + "/.parentlock", "w", encoding="utf-8") as lock:
            os.chmod(lock.name, 0o644)
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.assertEqual(self.setup_json("nss", "--apply", person=True, code=4)["error"]["code"], "setup.browser_running")
        self.assertTrue(self.setup_json("nss", "--apply", person=True)["changed"])

    def test_without_modutil(self):
        self.make_database(self.DATABASE)
        self.ws.write("nothing", "")
        os.chmod(self.ws.path("nothing"), 0o644)
        mount(self.ws.path("nothing"), "/usr/bin/modutil")
        try:
            refused = self.setup_json("nss", "--apply", code=1)
        finally:
            check(LIBC.umount2(b"/usr/bin/modutil", MNT_DETACH))
        self.assertEqual(refused["error"]["remedy"], "Install it: apt install libnss3-tools")
        self.assertEqual(self.libraries(self.DATABASE), [])

    def test_one_that_loads_what_p11_kit_loads(self):
        proxy = "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so"
        require(proxy)
        self.make_database(self.DATABASE, module=proxy)
        answer = self.setup_json("nss", "--apply")
        self.assertEqual((answer["files"], [note["code"] for note in answer["notes"]]), ([], ["setup.through_p11_kit"]))


class Shown(Setup):
    def test_as_lines_for_people(self):
        text = self.setup("ssh").stdout
        self.assertIn("/etc/ssh/ssh_config.d/10-ukey.conf: to be made\n", text)
        self.assertIn(f"  +     PKCS11Provider {FILTER}\n", text)
        self.assertIn("Nothing was changed. To do it: ukeyctl setup ssh --apply", text)
        self.assertIn("to be made", self.setup("ssh", "--apply").stdout)
        self.assertIn("10-ukey.conf: set up", self.setup("ssh").stdout)
        self.assertIn("10-ukey.conf is again as it was.", self.setup("ssh", "--revert").stdout)
        self.assertIn("There is nothing to undo.", self.setup("ssh", "--revert").stdout)

    def test_without_a_module_behind_the_filter(self):
        for text in ("", "module = /nonexistent.so\n", "module = relative.so\n"):
            self.ws.write("pkcs11.conf", text)
            for target in ("p11-kit", "nss", "openssl", "ssh"):
                self.assertEqual(self.setup_json(target, "--apply", code=1)["error"]["code"], "setup.no_backend")

    def test_the_module_of_a_copy_is_not_the_filters_own(self):
        self.ws.write("pkcs11.conf", f"module = {SOFTHSM}\n[vendor]\nmodule = /nonexistent.so\n")
        self.assertFalse(self.setup_json("ssh")["applied"])

    def test_both_at_once_is_no_usage(self):
        self.assertEqual(self.setup_json("ssh", "--apply", "--revert", code=2)["error"]["code"], "usage.arguments")

    def test_a_damaged_record_is_told(self):
        self.setup("ssh", "--apply")
        with open("/var/lib/ukey-setup/ssh.json", "w", encoding="utf-8") as file:
            file.write('{"version":1,"files":[{"path":"relative","before":null,"after":null}]}')
        self.assertEqual(self.setup_json("ssh", "--revert", code=1)["error"]["code"], "setup.bad_record")

    def test_the_record_is_closed_to_others(self):
        self.setup("ssh", "--apply")
        self.assertEqual(os.stat("/var/lib/ukey-setup").st_mode & 0o777, 0o700)


if __name__ == "__main__":
    unittest.main()
