# SPDX-License-Identifier: Apache-2.0
"""The login channel spoken by hand (docs/formats/channels.md §3): what a program that lies can say."""

import base64
import json
import os
import secrets
import socket
import struct
import subprocess
from datetime import datetime, timezone

from workstation import Failed

PREFIX = "ukey-login-v1\n"


def record_text(challenge, login, started_at, prefix=PREFIX):
    """The text that a key signs, from the document (docs/formats/login-record.md) and not from our code."""
    lines = [("nonce", challenge["nonce"]), ("ledger", f"{challenge['ledger_seq']} {challenge['ledger_head']}"),
             ("key", challenge["key"]), ("manufacturer", challenge["manufacturer"]), ("model", challenge["model"]),
             ("serial", challenge["serial"]), ("public_key", challenge["public_key"]),
             ("organisation", challenge["organisation"]), ("uid", challenge["uid"]),
             ("asked_at", challenge["asked_at"]), ("login", login), ("started_at", started_at)]
    return prefix + "".join(f"{name}: {value}\n" for name, value in lines)


def raw_ecdsa(der):
    """r and s side by side, 32 bytes each, from OpenSSL's DER: two INTEGERs in a SEQUENCE."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big"))
        at += 2 + length
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def sign(key_file, text):
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key_file], input=text.encode(), capture_output=True,
                         check=True).stdout
    return raw_ecdsa(der)


class LoginChannel:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.requests = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    @staticmethod
    def frame(message):
        body = b"\1" + json.dumps(message).encode()
        return struct.pack(">I", len(body)) + body

    def send(self, message):
        self.socket.sendall(self.frame(message))

    def receive(self):
        """The next message; None when the service has closed the connection."""
        try:
            head = self.stream.read(5)
        except ConnectionResetError:
            return None
        if len(head) < 5:
            return None
        return json.loads(self.stream.read(struct.unpack(">I", head[:4])[0] - 1))

    def call(self, message):
        self.requests += 1
        self.send({**message, "request": self.requests})
        answer = self.receive()
        if answer is not None and answer.get("request") != self.requests:
            raise Failed(f"an answer to something else: {answer}")
        return answer


def token_of(key):
    return {name: key[name] for name in ("manufacturer", "model", "serial", "label")}


def timestamp(moment=None):
    return (moment or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ask(key, executable="/usr/bin/browser"):
    return {"type": "ask", "token": token_of(key), "claim": {"executable": executable, "application": "browser"}}


def result(key, executable="/usr/bin/browser", login=None, **more):
    return {"type": "result", "login": login or secrets.token_hex(16), "token": token_of(key),
            "claim": {"executable": executable, "application": "browser"}, "rv": 0, "default_pin": False,
            "started_at": timestamp(), "duration_us": 1, "verdict": "allow", "late": False, "uses": 1,
            **more}


def attestation(message, challenge, key_file, prefix=PREFIX):
    """The member of a result that an honest filter would send, signed with this key and prefix."""
    signature = sign(key_file, record_text(challenge, message["login"], message["started_at"], prefix))
    return {"nonce": challenge["nonce"], "scheme": "ecdsa_sha256", "signature": base64.b64encode(signature).decode(),
            "duration_us": 1}


def private_key_of(card):
    return os.path.join(card.folder, "9a.key.pem")
