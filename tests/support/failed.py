# SPDX-License-Identifier: Apache-2.0
"""How a scenario fails."""


class Failed(AssertionError):
    """Something was not as the scenario needs it; the message says what, and what there was instead."""
