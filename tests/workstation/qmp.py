# SPDX-License-Identifier: Apache-2.0
"""QEMU's machine protocol: commands and events as JSON lines on a socket."""

import json
import threading


class QmpError(Exception):
    """QEMU refused a command, said nothing in time, or is gone."""


class Qmp:
    """One connection. A thread reads it; events are kept, so that none is missed between an action and its wait."""

    def __init__(self, channel, deadline_s):
        self.channel = channel
        self.deadline_s = deadline_s
        self.arrived = threading.Condition()
        self.greeted = False
        self.ended = False
        self.events = []
        self.answers = {}
        self.next_id = 1
        threading.Thread(target=self._read, daemon=True).start()
        self._await(lambda: self.greeted, "QEMU's greeting")
        self.execute("qmp_capabilities")

    def _read(self):
        try:
            for line in self.channel.makefile(encoding="utf-8"):
                message = json.loads(line)
                with self.arrived:
                    if "QMP" in message:
                        self.greeted = True
                    elif "event" in message:
                        self.events.append(message)
                    else:
                        self.answers[message["id"]] = message
                    self.arrived.notify_all()
        except (OSError, ValueError):
            pass  # closed by us, or QEMU was killed in the middle of a line
        with self.arrived:
            self.ended = True
            self.arrived.notify_all()

    def _await(self, condition, what, deadline_s=None):
        deadline_s = deadline_s or self.deadline_s
        with self.arrived:
            self.arrived.wait_for(lambda: self.ended or condition(), deadline_s)
            value = condition()
            if not value:
                reason = "QEMU has ended" if self.ended else f"not within {deadline_s} s"
                raise QmpError(f"{reason}: {what}")
            return value

    def execute(self, command, **arguments):
        """What QEMU returned. Underscores of argument names stand for QEMU's hyphens."""
        with self.arrived:
            number = self.next_id
            self.next_id += 1
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        message = {"execute": command, "arguments": arguments, "id": number}
        try:
            self.channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise QmpError(f"{command}: {error}") from error
        answer = self._await(lambda: self.answers.get(number), f"the answer to {command}")
        del self.answers[number]
        if "error" in answer:
            raise QmpError(f"{command} {arguments}: {answer['error']['desc']}")
        return answer["return"]

    def monitor(self, line):
        """The few things that only the human monitor knows."""
        return self.execute("human-monitor-command", command_line=line)

    def mark(self):
        """A place in the stream of events, to be taken before the action whose event is awaited."""
        with self.arrived:
            return len(self.events)

    def wait_event(self, name, after, what, matches=lambda data: True, deadline_s=None):
        """The data of the first such event since `after`."""
        def found():
            return next((event for event in self.events[after:]
                         if event["event"] == name and matches(event.get("data", {}))), None)
        event = self._await(found, f"{what} ({name})", deadline_s)
        return event.get("data", {})

    def close(self):
        self.channel.close()
