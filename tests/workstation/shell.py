# SPDX-License-Identifier: Apache-2.0
"""Commands in the guest, over one SSH connection of root.

Real sshd gives real PAM sessions, exit codes and separate streams; multiplexing makes a further command cost a fork
instead of a key exchange, which takes an emulated CPU half a second.
"""

import contextlib
import os
import select
import shlex
import subprocess
import threading

from expect import DEADLINE_S, Failed

# Ends the command when its standard input does: nothing that a scenario follows outlives the scenario.
FOLLOW = ('exec 3<&0; "$@" </dev/null 3<&- & child=$!;'
          ' { cat <&3; kill $child; } >/dev/null 2>&1 & exec 3<&-; wait $child')


class Done:
    """A command that has ended."""

    def __init__(self, command, returncode, stdout, stderr):
        self.command = command
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr

    def __str__(self):
        return f"{self.command}: exit {self.returncode}\n{self.stdout}{self.stderr}"


def command_line(command, user=None, environment=None):
    """The line for the guest's shell. A list is an argument vector, a string is shell text."""
    words = ["sh", "-c", command] if isinstance(command, str) else list(command)
    if environment:
        words = ["env", *(f"{name}={value}" for name, value in environment.items()), *words]
    if user:
        # The user's groups as they are now, no session: what a service or a job of the user has.
        words = ["setpriv", f"--reuid={user}", "--regid=users", "--init-groups", "--reset-env", *words]
    return shlex.join(words)


class Shell:
    """The connection. `run` and `follow` are safe from several threads."""

    def __init__(self, folder, port, key):
        # A new name each time: the socket of a connection that was cut stays.
        self.socket = os.path.join(folder, f"ssh.{port}")
        self.options = ["-F", "none", "-S", self.socket, "-o", "LogLevel=ERROR"]
        log = os.path.join(folder, "ssh.log")
        with open(log, "ab") as errors:
            self.master = subprocess.Popen(
                ["ssh", "-M", "-N", *self.options, "-p", str(port), "-i", key, "-l", "root",
                 "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
                 "-o", "PermitLocalCommand=yes", "-o", "LocalCommand=echo connected", "127.0.0.1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        # ssh runs its local command once it has logged in.
        if not select.select([self.master.stdout], [], [], DEADLINE_S)[0] or not self.master.stdout.readline():
            self.close()
            with open(log, encoding="utf-8", errors="replace") as file:
                raise Failed(f"root cannot log in to the guest: {file.read()[-2000:]}")

    def close(self):
        # ssh misses a SIGTERM that comes just before it waits for the network, and would stay.
        self.master.kill()
        self.master.wait()
        self.master.stdout.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)

    def popen(self, line, **options):
        # The host's name is not looked at: the connection is there already.
        command = ["ssh", *self.options, "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "guest", line]
        return subprocess.Popen(command, **options)

    def run(self, line, data=b"", deadline_s=DEADLINE_S):
        """A command to its end: its exit code and both outputs, as bytes."""
        with self.popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                stdout, stderr = process.communicate(data, deadline_s)
            except subprocess.TimeoutExpired as error:
                process.kill()
                seen = (error.stdout or b"").decode(errors="replace")
                raise Failed(f"not within {deadline_s} s in the guest: {line}\n{seen}") from None
        if process.returncode == 255 and self.master.poll() is not None:
            raise Failed(f"the connection to the guest was lost during: {line}")
        return Done(line, process.returncode, stdout, stderr)

    def follow(self, line):
        """A command that ends when its Stream is stopped."""
        return Stream(self, shlex.join(["sh", "-c", FOLLOW, "follow"]) + " " + line)

    def converse(self, line):
        """A command that reads what its Stream says."""
        return Stream(self, line)


class Stream:
    """A command that goes on, such as `journalctl --follow`: its two outputs, line by line as it writes."""

    def __init__(self, shell, line):
        self.line = line
        self.lines = []
        self.ended = False
        self.arrived = threading.Condition()
        self.process = shell.popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.arrived.notify_all()
        with self.arrived:
            self.ended = True
            self.arrived.notify_all()

    def say(self, line):
        """One line to the command's standard input; the place in the stream where what it answers begins."""
        mark = self.mark()
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return mark

    def mark(self):
        """A place in the stream, to be taken before the action whose line is awaited."""
        with self.arrived:
            return len(self.lines)

    def wait(self, wanted, what, after=0, deadline_s=DEADLINE_S):
        """The first line since `after` that `wanted`, a text or a predicate, is in or true for."""
        matches = wanted if callable(wanted) else lambda line: wanted in line

        def found():
            return next((line for line in self.lines[after:] if matches(line)), None)
        with self.arrived:
            self.arrived.wait_for(lambda: self.ended or found() is not None, deadline_s)
            line = found()
            if line is None:
                reason = "ended" if self.ended else f"not within {deadline_s} s"
                seen = "\n".join(self.lines[after:][-30:])
                raise Failed(f"{reason}: {what}\nin `{self.line}`, which wrote:\n{seen}")
            return line

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # The connection has the pipe's other end, and lets go of it when the guest's command has ended.
        self.reader.join(10)
        if not self.reader.is_alive():
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
