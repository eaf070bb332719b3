# SPDX-License-Identifier: Apache-2.0
"""The people of the workstation, and the sessions that they have."""

from expect import expect, expect_equal, expect_in


def scenario_seat(guest):
    """The seat's user has an active session of seat0."""
    session = guest.run("loginctl show-seat seat0 --property=ActiveSession --value").stdout.strip()
    shown = guest.run(["loginctl", "show-session", session]).stdout
    for line in ("Name=seat", "Active=yes", "Remote=no"):
        expect_in(line, shown, "the session of seat0")


def scenario_remote_login(guest):
    """Another user logs in from afar: a session of logind, and none of the seat's devices."""
    session = guest.run("echo $XDG_SESSION_ID", user="other", login=True).stdout.strip()
    shown = guest.run(["loginctl", "show-session", session, "--property=Name", "--property=Remote"]).stdout
    for line in ("Name=other", "Remote=yes"):
        expect_in(line, shown, "the session of the user from afar")


def scenario_account_without_login(guest):
    """A process of an account without a login shell, which is in no group and no session."""
    shown = guest.run("id -un; id -Gn; echo ${XDG_SESSION_ID:-none}; getent passwd ghost | cut -d: -f7",
                      user="ghost").stdout
    expect_equal(shown.splitlines(), ["ghost", "users", "none", "/usr/sbin/nologin"], "the account without login")


def scenario_full_disk(guest):
    """A full disk refuses every write, and is as before afterwards."""
    with guest.full_disk():
        done = guest.run("head -c 100000 /dev/zero >/var/tmp/file", user="other", check=False)
        expect(done.returncode != 0, "a full disk took 100 kB more")
        expect_in("No space left on device", done.stderr, "what the write failed with")
    guest.run("head -c 100000 /dev/zero >/var/tmp/file && rm /var/tmp/file", user="other")
