# SPDX-License-Identifier: Apache-2.0
"""The packages' life: upgrade with data and a key inserted, a database of a newer version, remove, purge."""

import os
import subprocess

from expect import expect, expect_equal, expect_in
from opensc import sign
from service import BRANCH, BRANCH_CODE, FILTER, Service

OWN_MACHINE = True
OLD_VERSION = "0.0.9-1"

# What purge leaves, and says that it leaves: accounts. Besides that only what this scenario made itself.
LEFT_BY_PURGE = {"/etc/systemd/system/ukeyd.service.d", "/etc/systemd/system/ukey-probe@.service.d"}


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


def scenario_upgrade_remove_purge(guest):
    """An upgrade keeps data, service and key; a newer database is refused; remove keeps the data, purge takes all."""
    card = guest.make_card("upgraded", BRANCH)
    guest.boot([card])
    guest.install([older(deb, guest.folder) for deb in guest.packages])
    service = Service(guest).prepare()
    key = service.await_keys(1)[0]["key"]
    service.ask("key", "bind", key, BRANCH_CODE)
    sign(guest, BRANCH, module=FILTER)
    before, records = service.main_pid(), service.verify()

    guest.install(guest.packages)
    service.await_answer()
    expect(service.main_pid() not in (0, before), "the upgrade did not restart the service")
    expect(service.verify() > records, "records of before the upgrade are missing")
    expect_equal(service.await_keys(1)[0]["organisation"]["code"], BRANCH_CODE, "the binding after the upgrade")
    expect_equal(len(service.sessions()), 1, "sessions after the upgrade")

    refuse_newer_database(guest, service)

    said = guest.run("apt-get remove --yes ukeyd ukey-pkcs11 2>&1", deadline_s=180).stdout
    expect_in("/var/lib/ukeyd", said, "what remove says of the data")
    guest.run("test -e /var/lib/ukeyd/ukeyd.db")
    expect_in("opensc-pkcs11.so", guest.run(["p11-kit", "list-modules"]).stdout, "p11-kit's modules after removal")
    said = guest.run("apt-get purge --yes ukeyd ukey-pkcs11 2>&1", deadline_s=180).stdout
    for part in ("/var/lib/ukeyd", "users ukeyd and ukey-probe"):
        expect_in(part, said, "what purge says")
    left = guest.run("find / -xdev \\( -name '*ukey*' -o -name '*u-key*' \\) -not -path '/proc/*' -not -path '/var/tmp/*'"
                     " -not -path '/opt/*' -not -path '/sys/*' -not -path '/var/log/*' -prune").stdout.split()
    expect_equal(set(left) - LEFT_BY_PURGE, set(), "files that purge leaves")


def refuse_newer_database(guest, service):
    """As after a downgrade: the older program does not touch what it does not know."""
    database = "/var/lib/ukeyd/ukeyd.db"
    version = guest.run(["sqlite3", database, "PRAGMA user_version"]).stdout.strip()
    guest.run("systemctl stop ukeyd.service ukeyd-login.socket ukeyd-control.socket")
    guest.run(["sqlite3", database, "PRAGMA user_version = 99"])
    guest.run("systemctl start ukeyd.service", check=False)
    expect_equal(guest.run("systemctl show --property=ExecMainStatus --value ukeyd.service").stdout.strip(), "3",
                 "the exit code with a newer database")
    expect_in("newer", guest.run("journalctl --unit=ukeyd.service --lines=20 --no-pager").stdout, "the reason")
    guest.run("systemctl stop ukeyd.service ukeyd-login.socket ukeyd-control.socket")
    guest.run(["sqlite3", database, f"PRAGMA user_version = {version}"])
    guest.run("systemctl reset-failed; systemctl start ukeyd-login.socket ukeyd-control.socket ukeyd.service")
    service.await_answer()
    service.verify()
