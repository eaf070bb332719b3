# SPDX-License-Identifier: Apache-2.0
"""ukeyd in the guest, as a person at ukeyctl sees it."""

import json
import os

from expect import Failed, Skipped, wait_until

CONFIGURATION = "/etc/ukeyd/ukeyd.toml"
TRUST = "/etc/ukeyd/trust"
FILTER = "/usr/lib/x86_64-linux-gnu/pkcs11/ukey-pkcs11.so"
P11_KIT_PROXY = "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so"
UNITS = ("ukeyd.service", "ukey-probe@opensc.service")

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
# Short enough for a token's label of 32 bytes, which the tools choose a token by.
BRANCH = "涪陵区机关支部"
TWIN = "涪陵区第二支部"
STRANGER = "涪陵区某某支部"
REGISTRY = f"""隶属关系,组织代码,类别,考核单位,应配UK,手机终端,代为履行,管理员姓名,联系手机
{COMMITTEE},500102000000,党委,01,是,否,,张三,13800000001
{COMMITTEE} - {BRANCH},500102000001,支部,01,是,否,,李四,13800000002
{COMMITTEE} - {TWIN},500102000002,支部,01,是,否,,王五,13800000003
"""
BRANCH_CODE = "500102000001"
TWIN_CODE = "500102000002"

# A system call that the unit denies ends the process, so that no denied one goes unseen.
DENIED_CALLS_KILL = "[Service]\nSystemCallErrorNumber=kill\n"
# The default, 200 ms, is for processors that are not emulated: a login that the service acknowledges later than that is
# told again with the next call, and lost if the power fails before.
FILTER_WAITS = "wait_ms = 10000"


class Service:
    """The installed service, with the guest's CA trusted and the registry imported."""

    def __init__(self, guest):
        self.guest = guest
        if guest.run(["test", "-e", CONFIGURATION], check=False).returncode != 0:
            raise Skipped("the packages are not installed in the guest (--install)")

    def prepare(self):
        """Once per disk."""
        if self.guest.run(["test", "-e", TRUST + "/root.pem"], check=False).returncode == 0:
            return self
        for unit in ("ukeyd.service", "ukey-probe@.service", "ukey-report.service"):
            self.guest.run(["mkdir", "-p", f"/etc/systemd/system/{unit}.d"])
            self.guest.write(f"/etc/systemd/system/{unit}.d/denied-calls-kill.conf", DENIED_CALLS_KILL)
        for name in ("root.pem", "intermediate.pem", "crl.pem", "root_crl.pem"):
            self.guest.put(os.path.join(self.guest.ca().folder, name), f"{TRUST}/{name}")
        self.guest.run(f"echo {FILTER_WAITS} >>/etc/ukeyd/pkcs11.conf")
        self.guest.write("/root/registry.csv", REGISTRY)
        self.guest.run("systemctl daemon-reload && systemctl restart ukeyd.service")
        self.ask("org", "import", "/root/registry.csv")
        return self

    def ask(self, *arguments, user=None, check=True):
        """`ukeyctl --json …`, decoded. With check=False errors come as {"error": …}."""
        done = self.guest.run(["ukeyctl", "--json", *arguments], user=user, check=False)
        if check and done.returncode not in (0, 1):
            raise Failed(str(done))
        return json.loads(done.stdout or done.stderr)

    def watch(self):
        """A Stream of the events, each a line of JSON; begun when it returns."""
        stream = self.guest.follow(["ukeyctl", "--json", "watch"])
        stream.wait('"watching"', "the service is being watched")
        return stream

    def keys(self):
        return self.ask("key", "list")["keys"]

    def plug(self, card, watch):
        """Plugs a card in; its key once the service has judged it."""
        mark = watch.mark()
        self.guest.plug_card(card)
        return json.loads(watch.wait('"type":"key.inserted"', "the key is in", mark))["key"]

    def unplug(self, card, watch):
        mark = watch.mark()
        self.guest.unplug_card(card)
        watch.wait('"type":"key.removed"', "the key is out", mark)

    def sessions(self, *filters, user=None):
        return self.ask("session", "list", *filters, user=user)["sessions"]

    def met(self, month):
        """The codes of the organisations that met the login criterion."""
        rows = self.ask("report", "month", month)["rows"]
        return {row["organisation"]["code"] for row in rows if row["status"] == "met"}

    def records(self, kind):
        """The payloads of that kind, in order, with what they refer to."""
        records = self.ask("audit", "export", "--format", "json")["records"]
        return [json.loads((record["personal"] or {"value": "{}"})["value"]) | json.loads(record["payload"])
                for record in records if record["kind"] == kind]

    def verify(self):
        verdict = self.ask("audit", "verify")
        if not verdict["intact"]:
            raise Failed(f"the ledger: {verdict}")
        return verdict["records"]

    def main_pid(self, unit="ukeyd.service"):
        return int(self.guest.run(["systemctl", "show", "--property=MainPID", "--value", unit]).stdout)

    def await_answer(self):
        wait_until(lambda: "daemon" in self.ask("status", check=False), "the service answers")

    def await_keys(self, count):
        return wait_until(lambda: (keys := self.keys()) is not None and len(keys) == count and (keys or True),
                          f"{count} keys are in")

    def configure(self, mode):
        """Another mode, by the administrator's way: edit, reload."""
        text = self.guest.read(CONFIGURATION).decode()
        lines = [f'mode = "{mode}"' if line.startswith("mode = ") else line for line in text.splitlines()]
        self.guest.write(CONFIGURATION, "\n".join(lines) + "\n")
        self.guest.run("systemctl reload ukeyd.service")
