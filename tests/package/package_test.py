#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is in the Debian packages, and what they say and do.

    UKEY_PACKAGES=FOLDER package_test.py                    checks the packages in FOLDER
    UKEY_PACKAGES=FOLDER UKEY_PACKAGES_AGAIN=FOLDER2 ...    also that a second build has the same bytes
    UKEY_PACKAGES=FOLDER package_test.py --write-lists      writes the lists of files anew: look at what changed

Nothing is installed. A test whose tool (lintian, systemd-analyze, readelf) is not there is skipped.
"""

import glob
import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.realpath(os.path.join(HERE, "../.."))
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")

PACKAGES = ("ukeyd", "ukey-pkcs11")
DEBUG_PACKAGES = ("ukeyd-dbgsym", "ukey-pkcs11-dbgsym")

CONFFILES = {"ukeyd": ["/etc/ukeyd/ukeyd.toml"], "ukey-pkcs11": ["/etc/ukeyd/pkcs11.conf"]}
CONTROL_SCRIPTS = {"ukeyd": {"postinst", "prerm", "postrm"}, "ukey-pkcs11": {"preinst", "prerm", "postrm"}}

# It lies in every program that loads it.
FILTER_MAX_BYTES = 400_000
# What systemd-analyze security may say at most.
EXPOSURE_MAX = {"ukeyd.service": 1.3, "ukey-probe@.service": 1.6, "ukey-report.service": 1.0}

# What readelf has to say of every program.
HARDENED = {
    "position-independent": r"Type:\s+DYN",
    "relocations read-only": "GNU_RELRO",
    "bound at the start": r"\bNOW\b",
    "stack not executable": "GNU_STACK.* RW ",
}


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, text=True, capture_output=True, **options)


def need(tool):
    if shutil.which(tool) is None:
        raise unittest.SkipTest(f"{tool} is not installed")


class Package:
    """One .deb file, read by dpkg-deb."""

    def __init__(self, path):
        self.path = path
        self.fields = {}
        for line in run("dpkg-deb", "--field", path).stdout.splitlines():
            if not line.startswith(" "):
                name, _, value = line.partition(": ")
                self.fields[name] = value
        self.name = self.fields["Package"]
        self.files = self._tar("--fsys-tarfile")
        self.control = self._tar("--ctrl-tarfile")

    def _tar(self, what):
        tar = subprocess.run(["dpkg-deb", what, self.path], check=True, capture_output=True).stdout
        members = {}
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for member in archive:
                name = os.path.normpath(member.name)
                if name != ".":
                    members[name] = (member, archive.extractfile(member).read() if member.isfile() else b"")
        return members

    def text(self, name):
        return self.control[name][1].decode()

    def depends(self, field="Depends"):
        """{package: relation or ""}"""
        relations = {}
        for entry in self.fields.get(field, "").split(","):
            match = re.fullmatch(r"([a-z0-9+.-]+)(?: \((.*)\))?", entry.strip())
            if match:
                relations[match[1]] = match[2] or ""
        return relations

    def listing(self):
        """Lines MODE OWNER:GROUP PATH; the path of a folder ends in /. The architecture's name is a placeholder."""
        lines = []
        for name, (member, _) in sorted(self.files.items()):
            end = "/" if member.isdir() else f" -> {member.linkname}" if member.issym() else ""
            owner = f"{member.uname or member.uid}:{member.gname or member.gid}"
            path = re.sub(r"/(x86_64|aarch64|loongarch64|riscv64)-linux-gnu/", "/TRIPLET/", f"/{name}{end}")
            lines.append(f"{member.mode:04o} {owner} {path}")
        return lines

    def unpack(self, folder):
        run("dpkg-deb", "--extract", self.path, folder)


def load_packages(folder):
    packages = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.deb"))):
        package = Package(path)
        packages[package.name] = package
    return packages


def list_path(name):
    return os.path.join(HERE, f"{name}.list")


def read_list(name):
    with open(list_path(name), encoding="utf-8") as lines:
        return [line.rstrip("\n") for line in lines if not line.startswith("#")]


def write_lists(packages):
    for name in PACKAGES:
        with open(list_path(name), "w", encoding="utf-8") as lines:
            lines.write("# SPDX-License-Identifier: Apache-2.0\n")
            lines.write(f"# What the package {name} installs. Written by package_test.py --write-lists.\n")
            lines.writelines(f"{line}\n" for line in packages[name].listing())


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = os.environ.get("UKEY_PACKAGES")
        if not folder:
            raise unittest.SkipTest("UKEY_PACKAGES names no folder of packages")
        cls.packages = load_packages(folder)
        with open(os.path.join(SOURCE, "packaging/changelog"), encoding="utf-8") as changelog:
            cls.version = re.match(r"ukey \((.*?)\)", changelog.readline())[1]

    def test_folder_holds_exactly_our_packages(self):
        self.assertEqual(sorted(PACKAGES + DEBUG_PACKAGES), sorted(self.packages))

    def test_files_modes_and_owners(self):
        for name in PACKAGES:
            with self.subTest(name):
                self.maxDiff = None
                self.assertEqual(read_list(name), self.packages[name].listing())

    def test_nothing_is_privileged_or_writable_by_others(self):
        for name, package in self.packages.items():
            for path, (member, _) in package.files.items():
                with self.subTest(package=name, path=path):
                    self.assertEqual(0, member.mode & (stat.S_ISUID | stat.S_ISGID))
                    self.assertEqual((0, 0), (member.uid, member.gid))
                    if not member.issym():
                        self.assertEqual(0, member.mode & (stat.S_IWGRP | stat.S_IWOTH))

    def test_conffiles(self):
        for name in PACKAGES:
            with self.subTest(name):
                package = self.packages[name]
                self.assertEqual(CONFFILES[name], package.text("conffiles").split())
                in_etc = [f"/{path}" for path, (member, _) in package.files.items()
                          if path.startswith("etc/") and not member.isdir()]
                self.assertEqual(CONFFILES[name], in_etc, "whatever is in /etc is a conffile")

    def test_control_fields(self):
        for name in PACKAGES + DEBUG_PACKAGES:
            with self.subTest(name):
                fields = self.packages[name].fields
                self.assertEqual(self.version, fields["Version"])
                self.assertEqual("ukey", fields["Source"])
                self.assertEqual("optional", fields["Priority"])
                self.assertEqual("debug" if name in DEBUG_PACKAGES else "utils", fields["Section"])
                self.assertEqual(run("dpkg", "--print-architecture").stdout.strip(), fields["Architecture"])
                self.assertNotIn("Pre-Depends", fields)
                self.assertNotIn("Essential", fields)

    def test_relations(self):
        service, module = self.packages["ukeyd"], self.packages["ukey-pkcs11"]
        for needed in ("systemd", "udev", "libc6", "libsqlite3-0", "libssl3", "libusb-1.0-0", "libsystemd0",
                       "libxlsxwriter4", "libpcsclite1"):
            self.assertIn(needed, service.depends())
        self.assertEqual({"libccid", "opensc-pkcs11", "pcscd", "ukey-pkcs11"}, set(service.depends("Recommends")))
        # The filter lives in other people's browsers: libc and nothing else.
        self.assertEqual({"ukeyd", "libc6"}, set(module.depends()))
        self.assertEqual(f"= {self.version}", module.depends()["ukeyd"])
        for name in DEBUG_PACKAGES:
            self.assertEqual({name.removesuffix("-dbgsym"): f"= {self.version}"}, self.packages[name].depends())

    def test_maintainer_scripts(self):
        for name in PACKAGES:
            package = self.packages[name]
            self.assertEqual(CONTROL_SCRIPTS[name], set(package.control) & set(SCRIPTS))
            for script in CONTROL_SCRIPTS[name]:
                with self.subTest(package=name, script=script), tempfile.NamedTemporaryFile("w") as file:
                    member, content = package.control[script]
                    self.assertEqual(0o755, member.mode)
                    file.write(content.decode())
                    file.flush()
                    self.assertRegex(content.decode(), r"\A#!/bin/sh\n(#.*\n)*set -e\n")
                    run("sh", "-n", file.name)
                    if shutil.which("shellcheck"):
                        checked = run("shellcheck", "--shell=sh", file.name, check=False)
                        self.assertEqual("", checked.stdout)

    def test_checksums(self):
        for name, package in self.packages.items():
            with self.subTest(name):
                listed = dict(reversed(line.split(None, 1)) for line in package.text("md5sums").splitlines())
                listed = {path.strip(): checksum for path, checksum in listed.items()}
                present = {path: hashlib.md5(content, usedforsecurity=False).hexdigest()
                           for path, (member, content) in package.files.items()
                           if member.isfile() and f"/{path}" not in CONFFILES.get(name, [])}
                for path in CONFFILES.get(name, []):
                    listed.pop(path.lstrip("/"), None)
                self.assertEqual(present, listed)

    def test_no_path_of_the_build(self):
        for name, package in self.packages.items():
            for path, (_, content) in (package.files | package.control).items():
                with self.subTest(package=name, path=path):
                    for trace in (SOURCE, "_CPack_Packages"):
                        self.assertNotIn(trace.encode(), content)

    def test_debug_symbols_belong_to_the_programs(self):
        need("readelf")
        for name in PACKAGES:
            package, debug = self.packages[name], self.packages[f"{name}-dbgsym"]
            programs = {path: content for path, (_, content) in package.files.items()
                        if content.startswith(b"\x7fELF")}
            symbols = {path for path, (member, _) in debug.files.items() if member.isfile()}
            self.assertEqual(len(programs), len(symbols))
            for path, content in programs.items():
                with self.subTest(path), tempfile.NamedTemporaryFile() as file:
                    file.write(content)
                    file.flush()
                    build_id = re.search(r"Build ID: (..)(\w+)", run("readelf", "--notes", file.name).stdout)
                    self.assertIn(f"usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug", symbols)
                    sections = run("readelf", "--sections", "--wide", file.name).stdout
                    self.assertNotIn(".debug_info", sections)
                    self.assertNotIn(".symtab", sections)

    def test_programs_are_hardened(self):
        need("readelf")
        for name in PACKAGES:
            for path, (_, content) in self.packages[name].files.items():
                if not content.startswith(b"\x7fELF"):
                    continue
                with self.subTest(path), tempfile.NamedTemporaryFile() as file:
                    file.write(content)
                    file.flush()
                    elf = run("readelf", "--file-header", "--segments", "--dynamic", "--wide", file.name).stdout
                    for what, pattern in HARDENED.items():
                        self.assertTrue(re.search(pattern, elf), what)
                    self.assertFalse(re.search(r"\((RPATH|RUNPATH)\)", elf), "no search path of the build")

    def test_filter_is_small(self):
        files = self.packages["ukey-pkcs11"].files
        contents, = (data for name, (_, data) in files.items() if name.endswith("/ukey-pkcs11.so"))
        self.assertLessEqual(len(contents), FILTER_MAX_BYTES)

    def test_lintian(self):
        """Silent: what we do not mend is in packaging/*/lintian-overrides, each with its reason."""
        need("lintian")
        paths = [package.path for package in self.packages.values()]
        said = run("lintian", "--allow-root", "--no-cfg", "--display-info", "--pedantic", "--tag-display-limit=0",
                   *paths, check=False)
        self.assertEqual("", said.stdout)

    def test_overrides_have_reasons(self):
        for name in PACKAGES:
            path = os.path.join(SOURCE, "packaging", name, "lintian-overrides")
            before = ""
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    if not line.startswith("#"):
                        self.assertTrue(before.startswith("#"), f"{path}: no reason above: {line}")
                    before = line

    def unpacked(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        for name in PACKAGES:
            self.packages[name].unpack(folder)
        return folder

    def test_units_are_right(self):
        """As far as this can be told without the users and without running them."""
        need("systemd-analyze")
        folder = self.unpacked()
        units = os.path.join(folder, "usr/lib/systemd/system")
        names = [name.replace("@.", "@opensc.") for name in os.listdir(units)]
        # The other units that ours name are the host's, or empty ones.
        for name in ("pcscd.socket", "pcscd.service"):
            if not os.path.exists(f"/usr/lib/systemd/system/{name}"):
                with open(os.path.join(units, name), "w", encoding="utf-8") as unit:
                    unit.write("[Socket]\nListenStream=/run/pcscd/pcscd.comm\n" if name.endswith("socket")
                               else "[Service]\nExecStart=/bin/true\n")
        # verify looks for programs and manual pages on this computer; they are in the packages.
        for name in os.listdir(units):
            path = os.path.join(units, name)
            with open(path, encoding="utf-8") as unit:
                text = unit.read()
            for program in re.findall(r"^Exec\w+=[+]?(\S+)", text, re.MULTILINE):
                self.assertTrue(program == "/bin/true" or os.access(folder + program, os.X_OK), program)
            text = re.sub(r"^(Exec\w+=[+]?)/usr/", rf"\g<1>{folder}/usr/", text, flags=re.MULTILINE)
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
            with open(path, "w", encoding="utf-8") as unit:
                unit.write(text)
        environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:/usr/lib/systemd/system"}
        said = run("systemd-analyze", "verify", "--man=no", *(os.path.join(units, name) for name in sorted(names)),
                   check=False, env=environment)
        ours = [line for line in said.stderr.splitlines() if "ukey" in line]
        self.assertEqual([], ours)

    def test_exposure(self):
        need("systemd-analyze")
        units = os.path.join(self.unpacked(), "usr/lib/systemd/system")
        for name, bar in EXPOSURE_MAX.items():
            with self.subTest(name):
                unit = os.path.join(units, name)
                said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
                level = float(re.search(r"Overall exposure level for .*: ([\d.]+)", said)[1])
                print(f"{name}: exposure level {level}, at most {bar}", file=sys.stderr)
                self.assertLessEqual(level, bar)

    def test_units_name_only_users_that_are_made(self):
        folder = self.unpacked()
        with open(os.path.join(folder, "usr/lib/sysusers.d/ukeyd.conf"), encoding="utf-8") as lines:
            made = set(re.findall(r"^[ug]\s+(\S+)", lines.read(), re.MULTILINE))
        named = {"root"}
        for path in glob.glob(f"{folder}/usr/lib/systemd/system/*") + glob.glob(f"{folder}/usr/lib/udev/rules.d/*"):
            with open(path, encoding="utf-8") as unit:
                named |= set(re.findall(r'\b(?:User|Group|SocketUser|GROUP)="?([\w-]+)', unit.read()))
        self.assertLessEqual(named, made | {"root"})

    def test_second_build_has_the_same_bytes(self):
        folder = os.environ.get("UKEY_PACKAGES_AGAIN")
        if not folder:
            self.skipTest("UKEY_PACKAGES_AGAIN names no second build")
        for name, package in self.packages.items():
            with self.subTest(name), open(package.path, "rb") as one:
                with open(os.path.join(folder, os.path.basename(package.path)), "rb") as other:
                    self.assertEqual(hashlib.sha256(one.read()).hexdigest(), hashlib.sha256(other.read()).hexdigest())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write-lists"]:
        write_lists(load_packages(os.environ["UKEY_PACKAGES"]))
    else:
        unittest.main()
