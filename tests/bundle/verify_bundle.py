#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent verifier of bundles, from docs/formats/bundle.md alone: Python's standard library and the openssl command.
It checks everything of §5 but point 7, the attestations of single logins.

    verify_bundle.py FILE [FINGERPRINT]

Exit code 0: it holds, and is of that workstation, or of one that this one vouches for. 1: it does not; the reason is on standard error."""

import base64
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from datetime import datetime

SPKI = bytes.fromhex("302a300506032b6570032100")
CHECKPOINT = re.compile(r"ukey-checkpoint-v1\nworkstation: ([0-9a-f]{64})\nseq: (0|[1-9][0-9]*)\nhead: ([0-9a-f]{64})\n"
                        r"time: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n")
ROTATION = re.compile(r"ukey-rotation-v1\nold: ([0-9a-f]{64})\nnew: ([0-9a-f]{64})\nseq: ([1-9][0-9]*)\nhead: ([0-9a-f]{64})\n"
                      r"time: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n")
END = re.compile(r"ukey-bundle-end-v1\nrecords: (0|[1-9][0-9]*)\nlast_seq: (0|[1-9][0-9]*)\nlast_hash: ([0-9a-f]{64})\n"
                 r"frame: ([0-9a-f]{64})\n")


TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
LAST_TIME = 253402300799999999  # 9999-12-31, in microseconds


class Wrong(Exception):
    """The bundle does not hold."""


def demand(condition, reason):
    if not condition:
        raise Wrong(reason)


def signed(public_key, signature, text):
    """Ed25519, by openssl."""
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as sig, tempfile.NamedTemporaryFile() as data:
        for file, content in ((key, SPKI + public_key), (sig, signature), (data, text)):
            file.write(content)
            file.flush()
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key.name, "-rawin",
                               "-in", data.name, "-sigfile", sig.name], capture_output=True, check=False).returncode == 0


def sections(file):
    """(letters, body, all its bytes), the magic line counted to the first."""
    magic = b"ukey-bundle-v1\n"
    demand(file.startswith(magic), "no bundle")
    begin, at = 0, len(magic)
    while at < len(file):
        demand(len(file) - at >= 12, "cut off")
        kind, length = struct.unpack(">4sQ", file[at:at + 12])
        demand(length <= len(file) - at - 12, "cut off")
        body = file[at + 12:at + 12 + length]
        at += 12 + length
        yield kind, body, file[begin:at]
        begin = at


def records(body):
    at = 0
    while at < len(body):
        demand(len(body) - at >= 4, "a record is cut off")
        length, = struct.unpack(">I", body[at:at + 4])
        demand(0 < length <= len(body) - at - 36, "a record is cut off")
        yield body[at + 4:at + 4 + length], body[at + 4 + length:at + 36 + length]
        at += 36 + length


def openings(body):
    at = 0
    while at < len(body):
        demand(len(body) - at >= 28, "personal data is cut off")
        seq, salt, length = struct.unpack(">Q16sI", body[at:at + 28])
        demand(0 < length <= len(body) - at - 28, "personal data is cut off")
        yield seq, salt, body[at + 28:at + 28 + length]
        at += 28 + length


def split_signature(body, form, what):
    """(signature, text, what the form's groups caught)."""
    demand(len(body) > 64, f"{what} has another form")
    try:
        match = form.fullmatch(body[64:].decode())
    except UnicodeDecodeError:
        match = None
    demand(match, f"{what} has another form")
    return body[:64], body[64:], match.groups()


def read_leaf(leaf):
    """Its number, kind and payload, if it has the form of docs/formats/ledger.md §2."""
    demand(leaf[:15] == b"ukey-ledger-v1\n" and len(leaf) >= 47, "a record has another form")
    seq, time, boottime, kind = struct.unpack(">QQQI", leaf[15:43])
    demand(len(leaf) >= 47 + kind and max(time, boottime) <= LAST_TIME, "a record has another form")
    payload, = struct.unpack(">I", leaf[43 + kind:47 + kind])
    demand(len(leaf) == 47 + kind + payload, "a record has another form")
    return seq, leaf[43:43 + kind], leaf[47 + kind:]


def check_opening(seq, payload, salt, value):
    reference = "r1:" + hashlib.sha256(b"ukey-reference-v1\n" + salt + value).hexdigest()
    demand(json.loads(payload).get("personal") == reference, f"record {seq} refers to something else")


def fingerprint_of(key):
    return hashlib.sha256(SPKI + key).hexdigest()


def read_rotation(body):
    """(old key, new key, number, head before it), which both keys have signed."""
    by_old, rest = body[:64], body[64:]
    by_new, text, (old, new, seq, head, time) = split_signature(rest, ROTATION, "a change of keys")
    old, new = bytes.fromhex(old), bytes.fromhex(new)
    datetime.strptime(time, TIME)
    demand(old != new and signed(old, by_old, text) and signed(new, by_new, text), f"the new key at {seq} is not vouched for")
    return old, new, int(seq), head, {"old_signature": by_old, "new_signature": by_new, "old_public_key": old,
                                      "new_public_key": new}


def check_rotations(rotations, key, hashes, payloads, last):
    """The keys in their order, with the number from which each signs."""
    keys = [(0, rotations[0][0] if rotations else key)]
    for old, new, seq, head, statement in rotations:
        demand(old == keys[-1][1] and keys[-1][0] < seq <= last, f"the change of keys at {seq} is out of its place")
        keys.append((seq, new))
        if seq in payloads:
            said = json.loads(payloads[seq])
            demand(hashes[seq - 1].hex() == head == said["head"] and said["seq"] == seq
                   and all(base64.b64decode(said[name]) == value for name, value in statement.items()),
                   f"record {seq} is of another change of keys")
        else:
            demand(seq <= min(hashes), f"record {seq} is no change of keys")
    demand(keys[-1][1] == key, "the keys do not lead to the one that signed")
    return keys


def read_header(body):
    def refuse(constant):
        raise Wrong(f"the header has {constant}")
    demand(not body.startswith(b"\xef\xbb\xbf"), "the header has another form")
    header = json.loads(body.decode("utf-8"), parse_constant=refuse)
    texts = {"public_key", "workstation", "workstation_name", "previous_hash", "written_at", "software"}
    demand(isinstance(header, dict) and set(header) == texts | {"first_seq"} and type(header["first_seq"]) is int
           and all(isinstance(header[name], str) for name in texts), "the header has another form")
    for text in texts:
        header[text].encode("utf-8")  # no half of a surrogate pair
    demand(re.fullmatch("[0-9a-f]{64}", header["previous_hash"]), "the header has another form")
    datetime.strptime(header["written_at"], TIME)
    return header


def verify(file):
    """The fingerprints of its keys, the last one signed it; the first number and the last. Raises Wrong."""
    header, key, hashes, checkpoints, end, beside, rotations, payloads = None, None, {}, [], None, {}, [], {}
    frame = hashlib.sha256()
    for kind, body, whole in sections(file):
        demand(end is None, "something follows the end")
        demand((kind == b"HEAD") == (header is None), "the header is not once and first")
        if kind == b"HEAD":
            header = read_header(body)
            key = base64.b64decode(header["public_key"], validate=True)
            demand(base64.b64encode(key).decode() == header["public_key"], "the key has another form")
            fingerprint = fingerprint_of(key)
            demand(len(key) == 32 and header["workstation"] == fingerprint, "the key is not the workstation's")
            seq, head = header["first_seq"] - 1, bytes.fromhex(header["previous_hash"])
            demand(seq >= 0 and len(head) == 32 and (seq > 0 or head == bytes(32)), "the beginning is wrong")
            hashes[seq] = head
        elif kind == b"REFS":
            demand(body, "a section of personal data is empty")
            for number, salt, value in openings(body):
                demand(number > max([seq, *beside]), "personal data does not stand before its record")
                beside[number] = salt, value
        elif kind == b"RECS":
            demand(body, "a section of records is empty")
            for leaf, digest in records(body):
                seq += 1
                number, what, payload = read_leaf(leaf)
                demand(number == seq, f"record {seq} is missing or malformed")
                if what == b"workstation.rotated":
                    payloads[seq] = payload
                if seq in beside:
                    check_opening(seq, payload, *beside.pop(seq))
                head = hashlib.sha256(head + hashlib.sha256(leaf).digest()).digest()
                demand(head == digest, f"record {seq} does not fit")
                hashes[seq] = head
        elif kind == b"ROTA":
            rotations.append(read_rotation(body))
        elif kind == b"CKPT":
            checkpoints.append(split_signature(body, CHECKPOINT, "a checkpoint"))
        elif kind == b"LAST":
            end = split_signature(body, END, "the end")
        else:
            demand(kind == b"CERT", "an unknown section")
        if kind != b"LAST":
            frame.update(whole[:len(whole) - len(body)] if kind == b"RECS" else whole)
    demand(end, "cut off")
    demand(not beside, "personal data of a record that is not there")
    keys = check_rotations(rotations, key, hashes, payloads, seq)
    signed_at = set()
    for signature, text, (workstation, number, digest, time) in checkpoints:
        datetime.strptime(time, TIME)
        its_key = max(step for step in keys if step[0] <= int(number))[1]
        demand(workstation == fingerprint_of(its_key) and signed(its_key, signature, text),
               f"checkpoint {number} is not signed by the key of its place")
        demand(hashes.get(int(number), b"").hex() == digest, f"checkpoint {number} is of another ledger")
        signed_at.add(int(number))
    first = header["first_seq"]
    demand(seq in signed_at and (first == 1 or first - 1 in signed_at), "a checkpoint is missing")
    signature, text, values = end
    demand(signed(key, signature, text), "the end is not signed by this key")
    demand(values == (str(len(hashes) - 1), str(seq), head.hex(), frame.hexdigest()), "the end is another file's")
    return [fingerprint_of(one) for _, one in keys], first, seq


def main(path, trusted=None):
    with open(path, "rb") as file:
        content = file.read()
    try:
        fingerprints, first, last = verify(content)
        fingerprint = fingerprints[-1]
        demand(trusted is None or trusted in fingerprints, f"it is of the workstation {fingerprint}")
    except (Wrong, ValueError, RecursionError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    print(f"{fingerprint}: records {first} to {last} hold")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
