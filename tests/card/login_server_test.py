# SPDX-License-Identifier: Apache-2.0
"""Processes that hold the service up: none keeps a session open for ever, others out, or the service busy."""

import contextlib
import os
import resource
import secrets
import select
import socket
import struct
import time
import unittest

from login_channel import LoginChannel, ask, result
from workstation import DEADLINE_S, Workstation, program, require, wait_until

KEY = {"manufacturer": "m", "model": "o", "serial": "1", "label": "none is needed"}
NOBODY = 65534
SILENT_S = 0.3  # a socket that takes nothing for so long is full
CONNECTIONS_MAX = 512
CONNECTIONS_PER_USER_MAX = 128
WAITING_BYTES_MAX = 2 * 1024 * 1024


def end(login, uses=0):
    return {"type": "end", "request": 2, "login": login, "reason": "logout", "uses": uses}


class Service(unittest.TestCase):
    def setUp(self):
        self.ws = self.enterContext(Workstation())
        self.ws.configure(modules=(), extra="login.reports_per_minute = 1000000\n")
        self.ws.start_ukeyd()

    def connect(self):
        return self.enterContext(LoginChannel(self.ws.path("run/login.sock")))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.ws.ukeyd.pid}/fd"))


class Processes(Service):
    def fill_answers(self, channel):
        """Sends and does not read, until the service is stuck with an answer and takes nothing more."""
        channel.socket.setblocking(False)
        frame = LoginChannel.frame(end(secrets.token_hex(16)))
        while select.select([], [channel.socket], [], SILENT_S)[1]:
            with contextlib.suppress(BlockingIOError):
                channel.socket.send(frame)

    def test_one_that_never_read_and_whose_child_keeps_the_connection(self):
        login = secrets.token_hex(16)
        watch = self.ws.watch()
        before = self.descriptors()
        read_end, write_end = os.pipe()
        parent = os.fork()
        if parent == 0:
            channel = LoginChannel(self.ws.path("run/login.sock"))
            channel.call(result(KEY, login=login))
            self.fill_answers(channel)
            if os.fork() == 0:  # the child outlives its parent, and waits to be told so
                os.close(write_end)
                os.read(read_end, 1)
            os._exit(0)
        os.close(read_end)
        self.addCleanup(os.close, write_end)
        os.waitpid(parent, 0)
        if self.ws.ask("session", "show", login)["session"]["ended_at"] is None:
            watch.wait(lambda e: e["type"] == "session.ended" and e["session"]["login"] == login, "it has ended")
        self.assertEqual(self.ws.ask("session", "show", login)["session"]["end_reason"], "process_exit")
        wait_until(lambda: self.descriptors() <= before, "its connection is closed, though the child has it open")

    def test_many_that_never_read(self):
        before = self.descriptors()
        children = []
        for _ in range(8):
            child = os.fork()
            if child == 0:
                channel = LoginChannel(self.ws.path("run/login.sock"))
                self.fill_answers(channel)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        wait_until(lambda: self.descriptors() <= before, "their connections are closed")
        self.assertEqual(self.connect().call(ask(KEY))["type"], "verdict")


class Descriptors(Service):
    def test_without_a_descriptor_for_a_connection(self):
        pid = self.ws.ukeyd.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))  # what is open stays open
        login = self.connect()
        login.send({**ask(KEY), "request": 1})
        control = self.enterContext(socket.socket(socket.AF_UNIX))
        control.connect(self.ws.path("run/control.sock"))
        failures = lambda: self.ws.read("log/ukeyd.log").count("no connection can be accepted")
        wait_until(lambda: failures() >= 2, "both channels say so")
        time_used = lambda: sum(int(part) for part in self.ws.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[11:13])
        used = time_used()
        time.sleep(1)  # what is looked at is how busy it is meanwhile
        self.assertLess(time_used() - used, os.sysconf("SC_CLK_TCK") // 2)
        self.assertEqual(failures(), 2)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual(login.receive()["type"], "verdict", "who waited is served")
        self.assertEqual(self.ws.ask("status")["daemon"]["pid"], pid)


class Places(Service):
    @unittest.skipUnless(os.geteuid() == 0, "only root can be several users")
    def test_one_person_with_several_users_does_not_take_them_all(self):
        resource.prlimit(self.ws.ukeyd.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        release_read, release_write = os.pipe()
        ready_read, ready_write = os.pipe()
        children = []
        for number in range(CONNECTIONS_MAX // CONNECTIONS_PER_USER_MAX):
            child = os.fork()
            if child == 0:
                os.close(release_write)
                os.setgid(NOBODY)
                os.setuid(300_000 + number)
                channels = [LoginChannel(self.ws.path("run/login.sock")) for _ in range(CONNECTIONS_PER_USER_MAX)]
                answered = all(channel.call(ask(KEY)) is not None for channel in channels)
                os.write(ready_write, b"y" if answered else b"n")
                os.read(release_read, 1)
                os._exit(0)
            children.append(child)
        try:
            ready = b""
            while len(ready) < len(children):
                ready += os.read(ready_read, 64)
            self.assertEqual(ready, b"y" * len(children), "all places are taken")
            for _ in range(3):
                self.assertEqual(self.connect().call(ask(KEY))["type"], "verdict")
        finally:
            for descriptor in (release_write, release_read, ready_read, ready_write):
                os.close(descriptor)
            for child in children:
                os.waitpid(child, 0)


class Watchers(Service):
    def test_one_that_does_not_read_is_cut_off(self):
        watcher = self.enterContext(socket.socket(socket.AF_UNIX))
        watcher.settimeout(DEADLINE_S)
        watcher.connect(self.ws.path("run/control.sock"))
        watcher.sendall(LoginChannel.frame({"id": 1, "verb": "watch", "arguments": {}}))
        stream = self.enterContext(watcher.makefile("rb"))
        read = lambda: stream.read(struct.unpack(">I", stream.read(4))[0])
        self.assertIn(b"watching", read())
        with LoginChannel(self.ws.path("run/login.sock")) as channel:
            for _ in range(60):  # 3,000 events of some 1,700 bytes
                batch = [result(KEY, executable="/" + 1023 * "x") for _ in range(25)]
                frames = [LoginChannel.frame({**message, "request": 1}) + LoginChannel.frame(end(message["login"], 1))
                          for message in batch]
                channel.socket.sendall(b"".join(frames))
                for _ in range(2 * len(frames)):
                    self.assertEqual(channel.receive()["type"], "recorded")
        received = 0
        part = b""
        while b"too_slow" not in part:
            part = read()
            received += len(part)
        self.assertLess(received, 2 * WAITING_BYTES_MAX)


class Groups(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, "only root can show the service other groups")
    def test_a_group_of_very_many_members(self):
        require("unshare", "setpriv")
        ws = self.enterContext(Workstation())
        ws.configure(modules=())
        with open("/etc/group", encoding="utf-8") as groups:
            others = [line for line in groups if not line.startswith("ukey:")]
        members = ",".join(f"member{number}" for number in range(2000))
        ws.write("group", "".join(others) + f"ukey:x:54321:{members}\n")
        ws.start_ukeyd(wrapper=["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/group && exec "$@"',
                                ws.path("group")])
        as_member = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--groups=54321", program("ukeyctl")]
        if ws.run(*as_member, "--version", check=False).returncode != 0:
            self.skipTest("the build folder is closed to other users")
        verified = ws.run(*as_member, "--runtime-dir", ws.path("run"), "audit", "verify", check=False)
        self.assertEqual(verified.returncode, 0, verified)


if __name__ == "__main__":
    unittest.main()
