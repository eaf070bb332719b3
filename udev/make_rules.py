#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the table of known USB devices, and makes from it what udev reads.

    make_rules.py --csv usb_keys.csv --hwdb 60-ukey.hwdb --rules 70-ukey.rules --power-rules 93-ukey-power.rules
    make_rules.py --check usb_keys.csv

The hardware database says what a device is; the rules say what becomes of it. Nothing is written from a table that has a
problem; each problem is a line FILE:LINE: TEXT on standard error. Exit codes: 0 done, 1 the table has problems, 2 usage.
The columns are described in docs/formats/usb-keys-csv.md.
"""

import argparse
import csv
import os
import re
import string
import sys
from typing import NamedTuple

# The group whose members may open a key without sitting at the computer: the user of ukey-probe, and whom the
# administrator adds. It is not `ukey`: that one is a privilege over the service, which a vendor's module must not get.
DEVICE_GROUP = "ukey-device"

COLUMNS = ("vendor_id", "product_id", "vendor", "product", "transport", "role", "middleware", "certain", "source")

# How a device shows itself on the bus, and whether the way to a U-Key of that kind may lead through a hidraw node.
# Those of a `ccid` key are other functions of the same device (one-time passwords, FIDO) and not ours to open.
TRANSPORT_USES_HIDRAW = {
    "ccid": False,
    "hid": True,
    "mass_storage": False,
    "vendor": False,
    "unknown": True,
}

# What a device is, and whether it is a U-Key: only those are touched.
ROLE_IS_UKEY = {
    "ukey": True,
    "reader": False,
    "fido": False,
    "bank": False,
    "dongle": False,
}

CERTAIN = ("yes", "no")

USB_ID = re.compile(r"[0-9a-f]{4}")

# In a hwdb file `#` begins a comment anywhere in a line; quotes and backslashes mean something in udev's own exports.
NOT_IN_A_NAME = '#"\\'


class Row(NamedTuple):
    """One device, and the line of the file that it is on."""

    line: int
    vendor_id: str
    product_id: str
    vendor: str
    product: str
    transport: str
    role: str
    middleware: str
    certain: str
    source: str

    @property
    def usb_id(self):
        """As lsusb writes it."""
        return f"{self.vendor_id}:{self.product_id}"


class Problem(NamedTuple):
    line: int
    text: str


# The table ----------------------------------------------------------------------------------------------------------


def read_table(content):
    """The rows and the problems of a file's bytes. A row that cannot be taken apart is only a problem."""
    rows, problems = [], []
    lines = content.split(b"\n")
    if lines.pop() != b"":
        problems.append(Problem(len(lines) + 1, "the last line has no line end"))
    if not lines or lines[0] != ",".join(COLUMNS).encode():
        problems.append(Problem(1, "the first line must be " + ",".join(COLUMNS)))
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows.append(read_row(number, line))
        except ValueError as error:
            problems.append(Problem(number, str(error)))
    return rows, problems


def read_row(number, line):
    """One line is one row: a quoted cell may hold commas, not line ends. Raises ValueError."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if not text.isprintable():
        raise ValueError("a character that cannot be printed (lines end with LF alone)")
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from None
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells instead of {len(COLUMNS)}")
    return Row(number, *cells)


def check_row(row):
    """The problems of one row by itself."""
    for column in COLUMNS:
        value = getattr(row, column)
        if not value:
            yield Problem(row.line, f"{column} is empty")
        elif value != value.strip():
            yield Problem(row.line, f"{column} begins or ends with a space")
    for column in ("vendor_id", "product_id"):
        value = getattr(row, column)
        if value and not USB_ID.fullmatch(value):
            yield Problem(row.line, f"{column} {value!r} is not four lower-case hexadecimal digits")
    for column, words in (("transport", TRANSPORT_USES_HIDRAW), ("role", ROLE_IS_UKEY), ("certain", CERTAIN)):
        value = getattr(row, column)
        if value and value not in words:
            yield Problem(row.line, f"unknown {column} {value!r}; known are {', '.join(words)}")
    for column in ("vendor", "product"):
        found = sorted(set(getattr(row, column)) & set(NOT_IN_A_NAME))
        if found:
            yield Problem(row.line, f"{column} contains {' '.join(found)}, which udev does not take")


def check_order(rows):
    """Sorted by vendor and product, each pair once: a second row would be found by nobody."""
    first_line = {}
    for row in rows:
        if row.usb_id in first_line:
            yield Problem(row.line, f"{row.usb_id} is already on line {first_line[row.usb_id]}")
        first_line.setdefault(row.usb_id, row.line)
    for before, row in zip(rows, rows[1:]):
        if row.usb_id < before.usb_id:
            yield Problem(row.line, f"not sorted: {row.usb_id} comes before {before.usb_id}")


def load_table(path):
    """The rows and all problems of a file, by line."""
    with open(path, "rb") as file:
        rows, problems = read_table(file.read())
    for row in rows:
        problems.extend(check_row(row))
    problems.extend(check_order(rows))
    return rows, sorted(problems)


# What udev reads ----------------------------------------------------------------------------------------------------

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Made by make_rules.py from usb_keys.csv: change those and not this file.
"""

HWDB_INTRODUCTION = """\
#
# What the USB devices are that ukeyd knows. Only U-Keys have ID_UKEY=1.
# For a device of your own: /etc/udev/hwdb.d/61-ukey-local.hwdb, then `systemd-hwdb --usr update`.
"""

RULES = string.Template("""\
#
# Who may open a U-Key: the user of the seat that it is plugged in at, and the members of $group.
#
# The number: 71-seat.rules and 73-seat-late.rules act on the tag `uaccess`, so it has to be set before them.

ACTION=="remove", GOTO="ukey_end"

# 50-udev-default.rules has looked up the USB device itself (and hidraw nodes, in systemd's newer versions). The nodes
# below it get the same properties here, and no others (--filter): somebody else's disk stays as it was.
SUBSYSTEM=="hidraw|block|scsi_generic", SUBSYSTEMS=="usb", IMPORT{builtin}="hwdb --subsystem=usb --filter=ID_UKEY*"

# FIDO keys, bank keys, readers and licence dongles have an ID_UKEY_ROLE and no ID_UKEY: they are left alone.
ENV{ID_UKEY}!="1", GOTO="ukey_end"

# For what speaks to the key through libusb. It replaces the kernel's and systemd's 0664: others need not even read.
SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", GROUP="$group", MODE="0660", TAG+="uaccess"

# A keyboard or a mouse (HID 1.11, 4.3: bInterfaceProtocol 1 and 2) is never opened, whatever its ids say: who reads
# its hidraw node reads every password that is typed.
SUBSYSTEM=="hidraw", SUBSYSTEMS=="usb", ATTRS{bInterfaceProtocol}=="01|02", GOTO="ukey_end"
SUBSYSTEM=="hidraw", ENV{ID_UKEY_TRANSPORT}=="$hidraw_transports", GROUP="$group", MODE="0660", TAG+="uaccess"

# The disk or CD-ROM that a key shows (block, scsi_generic) has its properties now and keeps its permissions.

LABEL="ukey_end"
""")

POWER_RULES = """\
#
# No autosuspend for U-Keys: a key that is put to sleep between two signatures may come back as if newly plugged in,
# its PIN not verified, or not at all.
#
# The number: libccid's rules (92) switch it on for every device that is a smart-card reader and nothing else; the last
# value that is written counts. TEST keeps a kernel without power management from logging an error for each key.

ACTION!="remove", SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ENV{ID_UKEY}=="1", \\
  TEST=="power/control", ATTR{power/control}="on"
"""


def hwdb_record(row):
    """The properties of one device. The asterisk stands for what a USB modalias goes on with: version, classes, name."""
    properties = {"ID_UKEY": "1"} if ROLE_IS_UKEY[row.role] else {}
    properties |= {"ID_UKEY_VENDOR": row.vendor, "ID_UKEY_PRODUCT": row.product,
                   "ID_UKEY_TRANSPORT": row.transport, "ID_UKEY_ROLE": row.role}
    lines = [f"usb:v{row.vendor_id.upper()}p{row.product_id.upper()}*"]
    lines += [f" {name}={value}" for name, value in properties.items()]
    return "\n".join(lines) + "\n"


def hwdb_text(rows):
    return "\n".join([HEADER + HWDB_INTRODUCTION, *(hwdb_record(row) for row in rows)])


def rules_text():
    transports = "|".join(word for word, uses_hidraw in TRANSPORT_USES_HIDRAW.items() if uses_hidraw)
    return HEADER + RULES.substitute(group=DEVICE_GROUP, hidraw_transports=transports)


def power_rules_text():
    return HEADER + POWER_RULES


# The command --------------------------------------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description="Checks usb_keys.csv and makes udev's files from it.")
    table = parser.add_mutually_exclusive_group(required=True)
    table.add_argument("--check", metavar="CSV", help="check the table and write nothing")
    table.add_argument("--csv", metavar="CSV", help="the table to make the files from")
    parser.add_argument("--hwdb", metavar="FILE", help="write the hardware database (60-ukey.hwdb)")
    parser.add_argument("--rules", metavar="FILE", help="write the rules for access (70-ukey.rules)")
    parser.add_argument("--power-rules", metavar="FILE", help="write the rules for power (93-ukey-power.rules)")
    parsed = parser.parse_args(arguments)
    has_output = any((parsed.hwdb, parsed.rules, parsed.power_rules))
    if parsed.check and has_output:
        parser.error("--check writes no files")
    if parsed.csv and not has_output:
        parser.error("nothing to make: give --hwdb, --rules or --power-rules")
    return parsed


def main(arguments):
    parsed = parse_arguments(arguments)
    path = parsed.check or parsed.csv
    try:
        rows, problems = load_table(path)
        for problem in problems:
            print(f"{path}:{problem.line}: {problem.text}", file=sys.stderr)
        if problems:
            return 1
        for output, text in ((parsed.hwdb, hwdb_text(rows)), (parsed.rules, rules_text()),
                             (parsed.power_rules, power_rules_text())):
            if output:
                with open(output, "w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
    except OSError as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
