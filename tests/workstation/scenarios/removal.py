# SPDX-License-Identifier: Apache-2.0
"""A database of a newer version, remove, purge. Plays last: it takes away what the others need."""

from expect import expect_equal, expect_in
from service import Service

# What purge leaves, and says that it leaves: accounts. Besides that only what scenarios made themselves.
LEFT_BY_PURGE = {f"/etc/systemd/system/{unit}.service.d" for unit in ("ukeyd", "ukey-probe@", "ukey-report")}


def scenario_newer_database(guest):
    """As after a downgrade: the older program does not touch what it does not know, and says so."""
    service = Service(guest).prepare()
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


def scenario_remove_and_purge(guest):
    """Remove keeps the data; purge takes everything but what it says."""
    Service(guest).prepare()
    # What a restored backup replaced is kept beside the state, and purge takes that too.
    guest.run("systemctl stop ukeyd.service ukeyd-login.socket ukeyd-control.socket")
    guest.run(["ukeyctl", "state", "backup", "--output", "/root/state.backup"])
    guest.run(["ukeyctl", "state", "restore", "--replace", "/root/state.backup"])
    guest.run("test -e /var/lib/ukeyd.replaced-*/ukeyd.db && rm /root/state.backup")
    # Before the packages go: over all boots and all that was done to the service, no denied call ended a process.
    expect_equal(guest.run("journalctl --no-pager --quiet _PID=1 | grep status=31/SYS || :").stdout, "",
                 "processes that a denied system call ended")
    said = guest.run("dpkg --remove ukeyd ukey-pkcs11 2>&1", deadline_s=180).stdout
    expect_in("/var/lib/ukeyd", said, "what remove says of the data")
    guest.run("test -e /var/lib/ukeyd/ukeyd.db")
    expect_in("opensc-pkcs11.so", guest.run(["p11-kit", "list-modules"]).stdout, "p11-kit's modules after removal")
    said = guest.run("dpkg --purge ukeyd ukey-pkcs11 2>&1", deadline_s=180).stdout
    for part in ("/var/lib/ukeyd", "users ukeyd, ukey-probe and ukey-report"):
        expect_in(part, said, "what purge says")
    left = guest.run("find / -xdev \\( -name '*ukey*' -o -name '*u-key*' \\) -not -path '/proc/*' -not -path '/var/tmp/*'"
                     " -not -path '/opt/*' -not -path '/sys/*' -not -path '/var/log/*' -prune").stdout.split()
    expect_equal(set(left) - LEFT_BY_PURGE, set(), "files that purge leaves")
