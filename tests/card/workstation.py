# SPDX-License-Identifier: Apache-2.0
"""A workstation in a folder, for scenarios: real pcscd with vpcd, virtual U-Keys, ukeyd, OpenSC's tools.

Everything runs in one temporary directory and is gone at the end. Nothing waits by sleeping: pcscd's socket is made here
and handed to it, ukeyd says READY, and states are awaited on the event stream of `ukeyctl watch`.
"""

import contextlib
import fcntl
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("UKEY_BUILD_DIR", os.path.join(SOURCE, "build/dev"))
sys.path.insert(0, os.path.join(SOURCE, "tests/support"))

from failed import Failed  # noqa: E402  (found by the path above)
from played_card import PlayedCard  # noqa: E402

OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
VPCD_DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
DEADLINE_S = 60  # generous: a loaded machine must not fail a test, a hang must


def program(name):
    """The path of a program of the build tree."""
    places = {
        "ukeyd": "daemon/ukeyd",
        "ukey-probe": "daemon/probe/ukey-probe",
        "ukeyctl": "tools/ukeyctl",
        "virtual-ukey": "tests/card/virtual_ukey/virtual-ukey",
        "virtual-ukey-ca": "tests/card/virtual_ukey/virtual-ukey-ca",
        "usb_stage": "tests/usb/usb_stage",
        "application": "tests/card/application",
        "ukey-pkcs11.so": "pkcs11/module/ukey-pkcs11.so",
        "fault_module.so": "tests/softhsm/fault_module.so",
    }
    return os.path.realpath(os.path.join(BUILD, places[name]))


def sanitizer_environment():
    """What a program that is not sanitized itself needs to load a module that is: the runtime first. OpenSC's own
    leaks are none of ours."""
    linked = subprocess.run(["ldd", program("ukey-pkcs11.so")], capture_output=True, text=True, check=False).stdout
    runtimes = [line.split()[2] for line in linked.splitlines() if line.split()[0].startswith(("libasan", "libtsan"))]
    if not runtimes:
        return {}
    return {"LD_PRELOAD": runtimes[0], "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}


# Below those that the kernel gives to connecting sockets (ip_local_port_range begins at 32768): a card that connects must
# not take the port that another workstation's pcscd is about to listen on. Each process begins somewhere else.
FIRST_PORT, LAST_PORT = 10000, 32000
next_port = itertools.count(FIRST_PORT + os.getpid() * 64 % (LAST_PORT - FIRST_PORT), 2)
next_port_lock = threading.Lock()


def free_port_pair():
    """Two neighbouring TCP ports that are free, and are not given out again: vpcd opens two slots per reader."""
    while True:
        with next_port_lock:
            port = FIRST_PORT + (next(next_port) - FIRST_PORT) % (LAST_PORT - FIRST_PORT)
        with socket.socket() as first, socket.socket() as second:
            with contextlib.suppress(OSError):
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
                return port


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """For states that have no event: looks again every 20 ms, and fails loudly."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failed(f"not within {deadline_s} s: {what}")


class VirtualKey(PlayedCard):
    """A card in one vpcd slot."""

    def __init__(self, workstation, name, port):
        super().__init__(os.path.join(workstation.folder, "cards", name), os.path.join(workstation.folder, name + ".sock"))
        self.workstation = workstation
        self.port = port

    def start(self, inserted):
        self.start_process([program("virtual-ukey"), "run", "--vpcd", f"127.0.0.1:{self.port}",
                            "--inserted" if inserted else "--removed"], self.workstation.start)


class Watch:
    """`ukeyctl --json watch`, read as it comes."""

    def __init__(self, workstation):
        self.process = workstation.start(workstation.ukeyctl_command("--json", "watch"), stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
        self.events = []
        self.arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(lambda event: event["type"] == "watching", "the watch has begun")

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            event["seen_at"] = time.monotonic()
            with self.arrived:
                self.events.append(event)
                self.arrived.notify_all()
        with self.arrived:
            self.events.append({"type": "watch.ended"})
            self.arrived.notify_all()

    def wait(self, wanted, what, after=0):
        """The first event from number `after` on for which `wanted` is true."""
        with self.arrived:
            found = lambda: next((e for e in self.events[after:] if wanted(e)), None)
            if not self.arrived.wait_for(found, DEADLINE_S):
                raise Failed(f"no event: {what}; seen: {[e['type'] for e in self.events[after:]]}")
            return found()

    def wait_count(self, wanted, count, what):
        """Waits until `wanted` has been true for so many events."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: sum(map(wanted, self.events)) >= count, DEADLINE_S):
                raise Failed(f"not {count} events: {what}")

    def mark(self):
        with self.arrived:
            return len(self.events)


class Application:
    """A program that logs in through the filter and stays alive, one PKCS#11 call at a time."""

    def __init__(self, workstation, module=None, environment=None):
        self.process = workstation.start([program("application"), module or program("ukey-pkcs11.so")],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         start_new_session=True,
                                         env={**workstation.environment, **sanitizer_environment(),
                                              **(environment or {})})
        opened = self.process.stdout.readline().strip()
        if opened != "CKR_OK":
            raise Failed(f"the application could not open a session: {opened}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # children that it forked

    def call(self, command):
        """The name of the return value, and how long the call took in microseconds."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        rv, took_us = self.process.stdout.readline().split()
        return rv, int(took_us)

    def expect(self, command):
        rv, took_us = self.call(command)
        if rv != "CKR_OK":
            raise Failed(f"{command.splitlines()[0]}: {rv}")
        return took_us

    def login(self, pin):
        return self.expect("login\n" + pin)

    def sign(self):
        return self.expect("sign")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Workstation:
    """Everything of one scenario."""

    reader_name = "Virtual PCD"

    def __init__(self, readers=1):
        self.folder = tempfile.mkdtemp(prefix="ukey-test-")
        os.chmod(self.folder, 0o755)
        self.processes = []
        self.listeners = []
        self.ports = []
        self.keys = {}
        self.readers = readers
        self.ukeyd = None
        self.pcscd = None
        self.watcher = None
        self.environment = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="en",
                                UKEY_LOGIN_SOCKET=self.path("run/login.sock"),
                                UKEY_PKCS11_MODULE=OPENSC,
                                PCSCLITE_CSOCK_NAME=self.path("pcscd.comm"),
                                OPENSC_CONF=self.path("opensc.conf"),
                                UKEY_PKCS11_CONF=self.path("absent.conf"))
        self.write("opensc.conf", "app default {\n  card_drivers = PIV-II;\n}\n"
                   "app opensc-pkcs11 { pkcs11 { max_virtual_slots = 32; slots_per_card = 1; } }\n")
        for name in ("cards", "log", "pcsc.d"):
            os.mkdir(self.path(name))

    # The folder -----------------------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and os.path.exists(self.path("log/ukeyd.log")):
            sys.stderr.write("--- ukeyd's log ---\n" + self.read("log/ukeyd.log")[-6000:] + "\n")
        self.stop()

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self.processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
        for listener in self.listeners:
            listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes ------------------------------------------------------------------------------------------------------

    def start(self, command, **options):
        """A process that ends with the scenario, and with this program."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command, env=options.pop("env", self.environment), **options)
        self.processes.append(process)
        return process

    def run(self, *command, check=True, env=None, **options):
        """A command to its end; the CompletedProcess with text output."""
        done = subprocess.run(command, env={**self.environment, **(env or {})}, capture_output=True, text=True,
                              errors="replace", timeout=DEADLINE_S, **options)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    # pcscd and cards ------------------------------------------------------------------------------------------------

    def start_pcscd(self):
        """Real pcscd on a socket of ours (systemd's way of handing it over), with `readers` pairs of vpcd slots."""
        if not self.ports:
            self._write_readers()
        listener = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("pcscd.comm"))
        listener.bind(self.path("pcscd.comm"))
        os.chmod(self.path("pcscd.comm"), 0o666)
        listener.listen(64)
        log = open(self.path("log/pcscd.log"), "ab")
        # The shell keeps its process id over exec, which LISTEN_PID must name. bash: dash knows descriptors of one digit only.
        self.pcscd = self.start(["bash", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec pcscd -f -c "$0" 3<&' +
                                 str(listener.fileno()), self.path("pcsc.d")],
                                pass_fds=[listener.fileno()], stdout=log, stderr=log)
        listener.close()
        log.close()

    def _write_readers(self):
        for number in range(self.readers):
            port = free_port_pair()
            # The driver keeps its state in static variables: a second reader needs a copy of it.
            driver = shutil.copy(VPCD_DRIVER, self.path(f"libifdvpcd{number}.so"))
            self.write(f"pcsc.d/reader{number}", f'FRIENDLYNAME "{self.reader_name} {number}"\n'
                       f"DEVICENAME /dev/null:{port}\nLIBPATH {driver}\n")
            self.ports += [port, port + 1]

    def make_ca(self):
        self.run(program("virtual-ukey-ca"), "init", self.path("ca"))

    def make_key(self, name, organisation, *options, inserted=False, issue=True):
        """A card with a certificate for `organisation` in the next free slot."""
        if not self.ports:
            self._write_readers()
        key = VirtualKey(self, name, self.ports[len(self.keys)])
        if issue:
            self.issue(key, organisation, *options)
        self.keys[name] = key
        key.start(inserted)
        return key

    def issue(self, key, organisation, *options):
        if not os.path.isdir(self.path("ca")):
            self.make_ca()
        algorithm = () if "--algorithm" in options else ("--algorithm", "p256")
        self.run(program("virtual-ukey-ca"), "issue", self.path("ca"), key.folder, "--name", organisation, *algorithm,
                 *options)

    # ukeyd ----------------------------------------------------------------------------------------------------------

    def configure(self, mode="observe", modules=(("opensc", OPENSC),), extra="", trust=True):
        text = f'mode = "{mode}"\n'
        text += extra
        if trust and os.path.isdir(self.path("ca")):
            # A folder of what is public: the CA's own also has its keys.
            os.makedirs(self.path("trust"), exist_ok=True)
            for name in ("root.pem", "intermediate.pem", "crl.pem", "root_crl.pem"):
                shutil.copy(self.path("ca/" + name), self.path("trust/"))
            text += f'trust.paths = ["{self.path("trust")}"]\n'
        for name, path in modules:
            text += f'[[module]]\nname = "{name}"\npath = "{path}"\n'
        self.write("ukeyd.toml", text)

    def ukeyd_command(self):
        return [program("ukeyd"), "--config", self.path("ukeyd.toml"), "--state-dir", self.path("state"),
                "--runtime-dir", self.path("run"), "--probe", program("ukey-probe")]

    def start_ukeyd(self, wrapper=(), environment=None, **options):
        """Starts ukeyd and waits for its READY=1 (sd_notify)."""
        if not os.path.exists(self.path("ukeyd.toml")):
            self.configure()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path("notify"))
            notify.bind(self.path("notify"))
            notify.settimeout(DEADLINE_S)
            with open(self.path("log/ukeyd.log"), "ab") as log:
                options.setdefault("stdout", log)
                self.ukeyd = self.start([*wrapper, *self.ukeyd_command()], stderr=log, **options,
                                        env={**self.environment, **(environment or {}), "NOTIFY_SOCKET": self.path("notify")})
            while b"READY=1" not in notify.recv(4096):
                pass
        return self.ukeyd

    def make_sockets(self):
        """Listening sockets as systemd makes them from the units: they stay while ukeyd comes and goes."""
        os.mkdir(self.path("run"))
        sockets = {}
        for name in ("login", "control"):
            listener = socket.socket(socket.AF_UNIX)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, name == "login")
            listener.bind(self.path(f"run/{name}.sock"))
            listener.listen(4096)  # as systemd does
            sockets[name] = listener
            self.listeners.append(listener)
        return sockets

    def start_ukeyd_with_sockets(self, sockets, names="login:control"):
        """Descriptors 3 and 4; the shell keeps its process id over exec, which LISTEN_PID must name."""
        with contextlib.ExitStack() as copies:  # out of the way of 3 and 4
            login, control = (fcntl.fcntl(sockets[name], fcntl.F_DUPFD, 20) for name in ("login", "control"))
            copies.callback(os.close, login)
            copies.callback(os.close, control)
            wrapper = ["bash", "-c", f'exec 3<&{login} 4<&{control} {login}<&- {control}<&-; LISTEN_PID=$$ exec "$0" "$@"']
            return self.start_ukeyd(wrapper=wrapper, pass_fds=[login, control],
                                    environment={"LISTEN_FDS": "2", "LISTEN_FDNAMES": names})

    def stop_ukeyd(self):
        self.ukeyd.terminate()
        return self.ukeyd.wait(DEADLINE_S)

    def kill_ukeyd(self):
        self.ukeyd.kill()
        self.ukeyd.wait()

    def ukeyctl_command(self, *arguments):
        return [program("ukeyctl"), "--runtime-dir", self.path("run"), "--config", self.path("ukeyd.toml"), *arguments]

    def ukeyctl(self, *arguments, check=True, **options):
        return self.run(*self.ukeyctl_command(*arguments), check=check, **options)

    def ask(self, *arguments, check=True):
        """`ukeyctl --json …`, decoded. With check=False errors come as {"error": …}."""
        done = self.ukeyctl("--json", *arguments, check=False)
        if check and done.returncode not in (0, 1):
            raise Failed(f"ukeyctl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout or done.stderr)

    def watch(self):
        return Watch(self)

    # What a scenario wants to know ---------------------------------------------------------------------------------

    def present_keys(self):
        return self.ask("key", "list")["keys"]

    def await_keys(self, count):
        """The keys once so many are in."""
        return wait_until(lambda: (lambda keys: keys if len(keys) == count else None)(self.present_keys()) if count
                          else (self.present_keys() == []), f"{count} keys are in")

    def key(self, key_id):
        return self.ask("key", "show", key_id)["key"]

    def sessions(self, *filters):
        return self.ask("session", "list", *filters)["sessions"]

    def verify_ledger(self):
        """The chain and the tables beside it as the daemon sees them; fails the scenario when they do not hold."""
        verdict = self.ask("audit", "verify", "--rebuild")
        if not verdict["intact"] or verdict["rebuild"]["differing"] > 0:
            raise Failed(f"the ledger or the tables beside it do not hold: {verdict}")
        return verdict

    def import_organisations(self, *rows, file="organisations.csv"):
        """Rows of (code, path[, answered_for_by]); a path is a list of full names."""
        text = "隶属关系,组织代码,类别,考核单位,应配UK,手机终端,代为履行,管理员姓名,联系手机\n"
        for code, path, *more in rows:
            answered_for_by = more[0] if more else ""
            kind = "支部" if len(path) > 1 else "党委"
            text += f'{" - ".join(path)},{code},{kind},01,是,否,{answered_for_by},张三,13800000001\n'
        self.write(file, text)
        return self.ukeyctl("org", "import", self.path(file))

    # Applications ---------------------------------------------------------------------------------------------------

    def pkcs11_tool(self, *arguments, check=True, module=None, **options):
        """OpenSC's pkcs11-tool through the filter."""
        environment = {**sanitizer_environment(), **(options.pop("env", None) or {})}
        return self.run("pkcs11-tool", "--module", module or program("ukey-pkcs11.so"), *arguments, check=check,
                        env=environment, **options)

    def application(self, module=None, environment=None):
        return Application(self, module, environment)

    def sign(self, pin="123456", token=None, module=None, check=True, mechanism="ECDSA-SHA256"):
        """Logs in and signs something, as an application would; returns the CompletedProcess."""
        data = self.write("data", secrets.token_hex(16))
        which = ["--token-label", token] if token else []
        return self.pkcs11_tool("--login", "--pin", "env:APPLICATION_PIN", *which, "--sign", "--mechanism", mechanism,
                                "--id", "01", "--input-file", data, "--output-file", self.path("signature"),
                                module=module, check=check, env={"APPLICATION_PIN": pin})


def require(*programs):
    """Skips the whole file, and says so, when something it needs is not installed."""
    import unittest
    for name in programs:
        if shutil.which(name) is None and not os.path.exists(name):
            raise unittest.SkipTest(f"{name} is not installed")
