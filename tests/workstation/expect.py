# SPDX-License-Identifier: Apache-2.0
"""How a scenario fails, and how it waits for a state that no event announces."""

import time

from failed import Failed

DEADLINE_S = 60  # generous: a loaded machine must not fail a scenario, a hang must


class Skipped(Exception):
    """The scenario needs something that this machine does not have; the message says what."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def expect_equal(actual, wanted, what):
    if actual != wanted:
        raise Failed(f"{what}: {actual!r}, not {wanted!r}")


def expect_in(part, text, what):
    if part not in text:
        raise Failed(f"{what}: no {part!r} in:\n{text}")


def wait_until(condition, what, deadline_s=DEADLINE_S, pause_s=0.2):
    """The first true value of `condition`. Where there is an event, wait for that instead."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause_s)
    raise Failed(f"not within {deadline_s} s: {what}")
