# SPDX-License-Identifier: Apache-2.0
"""virtual-ukey from outside: the program that plays a card, and its control socket."""

import json
import socket
import subprocess

from failed import Failed

DEADLINE_S = 60


class PlayedCard:
    """A card's folder, and the process that plays it while there is one."""

    def __init__(self, folder, control):
        self.folder = folder
        self.control = control
        self.process = None

    def start_process(self, command, popen=subprocess.Popen):
        """Until the card answers. `command` is virtual-ukey with where its reader is, and whether it is in."""
        self.process = popen([*command, "--card", self.folder, "--control", self.control],
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
        """Into a reader that is there already."""
        self.tell(do="insert")

    def remove(self):
        self.tell(do="remove")

    def fault(self, name, **more):
        self.tell(do="fault", fault=name, **more)

    def status(self):
        return self.tell(do="status")

    def verify_count(self):
        return self.status()["verify_count"]
