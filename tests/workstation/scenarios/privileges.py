# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the people of the computer, and the service's own users."""

from expect import expect, expect_equal
from opensc import sign
from service import BRANCH, FILTER, TWIN_CODE, UNITS, Service

# What each user's request is answered with; "" is no error. Requests in order of the privilege that they need.
REQUESTS = {
    "status": ["status"],
    "key list": ["key", "list"],
    "org list": ["org", "list"],
    "audit verify": ["audit", "verify"],
    "key bind": ["key", "bind", "nothing", TWIN_CODE],
    "config reload": ["config", "reload"],
}
REFUSED = "control.refused"
ANSWERS = {
    #            status  key list  org list  audit verify  key bind         config reload
    None:       ("",     "",       "",       "",           "key.not_found", ""),
    "operator": ("",     "",       "",       "",           REFUSED,         REFUSED),
    "seat":     ("",     "",       "",       REFUSED,      REFUSED,         REFUSED),
    "other":    ("",     "",       "",       REFUSED,      REFUSED,         REFUSED),
    "ghost":    ("",     "",       "",       REFUSED,      REFUSED,         REFUSED),
}


def scenario_table(guest):
    """root, a member of `ukey`, the seat's user, another user and an account without login: a table of answers."""
    service = Service(guest).prepare()
    guest.run("usermod --append --groups ukey operator")
    for user, wanted in ANSWERS.items():
        answers = tuple(service.ask(*request, user=user, check=False).get("error", {}).get("code", "")
                        for request in REQUESTS.values())
        expect_equal(answers, wanted, f"{user or 'root'}: {', '.join(REQUESTS)}")


def scenario_own_sessions(guest):
    """Everyone sees their own sessions only; root and members of `ukey` see all."""
    service = Service(guest).prepare()
    guest.run("usermod --append --groups ukey operator")
    card = guest.make_card("sessions", BRANCH)
    watch = service.watch()
    key = service.plug(card, watch)["key"]
    for user in ("seat", "other"):
        sign(guest, BRANCH, user=user, module=FILTER)
    seen = {user or "root": {session["uid"] for session in service.sessions("--key", key, user=user)}
            for user in (None, "operator", "seat", "other", "ghost")}
    expect_equal(seen, {"root": {1000, 1002}, "operator": {1000, 1002}, "seat": {1000}, "other": {1002},
                        "ghost": set()}, "whose sessions each sees")
    service.unplug(card, watch)


def scenario_no_capability(guest):
    """ukeyd and its worker run as users of their own, without any capability."""
    service = Service(guest).prepare()
    users = []
    for unit in UNITS:
        pid = service.main_pid(unit)
        status = dict(line.split(":\t", 1) for line in guest.run(["cat", f"/proc/{pid}/status"]).stdout.splitlines()
                      if ":\t" in line)
        users.append(guest.run(["id", "-un", status["Uid"].split()[0]]).stdout.strip())
        sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        expect_equal(set(sets.values()), {0}, f"the capabilities of {unit}: {sets}")
        expect_equal(status["NoNewPrivs"], "1", f"{unit}: no new privileges")
    expect_equal(users, ["ukeyd", "ukey-probe"], "the users of the two")


def as_unit(guest, service, unit, command):
    """A command as that unit's process sees the files, with its user and groups."""
    user = {"ukeyd.service": "ukeyd"}.get(unit, "ukey-probe")
    return guest.run(["nsenter", f"--target={service.main_pid(unit)}", "--mount", "setpriv", f"--reuid={user}",
                      f"--regid={user}", "--init-groups", "--no-new-privs", "--bounding-set=-all", "sh", "-c", command],
                     check=False)


def scenario_worker_is_kept_apart(guest):
    """The worker's user cannot read the database or look into ukeyd, and ukeyd cannot open a USB device."""
    service = Service(guest).prepare()
    card = guest.make_card("apart", BRANCH)
    watch = service.watch()
    service.plug(card, watch)
    probe, ukeyd = UNITS[1], UNITS[0]
    pid = service.main_pid()
    for command in ("cat /var/lib/ukeyd/ukeyd.db", "ls /var/lib/ukeyd", "ls /run/ukeyd"):
        done = as_unit(guest, service, probe, command)
        expect(done.returncode != 0, f"the worker's user may: {command}")
    for command in (f"cat /proc/{pid}/environ", f"head -c 1 /proc/{pid}/mem"):
        expect(guest.run(command, user="ukey-probe", check=False).returncode != 0, f"ukey-probe may: {command}")
    expect(guest.run(["strace", "-p", str(pid), "-o", "/dev/null"], user="ukey-probe", check=False,
                     deadline_s=20).returncode != 0, "ukey-probe may ptrace ukeyd")
    done = as_unit(guest, service, ukeyd, "for node in /dev/bus/usb/*/*; do [ -e $node ] && exec 3<>$node && exit 0; done; exit 1")
    expect(done.returncode != 0, "ukeyd may open a USB device for writing")
    expect(as_unit(guest, service, ukeyd, "cat /var/lib/ukeyd/ukeyd.db").returncode == 0, "the check itself is wrong")
    service.unplug(card, watch)
