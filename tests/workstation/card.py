# SPDX-License-Identifier: Apache-2.0
"""A U-Key on the host's side: the card's folder, and the program that plays it to the guest's reader over VSCARD."""

import json
import os
import socket
import subprocess

from expect import DEADLINE_S, Failed

BUILD = os.path.realpath(os.environ.get(
    "UKEY_BUILD_DIR", os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../build/dev")))
VIRTUAL_UKEY = os.path.join(BUILD, "tests/card/virtual_ukey/virtual-ukey")
VIRTUAL_UKEY_CA = os.path.join(BUILD, "tests/card/virtual_ukey/virtual-ukey-ca")
PIN = "123456"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=DEADLINE_S)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")


class Authority:
    """The CA of a scenario's cards."""

    def __init__(self, folder):
        self.folder = folder
        run(VIRTUAL_UKEY_CA, "init", folder)

    def issue(self, card_folder, organisation, *options):
        algorithm = () if "--algorithm" in options else ("--algorithm", "p256")
        run(VIRTUAL_UKEY_CA, "issue", self.folder, card_folder, "--name", organisation, *algorithm, *options)


class Card:
    """A card that connects to its reader whenever there is one. The guest's plug_card makes the reader."""

    def __init__(self, folder, name):
        self.name = name
        self.folder = os.path.join(folder, name)
        self.reader_socket = os.path.join(folder, name + ".vscard")
        self.control = os.path.join(folder, name + ".control")
        self.process = None
        self.plugged = False

    def start(self):
        if self.process is not None:
            return
        self.process = subprocess.Popen(
            [VIRTUAL_UKEY, "run", "--card", self.folder, "--vscard", "unix:" + self.reader_socket,
             "--control", self.control, "--inserted"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if line.strip() != b"ready":
            raise Failed(f"virtual-ukey said {line!r}")

    def tell(self, **command):
        """One control command; the answer as a dictionary."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(DEADLINE_S)
            channel.connect(self.control)
            channel.sendall(json.dumps(command).encode() + b"\n")
            answer = json.loads(channel.makefile().readline())
        if not answer.get("ok"):
            raise Failed(f"virtual-ukey refused {command}: {answer}")
        return answer

    def insert(self):
        """Into a reader that is plugged in already: a card in a slot, where a U-Key comes with its reader."""
        self.tell(do="insert")

    def remove(self):
        self.tell(do="remove")

    def fault(self, name, **more):
        self.tell(do="fault", fault=name, **more)

    def status(self):
        return self.tell(do="status")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
