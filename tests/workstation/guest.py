# SPDX-License-Identifier: Apache-2.0
"""A Debian workstation that boots, with keys to plug into it: the class that scenarios use.

One temporary folder holds the disk, the cards and the sockets of a guest and is gone at the end. Every wait has a
deadline, and waits for an event where there is one.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

import image
from card import Authority, Card
from expect import DEADLINE_S, Failed
from gadget import CONFIGFS, DUMMY_CONTROLLERS
from machine import Machine
from shell import Shell, command_line

INSTALL_DEADLINE_S = 180
EXPORTS = "/var/tmp/host"  # where files of the host are put


class Guest:
    """A disk of its own over the image, and the machine that runs on it between `boot` and `power_cut`."""

    def __init__(self):
        self.image = image.prepare()
        # Short, and not below the build tree: names of unix sockets have at most 107 characters.
        self.folder = tempfile.mkdtemp(prefix="ukey-guest-")
        self.disk = os.path.join(self.folder, "disk.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image.disk, "-F", "raw", self.disk],
                       check=True)
        self.packages = []
        self.machine = None
        self.can_sleep = False
        self.connection = None
        self.cards = {}
        self.gadgets = {}
        self.streams = []
        self.authority = None
        self.figures = []

    def close(self):
        self._disconnect()
        if self.machine:
            self.machine.close()
        for card in self.cards.values():
            card.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Power ----------------------------------------------------------------------------------------------------------

    def boot(self, cards=(), can_sleep=False):
        """Starts the machine, with `cards` plugged in, until commands can be run; the seconds that it took.

        One that is to `suspend` must be booted for it, which takes 4 s longer.
        """
        begin = time.monotonic()
        self.can_sleep = can_sleep
        self.machine = Machine(self.image, self.disk, self.folder, can_sleep)
        for card in cards:
            self.plug_card(card)
        self.machine.go()
        self.machine.ports["guest.ready"].wait_line("the guest is ready for commands")
        self.shell()
        return time.monotonic() - begin

    def await_idle_boot(self):
        """Until every unit has started and the seat's user has a session."""
        self.machine.ports["guest.seat"].wait_line("the seat's user is logged in")
        state = self.run("systemctl is-system-running --wait", check=False, deadline_s=180).stdout.strip()
        if state != "running":
            failed = self.run("systemctl list-units --failed --plain --no-legend").stdout
            raise Failed(f"the guest's state is {state}, because of:\n{failed}")

    def power_cut(self):
        """Ends the machine as a power failure does; `boot` starts it again from what its disk holds."""
        self.machine.kill()
        self._powered_off()

    def shut_down(self):
        self.run("systemctl poweroff", check=False)
        self.machine.wait_shutdown()
        self._powered_off()

    def _powered_off(self):
        self._disconnect()
        self.machine.close()
        self.machine = None
        self.gadgets.clear()
        for card in self.cards.values():
            card.plugged = False

    def _disconnect(self):
        # Connections first: they hold the streams' pipes, so that each stream ends with its connection at once.
        if self.connection:
            self.connection.close()
        self.stop_streams()
        self.connection = None

    def suspend(self):
        """To RAM (S3), until the machine sleeps."""
        mark = self.machine.qmp.mark()
        self.run("systemctl suspend --no-block")
        self.machine.qmp.wait_event("SUSPEND", mark, "the guest sleeps")

    def resume(self):
        """Wakes it up, until it answers."""
        mark = self.machine.qmp.mark()
        self.machine.qmp.execute("system_wakeup")
        self.machine.qmp.wait_event("WAKEUP", mark, "the guest wakes up")
        self.run("true")

    # Commands -------------------------------------------------------------------------------------------------------

    def shell(self):
        if self.connection is None:
            self.connection = Shell(self.folder, self.machine.ssh_port, self.image.host_key)
        return self.connection

    def run(self, command, user=None, check=True, data="", environment=None, deadline_s=DEADLINE_S):
        """A command to its end. A string is shell text, a list an argument vector.

        As root, or with the identity of `user`.
        """
        done = self._run_bytes(command, user, data.encode(), environment, deadline_s)
        done.stdout = done.stdout.decode(errors="replace")
        done.stderr = done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise Failed(str(done))
        return done

    def _run_bytes(self, command, user=None, data=b"", environment=None, deadline_s=DEADLINE_S):
        return self.shell().run(command_line(command, user, environment), data, deadline_s)

    def follow(self, command, user=None, environment=None):
        """A command that goes on, as a Stream; ends with the scenario at the latest."""
        stream = self.shell().follow(command_line(command, user, environment))
        self.streams.append(stream)
        return stream

    def follow_journal(self, *matches):
        """The journal's messages from now on, none of them missed."""
        cursor = self.run("journalctl --lines=0 --show-cursor").stdout.split("cursor: ")[1].strip()
        return self.follow(["journalctl", "--follow", "--lines=all", "--after-cursor=" + cursor,
                            "--output=short-monotonic", "--no-hostname", *matches])

    def converse(self, command, user=None, environment=None):
        """A command that is spoken to: a Stream with `say`. It is to end with its standard input."""
        stream = self.shell().converse(command_line(command, user, environment))
        self.streams.append(stream)
        return stream

    def stop_streams(self):
        """Ends what goes on."""
        for stream in self.streams:
            stream.stop()
        self.streams.clear()

    # Files ----------------------------------------------------------------------------------------------------------

    def write(self, path, content, mode="0644"):
        """A file with this text or these bytes."""
        data = content.encode() if isinstance(content, str) else content
        done = self._run_bytes(["sh", "-c", 'cat >"$0" && chmod "$1" "$0"', path, mode], data=data)
        if done.returncode != 0:
            raise Failed(f"cannot write {path}: {done.stderr.decode(errors='replace')}")

    def read(self, path):
        """A file's bytes."""
        done = self._run_bytes(["cat", path])
        if done.returncode != 0:
            raise Failed(f"cannot read {path}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def put(self, host_path, path=None, mode="0644"):
        """A host's file into the guest; its path there."""
        path = path or os.path.join(EXPORTS, os.path.basename(host_path))
        self.run(["mkdir", "-p", os.path.dirname(path)])
        with open(host_path, "rb") as file:
            self.write(path, file.read(), mode)
        return path

    def get(self, path, host_path):
        with open(host_path, "wb") as file:
            file.write(self.read(path))

    def install(self, debs):
        """Installs package files by apt, which has no network and needs none; what apt said."""
        paths = [self.put(deb) for deb in debs]
        return self.run(["apt-get", "install", "--yes", "--no-install-recommends", *paths],
                        environment={"DEBIAN_FRONTEND": "noninteractive"}, deadline_s=INSTALL_DEADLINE_S).stdout

    # Keys -----------------------------------------------------------------------------------------------------------

    def ca(self):
        """The CA of the guest's cards."""
        if self.authority is None:
            self.authority = Authority(os.path.join(self.folder, "ca"))
        return self.authority

    def make_card(self, name, organisation, *options):
        """A card with a certificate of the guest's test CA; not plugged in yet."""
        cards = os.path.join(self.folder, "cards")
        os.makedirs(cards, exist_ok=True)
        card = Card(cards, name)
        self.ca().issue(card.folder, organisation, *options)
        self.cards[name] = card
        return card

    def plug_card(self, card):
        """Plugs in a reader with the card in it, which is what a U-Key is."""
        card.start()
        qmp = self.machine.qmp
        address = {"type": "unix", "data": {"path": card.reader_socket}}
        with contextlib.suppress(FileNotFoundError):
            os.unlink(card.reader_socket)  # of a machine that was killed
        qmp.execute("chardev-add", id=f"vscard.{card.name}",
                    backend={"type": "socket", "data": {"addr": address, "server": True, "wait": False}})
        qmp.execute("device_add", driver="usb-ccid", id=f"reader.{card.name}", bus="usb.0")
        qmp.execute("device_add", driver="ccid-card-passthru", id=f"card.{card.name}", bus=f"reader.{card.name}.0",
                    chardev=f"vscard.{card.name}")
        card.plugged = True

    def unplug_card(self, card):
        """Pulls the reader with the card in it."""
        qmp = self.machine.qmp
        mark = qmp.mark()
        qmp.execute("device_del", id=f"reader.{card.name}")
        qmp.wait_event("DEVICE_DELETED", mark, f"the reader of {card.name} is gone",
                       lambda data: data.get("device") == f"reader.{card.name}")
        qmp.execute("chardev-remove", id=f"vscard.{card.name}")
        card.plugged = False

    def plug_gadget(self, gadget):
        """Plugs in a device that the guest's kernel plays."""
        if not self.gadgets:
            self.run(f"modprobe dummy_hcd num={DUMMY_CONTROLLERS}"
                     f" && modprobe --all libcomposite usb_f_hid usb_f_mass_storage && test -d {CONFIGFS}")
        used = set(self.gadgets.values())
        controller = next(f"dummy_udc.{number}" for number in range(DUMMY_CONTROLLERS)
                          if f"dummy_udc.{number}" not in used)
        self.run(gadget.plug_script(controller))
        self.gadgets[gadget] = controller

    def unplug_gadget(self, gadget):
        self.run(gadget.unplug_script())
        del self.gadgets[gadget]

    def unplug_all(self):
        """As at the beginning; a card that is out stays made."""
        for card in [card for card in self.cards.values() if card.plugged]:
            self.unplug_card(card)
        for gadget in list(self.gadgets):
            self.unplug_gadget(gadget)

    # Misfortunes ----------------------------------------------------------------------------------------------------

    def step_clock(self, step):
        """Sets the clock forward or back, as in `+1 year`."""
        self.run(["date", f"--set={step}"])

    @contextlib.contextmanager
    def full_disk(self, folder):
        """Leaves the file system of `folder` no free block."""
        filler = os.path.join(folder, "host-filler")
        self.run(f"sync; fallocate --length $(df --output=avail --block-size=1 {folder} | tail -n 1) {filler};"
                 f" cat /dev/zero >>{filler}.rest 2>&- || :")
        try:
            yield
        finally:
            self.run(["rm", "-f", filler, filler + ".rest"])

    # What is left for a person to look at ---------------------------------------------------------------------------

    def save_artefacts(self, folder, paths=()):
        """Console, journal and, of `paths`, what there is, into `folder`."""
        os.makedirs(folder, exist_ok=True)
        for name in ("console.log", "qemu.log"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(os.path.join(self.folder, name), folder)
        if self.machine is None:
            return
        commands = {"journal.txt": ["journalctl", "--output=short-monotonic", "--no-hostname"],
                    "units.txt": ["systemctl", "status", "--all", "--no-pager", "--lines=0"]}
        if paths:
            commands["files.tar"] = ["tar", "-cf", "-", "--ignore-failed-read", *paths]
        for name, command in commands.items():
            # A guest that hangs has no more to say; the console is enough then.
            with contextlib.suppress(Failed, OSError):
                output = self._run_bytes(command).stdout
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(output)

    def record(self, what, value):
        """A figure for the summary, such as a time."""
        self.figures.append((what, value))
