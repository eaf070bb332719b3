# SPDX-License-Identifier: Apache-2.0
"""Upgrade with data and a key inserted. Plays first, on a machine without the packages, and leaves them installed."""

import os
import subprocess

from expect import Skipped, expect, expect_equal
from guest import INSTALL_DEADLINE_S
from opensc import sign
from service import FILTER, TWIN, TWIN_CODE, Service

INSTALLS = True
OLD_VERSION = "0.0.9-1"


def older(deb, folder):
    """The package as an older version of itself: there is no earlier release yet."""
    tree = os.path.join(folder, os.path.basename(deb) + ".tree")
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = os.path.join(tree, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    version = next(line for line in text.splitlines() if line.startswith("Version: ")).split(": ")[1]
    with open(control, "w", encoding="utf-8") as file:
        file.write(text.replace(version, OLD_VERSION))
    made = os.path.join(folder, "older_" + os.path.basename(deb))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    return made


def scenario_upgrade(guest):
    """An upgrade keeps the data and the binding of the key that is in, and restarts the service."""
    if not guest.packages:
        raise Skipped("there is no package to install (--install)")
    with_older = [guest.put(older(deb, guest.folder)) for deb in guest.packages]
    guest.run(["dpkg", "--install", *with_older], deadline_s=INSTALL_DEADLINE_S)
    service = Service(guest).prepare()
    card = guest.make_card("upgraded", TWIN)
    key = service.plug(card, service.watch())["key"]
    service.ask("key", "bind", key, TWIN_CODE)
    sign(guest, TWIN, module=FILTER)
    before, records = service.main_pid(), service.verify()

    guest.install(guest.packages)
    service.await_answer()
    expect(service.main_pid() not in (0, before), "the upgrade did not restart the service")
    expect(service.verify() > records, "records of before the upgrade are missing")
    expect_equal(service.await_keys(1)[0]["organisation"]["code"], TWIN_CODE, "the binding after the upgrade")
    session, = service.sessions()
    expect_equal((session["key"], session["uses"]), (key, 1), "the session of before the upgrade")
    service.ask("key", "release", key)  # the next scenarios begin without bindings
