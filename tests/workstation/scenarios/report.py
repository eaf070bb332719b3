# SPDX-License-Identifier: Apache-2.0
"""The files at the end of a month: the timer, its service, and what that service may write to."""

from expect import expect_equal, expect_in
from service import CONFIGURATION, Service

OWN = "/var/lib/ukey-report"
SHARED = "/srv/ukey-reports"
# Not a place that the unit names, whoever owns it.
ELSEWHERE = "/opt/ukey-reports"
KINDS = ("bundle", "html", "xlsx")


def export(guest, folder, check=True):
    """The timer's service, with that folder in the configuration; the journal of this run."""
    guest.run(["sed", "-i", "/^\\[report\\]$/,$d", CONFIGURATION])
    if folder:
        guest.run(f"printf '[report]\\nfolder = \"{folder}\"\\n' >>{CONFIGURATION}")
    guest.run("systemctl reset-failed ukey-report.service", check=False)
    done = guest.run("systemctl start ukey-report.service", check=False, deadline_s=180)
    said = guest.run("journalctl --no-pager --quiet _SYSTEMD_INVOCATION_ID="
                     "$(systemctl show --property=InvocationID --value ukey-report.service)").stdout
    if check:
        expect_equal(done.returncode, 0, f"the service's outcome; it said: {said}")
    return done.returncode, said


def files(guest, folder):
    """{kind: 'owner:group mode'}"""
    lines = guest.run(f"stat --format='%U:%G %a %n' {folder}/*", check=False).stdout.splitlines()
    return {line.rsplit(".", 1)[-1]: " ".join(line.split()[:2]) for line in lines}


def scenario_end_of_month(guest):
    """Spreadsheet, page and bundle of the month that has ended, for the group and nobody else; the second run changes
    nothing."""
    service = Service(guest).prepare()
    expect_equal(guest.run("systemctl is-active ukey-report.timer").stdout.strip(), "active", "the timer")
    export(guest, None)
    expect_equal(files(guest, OWN), {}, "files when no folder is configured")
    export(guest, OWN)
    expect_equal(files(guest, OWN), dict.fromkeys(KINDS, "ukey-report:ukey 640"), "the files in its own folder")
    bundle = guest.run(f"ls {OWN}/*.bundle").stdout.strip()
    expect_equal(service.ask("audit", "verify", bundle)["holds"], True, "the bundle holds")
    before = guest.run(f"sha256sum {OWN}/*").stdout
    export(guest, OWN)
    expect_equal(guest.run(f"sha256sum {OWN}/*").stdout, before, "the files after a second run")


def scenario_other_folders(guest):
    """A shared folder that is the service's user's to write to; one that it may not write to; and one it must not."""
    Service(guest).prepare()
    guest.run(f"install -d -o ukey-report -g ukey -m 0750 {SHARED} {ELSEWHERE}")
    export(guest, SHARED)
    expect_equal(set(files(guest, SHARED)), set(KINDS), "the files in a shared folder")
    guest.run(f"rm -r {SHARED}; install -d -m 0755 {SHARED}")
    for folder in (SHARED, ELSEWHERE):
        code, said = export(guest, folder, check=False)
        expect_equal(code, 1, f"the outcome with {folder}")
        expect_in(folder, said, "what the journal says")
        expect_equal(files(guest, folder), {}, f"files in {folder}")
    export(guest, None)
    guest.run(f"rm -r {SHARED} {ELSEWHERE}")
