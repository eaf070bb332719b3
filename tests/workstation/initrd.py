# SPDX-License-Identifier: Apache-2.0
"""The guest's initrd: busybox and the modules that find and mount a virtio disk with ext4, and nothing else.

Debian's own would look for every way to have a root file system, which takes an emulated machine seconds.
"""

import os
import stat

MODULES = ("virtio_pci", "virtio_blk", "ext4")
# The generic ext4.ko finds its checksum by name at mount time, so modules.dep does not list it.
SOFT_MODULES = ("crc32c_generic",)

INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules); do /bin/busybox insmod "/$module"; done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox sh
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init "$@"
"""


class CpioArchive:
    """The `newc` format, which the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.parts = []
        self.next_inode = 1

    def _add(self, name, mode, data=b"", device=(0, 0)):
        name_bytes = name.encode() + b"\0"
        fields = (self.next_inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name_bytes), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self.next_inode += 1
        for part in (header + name_bytes, data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def folder(self, name):
        self._add(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self._add(name, stat.S_IFREG | mode, data)

    def character_device(self, name, major, minor):
        self._add(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def encode(self):
        self._add("TRAILER!!!", 0)
        return b"".join(self.parts)


def load_order(modules_folder, wanted):
    """Paths of the modules below `modules_folder`, each after those that it needs."""
    needs = {}
    with open(os.path.join(modules_folder, "modules.dep"), encoding="utf-8") as file:
        for line in file:
            path, _, dependencies = line.partition(":")
            needs[path] = dependencies.split()
    by_name = {os.path.basename(path).split(".")[0].replace("-", "_"): path for path in needs}
    order = []

    def add(path):
        # depmod lists what a module needs in the opposite order of loading.
        for dependency in reversed(needs[path]):
            if dependency not in order:
                order.append(dependency)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in by_name:  # else it is built into the kernel
            add(by_name[name])
    return order


def make_initrd(root, kernel_release):
    """The archive's bytes, from a root file system in the folder `root`."""
    modules_folder = os.path.join(root, "lib/modules", kernel_release)
    modules = load_order(modules_folder, SOFT_MODULES + MODULES)
    archive = CpioArchive()
    for folder in ("bin", "dev", "root"):
        archive.folder(folder)
    archive.character_device("dev/console", 5, 1)  # the kernel opens it before /init runs
    with open(os.path.join(root, "bin/busybox"), "rb") as file:
        archive.file("bin/busybox", file.read(), 0o755)
    for path in modules:
        with open(os.path.join(modules_folder, path), "rb") as file:
            archive.file(os.path.basename(path), file.read())
    archive.file("modules", "\n".join(map(os.path.basename, modules)).encode())
    archive.file("init", INIT.encode(), 0o755)
    return archive.encode()
