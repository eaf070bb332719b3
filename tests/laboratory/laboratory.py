# SPDX-License-Identifier: Apache-2.0
"""A workstation on which anything can be broken: an invented USB bus with a virtual U-Key behind one of its devices.

The bus is umockdev's, the reader and the card are vpcd's: pcscd, OpenSC, ukeyd, ukey-probe and ukeyctl are real. What
joins the two is the reader's name, which is that of the device, as it is with libccid.
"""

import glob
import json
import os
import shutil
import subprocess
import time

from workstation import BUILD, DEADLINE_S, Failed, Workstation, program, wait_until  # noqa: F401  (for the faults)

COMMITTEE = "中共重庆市涪陵区测试街道工作委员会"
BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
OTHER_BRANCH = "中共重庆市涪陵区测试街道社区支部委员会"
COMMITTEE_CODE, BRANCH_CODE, OTHER_CODE = "500102000000", "500102000001", "500102000002"

HERE_CONFIGURATION = """return.recipient = "某某科技有限公司售后服务部"
return.phone = "023-12345678"
return.address = "重庆市涪陵区某某路 1 号"
"""

CCID, HID, STORAGE, VENDOR_CLASS = "0b", "03", "08", "ff"
FEITIAN = ("096e", "0807")
PORT = "1-1"
NOBODY = 65534
HERE, ELSEWHERE = "1" * 32, "2" * 32  # machine ids


class Laboratory(Workstation):
    """Usually with a U-Key that is in order: bound, certified, its PIN changed, in port 1-1."""

    reader_name = "Feitian ePass2003"

    def __init__(self):
        super().__init__()
        self.root = None
        self.card = None
        self.wrapper = []
        self.pins_sent = 0
        self.diagnosing = self.ukeyctl_command()

    # The parts -------------------------------------------------------------------------------------------------------

    def start_on_bus(self, **options):
        """ukeyd on an empty bus with one root hub."""
        self.start_ukeyd(wrapper=("umockdev-wrapper", program("usb_stage"), "--"), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, **options)
        self.root = self.tell("root")
        os.chmod(self.root, 0o755)
        self.make_root_hub()
        self.kernel_log()

    def tell(self, command):
        self.ukeyd.stdin.write(command.encode() + b"\n")
        self.ukeyd.stdin.flush()
        answer = self.ukeyd.stdout.readline().decode().strip()
        if answer.startswith("error"):
            raise Failed(f"{command}: {answer}")
        return answer

    def service_pid(self):
        return int(self.tell("pid"))

    def make_root_hub(self):
        self.set_attribute("usb1", "idVendor", "1d6b")
        self.set_attribute("usb1", "idProduct", "0002")

    def sysfs(self, port):
        """The device's folder."""
        return os.path.join(self.root, "sys/devices/pci0000:00/0000:00:14.0", port if port == "usb1" else f"usb1/{port}")

    def set_attribute(self, port, name, value):
        path = os.path.join(self.sysfs(port), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(value + "\n")

    def node(self, port=PORT):
        with open(os.path.join(self.sysfs(port), "devnum"), encoding="ascii") as file:
            return os.path.join(self.root, f"dev/bus/usb/001/{int(file.read()):03}")

    def add_device(self, port=PORT, ids=FEITIAN, classes=CCID, strings="Feitian;ePass2003;0001", drivers=None):
        """As libusb and sysfs show one; a driver of an interface is a name or nothing."""
        answer = self.tell(f"add {port} {ids[0]} {ids[1]} {classes} {strings}")
        if answer != "ok":
            raise Failed(answer)
        self.set_attribute(port, "idVendor", ids[0])
        self.set_attribute(port, "idProduct", ids[1])
        for number, one in enumerate(classes.split(",")):
            self.set_attribute(port, f"{port}:1.{number}/bInterfaceClass", one)
            if drivers and drivers[number]:
                os.symlink(f"/sys/bus/usb/drivers/{drivers[number]}",
                           os.path.join(self.sysfs(port), f"{port}:1.{number}/driver"))

    def add_hub(self, port="1-1"):
        self.add_device(port, ids=("05e3", "0608"), classes="09", strings="Genesys;Hub;", drivers=["hub"])

    def kernel_log(self, *messages):
        """What /dev/kmsg has, all of it said just now; 4096 bytes a record at most, as the kernel's."""
        now_us = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
        with open(os.path.join(self.root, "dev/kmsg"), "w", encoding="utf-8") as file:
            for number, message in enumerate(messages):
                file.write(f"6,{1000 + number},{now_us},-;{message}\n SUBSYSTEM=usb\n")

    def issue_card(self, *options, name=BRANCH, inserted=True):
        self.card = self.make_key("card", name, *options, inserted=inserted)

    def begin(self, *options, configuration="", trust=True, device=True, inserted=True, name=BRANCH, environment=None,
              prepare=lambda: None, **configure):
        """pcscd, a card, ukeyd, the registry, and the device on the bus; the key is not bound yet. `prepare` is called when
        there are a card and a CA."""
        self.start_pcscd()
        self.issue_card(*options, name=name, inserted=inserted)
        prepare()
        self.configure(extra="usb.token_wait_ms = 50\n" + configuration, trust=trust, **configure)
        self.start_on_bus(environment=environment)
        if device:
            self.add_device()
        self.import_organisations((COMMITTEE_CODE, [COMMITTEE]), (BRANCH_CODE, [COMMITTEE, BRANCH]),
                                  (OTHER_CODE, [COMMITTEE, OTHER_BRANCH]))

    def bind(self, code=BRANCH_CODE, port=PORT):
        """Binds the key once it is joined to its device."""
        key, = self.await_keys(1)
        self.ukeyctl("key", "bind", key["key"], code)
        wait_until(lambda: self.key(key["key"])["usb_port"] == port, "the key is at its port")
        return key["key"]

    def key_in_order(self, *options, **more):
        self.begin(*options, **more)
        return self.bind()

    def await_device_finding(self, code, port=PORT):
        wait_until(lambda: [f for d in self.ask("status")["usb"]["devices"] if d["port"] == port
                            for f in d["findings"] if f["code"] == code], code)

    # The diagnosis ---------------------------------------------------------------------------------------------------

    def on_computer(self, machine_id):
        """Diagnoses from now on are of a computer with this /etc/machine-id and host name (of namespaces of its own)."""
        path = self.write(f"machine-id-{machine_id}", machine_id + "\n")
        self.wrapper = ["unshare", "--mount", "--uts", "sh", "-c",
                        f'mount --bind {path} /etc/machine-id && hostname pc-{machine_id[:4]} && exec "$@"', "sh"]

    def as_nobody(self):
        """Diagnoses from now on are asked for by a user without any rights, who may not see the build's folder."""
        for folder, _, files in os.walk(os.path.join(self.root, "ioctl")):  # umockdev's own sockets
            for name in ["", *files]:
                os.chmod(os.path.join(folder, name), 0o777)
        self.diagnosing = [shutil.copy(program("ukeyctl"), self.path("ukeyctl")), *self.diagnosing[1:]]
        self.wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def diagnose(self, *arguments, environment=None, **options):
        """Everything that `ukeyctl --json diagnose` says."""
        environment = dict(environment or {})
        preload = glob.glob("/usr/lib/*/libumockdev-preload.so.0") + [environment.pop("LD_PRELOAD", "")]
        done = self.run(*self.wrapper, *self.diagnosing, "--json", "diagnose", *arguments, check=False,
                        env={"LD_PRELOAD": " ".join(preload), "UMOCKDEV_DIR": self.root or self.path("absent"),
                             **environment}, **options)
        if done.returncode not in (0, 1):
            raise Failed(f"diagnose: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)["diagnoses"]

    def diagnosis(self, *arguments, **options):
        """The only one."""
        diagnosis, = self.diagnose(*arguments, **options)
        return diagnosis

    def leave_the_bus_to_ukeyctl(self):
        """The person's own probe has no business with the bus; with umockdev's library in it OpenSC's module hangs now and
        then, in a thread of its notifications. ukeyctl starts the probe that is beside it."""
        folder = self.path("build/tools")
        if not os.path.isdir(folder):
            os.makedirs(folder)
            os.makedirs(self.path("build/daemon/probe"))
            shutil.copy(program("ukeyctl"), folder)
            probe = self.write("build/daemon/probe/ukey-probe",
                               f'#!/bin/sh\nunset LD_PRELOAD UMOCKDEV_DIR\nexec {program("ukey-probe")} "$@"\n')
            os.chmod(probe, 0o755)
        self.diagnosing = [os.path.join(folder, "ukeyctl"), *self.diagnosing[1:]]

    def self_test(self, *arguments, pin="123456", spent=1):
        """The diagnosis with a signature; `spent` PINs are expected to reach the card."""
        self.leave_the_bus_to_ukeyctl()
        self.pins_sent = spent
        reading, writing = os.pipe()
        os.write(writing, pin.encode() + b"\n")
        os.close(writing)
        try:
            return self.diagnosis("--self-test", "--pin-fd", str(reading), *arguments, pass_fds=(reading,))
        finally:
            os.close(reading)

    def diagnosis_with(self, *evidence):
        """The only one, judged together with earlier ones: {"computer", "time", "evidence"} each."""
        path = self.write("with.json", json.dumps({"format": "ukey-diagnosis-v1", "diagnoses": list(evidence)}))
        return self.diagnosis("--previous", path)

    def save_elsewhere(self, *arguments):
        """A diagnosis of a second computer, in a file; those from now on are of the first one."""
        self.on_computer(ELSEWHERE)
        path = self.save("elsewhere.json", *arguments)
        self.on_computer(HERE)
        return path

    def save(self, name, *arguments):
        """A diagnosis in a file, for another one to be judged with."""
        path = self.path(name)
        self.diagnose("--output", path, *arguments)
        return path
