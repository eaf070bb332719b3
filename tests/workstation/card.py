# SPDX-License-Identifier: Apache-2.0
"""A U-Key on the host's side: the card's folder, and the program that plays it to the guest's reader over VSCARD."""

import os
import subprocess

from expect import DEADLINE_S, Failed
from played_card import PlayedCard

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


class Card(PlayedCard):
    """A card that connects to its reader whenever there is one. The guest's plug_card makes the reader."""

    def __init__(self, folder, name):
        super().__init__(os.path.join(folder, name), os.path.join(folder, name + ".control"))
        self.name = name
        self.reader_socket = os.path.join(folder, name + ".vscard")
        self.plugged = False

    def start(self):
        if self.process is None:
            self.start_process([VIRTUAL_UKEY, "run", "--vscard", "unix:" + self.reader_socket, "--inserted"])

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
