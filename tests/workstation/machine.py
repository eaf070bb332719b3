# SPDX-License-Identifier: Apache-2.0
"""The emulated computer: one QEMU process on a disk that outlives it.

All sockets between QEMU and us are made here and handed to it, so that nobody waits for a file to appear.
"""

import os
import re
import socket
import subprocess

from expect import DEADLINE_S, Failed
from qmp import Qmp

BOOT_DEADLINE_S = 180  # a boot takes some 20 s; this is for a host that does much else
# Of no use here, and each of them costs an emulated boot time: hardening of the kernel itself, its self-tests, and
# drivers of hardware that QEMU has and no scenario looks at.
UNWANTED_DRIVERS = ("acpi_cpufreq", "aesni_intel", "ahci", "crc32_pclmul", "crct10dif_pclmul", "cryptd", "crypto_simd",
                    "evdev", "ghash_clmulni_intel", "i2c_i801", "iTCO_wdt", "intel_agp", "intel_gtt", "joydev", "kvm",
                    "kvm_amd", "libata", "lpc_ich", "parport_pc", "pcspkr", "powernow_k8", "psmouse", "qemu_fw_cfg",
                    "serio_raw", "sha512_ssse3")
KERNEL_COMMAND_LINE = ("root=/dev/vda rw console=ttyS0 loglevel=5 mitigations=off no_timer_check tsc=reliable "
                       "systemd.show_status=no random.trust_cpu=on no_console_suspend net.ifnames=0 "
                       "init_on_alloc=0 hardened_usercopy=off nokaslr randomize_kstack_offset=off cryptomgr.notests "
                       f"rcupdate.rcu_expedited=1 modprobe.blacklist={','.join(UNWANTED_DRIVERS)}")


class Port:
    """Our end of a virtio port: lines that the guest writes."""

    def __init__(self, name):
        self.name = name
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(BOOT_DEADLINE_S)
        self.reader = self.ours.makefile(encoding="utf-8")

    def wait_line(self, what):
        try:
            line = self.reader.readline()
        except TimeoutError:
            raise Failed(f"not within {BOOT_DEADLINE_S} s: {what}") from None
        if not line:
            raise Failed(f"the guest went away before: {what}")
        return line.strip()

    def close(self):
        self.reader.close()
        self.ours.close()


class Machine:
    """A running QEMU, its processors stopped until `go`."""

    def __init__(self, image, disk, folder, can_sleep=False):
        ours, theirs = socket.socketpair()
        self.ports = {name: Port(name) for name in ("guest.ready", "guest.seat")}
        inherited = [theirs, *(port.theirs for port in self.ports.values())]
        with open(os.path.join(folder, "qemu.log"), "ab") as log:
            self.process = subprocess.Popen(
                self._command(image, disk, folder, can_sleep, theirs.fileno()), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[end.fileno() for end in inherited])
        for end in inherited:
            end.close()
        self.qmp = Qmp(ours, DEADLINE_S)
        self.ssh_port = self._forwarded_port()

    def _command(self, image, disk, folder, can_sleep, qmp_descriptor):
        # A kernel that was started by its PVH entry resets the machine when it is to wake up from S3.
        kernel = image.compressed_kernel if can_sleep else image.kernel
        ports = []
        for name, port in self.ports.items():
            ports += ["-chardev", f"socket,id={name},fd={port.theirs.fileno()}",
                      "-device", f"virtserialport,chardev={name},name={name}"]
        # A compressed kernel turns on la57, with which mounts failed here and there. Nothing in the guest runs machines
        # of its own (svm).
        return [
            "qemu-system-x86_64", "-name", "ukey-workstation", "-nodefaults", "-no-user-config", "-S",
            "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,svm=off,la57=off",
            "-smp", "2", "-m", "1024",
            "-global", "ICH9-LPC.disable_s3=0", "-display", "none",
            "-kernel", kernel, "-initrd", image.initrd, "-append", KERNEL_COMMAND_LINE,
            "-drive", f"if=none,id=disk,file={disk},format=qcow2,discard=unmap",
            "-device", "virtio-blk-pci,drive=disk",
            # Port 0: the kernel picks a free one, and QEMU says which.
            "-netdev", "user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci", *ports,
            "-device", "qemu-xhci,id=usb,p2=8,p3=8",
            # Appended: what was said before a power cut is to be read too.
            "-chardev", f"file,id=console,path={os.path.join(folder, 'console.log')},append=on",
            "-serial", "chardev:console",
            "-chardev", f"socket,id=qmp,fd={qmp_descriptor}", "-mon", "chardev=qmp,mode=control"]

    def _forwarded_port(self):
        table = self.qmp.monitor("info usernet")
        found = re.search(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)", table)
        if not found:
            raise Failed(f"QEMU forwards no port:\n{table}")
        return int(found[1])

    def go(self):
        self.qmp.execute("cont")

    def wait_shutdown(self):
        try:
            self.process.wait(BOOT_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"not within {BOOT_DEADLINE_S} s: the guest's shutdown") from None

    def kill(self):
        """What a power cut does: whatever the guest had not yet written to its disk is gone."""
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.qmp.close()
        for port in self.ports.values():
            port.close()
