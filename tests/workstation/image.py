# SPDX-License-Identifier: Apache-2.0
"""The guest's image: a Debian 12 root file system, its kernel and an initrd, kept until the recipe changes.

The recipe is this file, initrd.py, packages.txt, prepare_root and the files below root/; the cache is a folder named
after their hash in $UKEY_WORKSTATION_CACHE, build/workstation by default.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time

import initrd

HERE = os.path.dirname(os.path.realpath(__file__))
CACHE = os.environ.get("UKEY_WORKSTATION_CACHE", os.path.join(HERE, "../../build/workstation"))
SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# A machine that has booted before: else systemd's first-boot set-up would run at every start of a fresh overlay.
MACHINE_ID = "5aa0f9c1c62f4d0c9f6bd5f5c0a7e3d4"
DISK_SIZE_MIB = 2048  # sparse; about a quarter is used, and a scenario that fills the disk is to be quick
HOST_PROGRAMS = ("apt-get", "mmdebstrap", "mke2fs", "qemu-system-x86_64", "qemu-img", "ssh", "ssh-keygen")

# Drivers and documents that no scenario looks at are most of the megabytes.
UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*",
            *(f"/lib/modules/*/kernel/{folder}/*" for folder in (
                "sound", "net/wireless", "net/bluetooth", "drivers/accessibility", "drivers/bluetooth", "drivers/gpu",
                "drivers/iio", "drivers/infiniband", "drivers/isdn", "drivers/media", "drivers/mtd",
                "drivers/net/ethernet", "drivers/net/wireless", "drivers/staging", "drivers/video", "fs/btrfs", "fs/ocfs2",
                "fs/xfs")))


class Image:
    """The files to boot from, all read-only but for the private key, which ssh wants unreadable by others."""

    def __init__(self, folder):
        self.disk = os.path.join(folder, "disk.raw")
        self.kernel = os.path.join(folder, "vmlinux")
        self.compressed_kernel = os.path.join(folder, "vmlinuz")
        self.initrd = os.path.join(folder, "initrd")
        self.host_key = os.path.join(folder, "host_key")
        # Held as long as this process uses the image: see remove_stale.
        self.lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self.lock, fcntl.LOCK_SH)


class ImageError(Exception):
    """The image cannot be made; the message says what to do."""


@functools.cache
def prepare():
    """The image, made first if there is none of this recipe."""
    missing = [name for name in HOST_PROGRAMS if shutil.which(name) is None]
    if missing:
        raise ImageError(f"not installed: {', '.join(missing)}")
    os.makedirs(CACHE, exist_ok=True)
    folder = os.path.join(os.path.realpath(CACHE), recipe_hash())
    with open(os.path.join(CACHE, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(folder):
            remove_stale()
            build(folder)
        return Image(folder)


def recipe_hash():
    """Hashes names, modes and contents of everything that decides what the image holds."""
    names = [os.path.join(HERE, name) for name in ("image.py", "initrd.py", "packages.txt", "prepare_root")]
    names += sorted(name for name in glob.glob(os.path.join(HERE, "root/**"), recursive=True) if os.path.isfile(name))
    digest = hashlib.sha256()
    for name in names:
        with open(name, "rb") as file:
            content = file.read()
        digest.update(f"{os.path.relpath(name, HERE)} {os.stat(name).st_mode:o} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def remove_stale():
    """Images of other recipes that no process uses, and what was left by builds that were killed."""
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        if not os.path.isdir(path):
            continue
        descriptor = os.open(path, os.O_RDONLY)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        os.close(descriptor)


def say(message):
    print(f"workstation: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def timed(what):
    start = time.monotonic()
    say(f"{what} …")
    yield
    say(f"{what}: {time.monotonic() - start:.0f} s")


def build(folder):
    if os.geteuid() != 0:
        raise ImageError("the guest's image is made by root: its files belong to many users")
    partial = tempfile.mkdtemp(prefix="partial-", dir=os.path.realpath(CACHE))
    try:
        root = os.path.join(partial, "root")
        make_key(os.path.join(partial, "host_key"))
        with timed("making the root file system"):
            make_root(root, partial)
        with timed("making the disk image"):
            make_boot_files(root, partial)
            make_disk(root, os.path.join(partial, "disk.raw"))
        shutil.rmtree(root)
        os.chmod(partial, 0o755)
        os.rename(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def run(*command, **options):
    """A command whose output matters only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **options)
    if done.returncode != 0:
        raise ImageError(f"{command[0]}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def make_key(path):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "host", "-f", path)


def debian_sources():
    """The host's own sources of Debian 12, as lines of a sources.list."""
    listed = run("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(CODENAME) $(COMPONENT)",
                 "Created-By: Packages")
    lines = []
    for target in sorted(set(listed.splitlines())):
        origin, uri, codename, component = target.split()
        if origin == "Debian" and codename.startswith(SUITE) and component == "main":
            lines.append(f"deb [signed-by={KEYRING}] {uri} {codename} {component}")
    if not any(f" {SUITE} main" in line for line in lines):
        raise ImageError(f"apt on this host has no source of Debian {SUITE}; run apt-get update, or add one")
    return lines


def apt_options():
    """The host's settings of how to reach its sources: proxies, and what it thinks of their dates."""
    settings = run("apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http", "Acquire::https",
                   "Acquire::Check-Valid-Until", "Acquire::Check-Date")
    return [f"--aptopt={line}" for line in settings.splitlines() if not line.endswith(' "";')]


def package_names():
    with open(os.path.join(HERE, "packages.txt"), encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def make_root(root, partial):
    sources = os.path.join(partial, "sources.list")
    with open(sources, "w", encoding="utf-8") as file:
        file.write("\n".join(debian_sources()) + "\n")
    key = os.path.join(partial, "host_key.pub")
    run("mmdebstrap", "--mode=root", "--variant=apt", "--include=" + ",".join(package_names()),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNWANTED), *apt_options(),
        # Whoever has checked this out, and whatever their umask, the files are root's.
        f"--customize-hook=tar -cC {HERE}/root --owner=0 --group=0 --mode=u=rwX,go=rX . |"
        ' tar -xC "$1" --no-overwrite-dir',
        f"--customize-hook=upload {key} /root/host_key.pub",
        f"--customize-hook=upload {HERE}/prepare_root /prepare_root",
        '--customize-hook=chroot "$1" /bin/sh /prepare_root',
        '--customize-hook=rm "$1/prepare_root"',
        SUITE, root, sources,
        # The kernel's package would have Debian's initrd made, which is not used.
        env=dict(os.environ, INITRD="No", LC_ALL="C.UTF-8"), stdin=subprocess.DEVNULL)
    os.remove(sources)
    # mmdebstrap's clean-up, which comes after all hooks, has emptied it.
    with open(os.path.join(root, "etc/machine-id"), "w", encoding="ascii") as file:
        file.write(MACHINE_ID + "\n")


def make_boot_files(root, folder):
    compressed, = glob.glob(os.path.join(root, "boot/vmlinuz-*"))
    shutil.copy(compressed, os.path.join(folder, "vmlinuz"))
    with open(compressed, "rb") as file:
        kernel = uncompressed_kernel(file.read())
    with open(os.path.join(folder, "vmlinux"), "wb") as file:
        file.write(kernel)
    release = os.path.basename(compressed).removeprefix("vmlinuz-")
    with open(os.path.join(folder, "initrd"), "wb") as file:
        file.write(initrd.make_initrd(root, release))


def uncompressed_kernel(bzimage):
    """The ELF file in a bzImage, which QEMU starts by its PVH entry: an emulated CPU takes 4 s to decompress it."""
    start = bzimage.find(lzma_magic := b"\xfd7zXZ\0")
    if start < 0:
        raise ImageError(f"the kernel is not compressed by xz: no {lzma_magic!r} in it")
    return lzma.LZMADecompressor().decompress(bzimage[start:])


def make_disk(root, path):
    run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "workstation", "-d", root, "-E", "lazy_itable_init=0,nodiscard",
        path, f"{DISK_SIZE_MIB}M")
    os.chmod(path, 0o444)


if __name__ == "__main__":
    try:
        print(prepare().disk)
    except ImageError as error:
        sys.exit(f"workstation: {error}")
