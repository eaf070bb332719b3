#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/worked-example.md, reckoned a second time: by its sentences, case by case, with fractions.

It shares nothing with the program: no time, no keys, no rows of evidence. `model.py` prints the tables of the document;
`model.py --check FILE` says whether they are the ones in FILE; `model.py --unit 13` lists what a unit's numbers are made of.
"""

import argparse
import math
import sys
from collections import Counter
from fractions import Fraction

UNITS = range(1, 51)
ROUNDINGS = ("proportional", "started_percent", "full_percent")


def size(unit):
    return 34 + unit if unit <= 25 else 35 + unit


def general_branches(unit):
    return size(unit) // 10


def is_senior(unit, number):
    return number <= 1 + general_branches(unit)


def superior(unit, number):
    """The general branch that a branch is under."""
    return 2 + number % general_branches(unit)


def login_of_general_branch(unit, number):
    """met, not met or cannot tell: for itself, and for whom it answers all month."""
    if number == 2 and unit % 5 == 0:
        return "met"  # it has no key; the committee logged in
    if number == 3 and unit % 4 == 0:
        return "not met"
    if number == 4 and unit % 10 == 7:
        return "cannot tell"
    return "met"


def login(unit, number):
    if number == 1:
        return "met"
    if is_senior(unit, number):
        return login_of_general_branch(unit, number)
    if unit % 10 == 1 and number == size(unit):
        return "not required"
    answering = login_of_general_branch(unit, superior(unit, number))
    if number == 24 or number % 20 == 0:
        return answering
    if number % 25 == 7:
        return "cannot tell"
    if number == 11:
        return "met"
    if number == 19:
        # Only what happened from the 10th to the 15th counts: the 12th does, the 22nd does not.
        return "not met" if unit % 2 == 1 and answering == "met" else answering
    if (number + unit) % 11:
        return "met"
    return "cannot tell" if unit % 10 == 3 and 30 <= number <= 39 else "not met"


def is_covered(unit, number):
    if is_senior(unit, number):
        return not (number == 2 and unit % 5 == 0)
    return number % 20 != 0


def has_administrator(number):
    return number % 17 != 13 and number % 29 != 5


def members(unit):
    """(unit of its code, number) of all that are counted under the unit."""
    own = [(unit, number) for number in range(1, size(unit) + 1)]
    if unit == 4:
        own.remove((4, 38))
    if unit == 5:
        own.append((4, 38))
    return own


def count(organisations):
    asked = [o for o in organisations if o[1] != 24]
    seniors = [o for o in asked if is_senior(*o)]
    logins = Counter(login(*o) for o in organisations)
    return {
        "organisations": len(organisations),
        "asked": len(asked),
        "covered": sum(is_covered(*o) for o in asked),
        "seniors": len(seniors),
        "covered seniors": sum(is_covered(*o) for o in seniors),
        "known": sum(has_administrator(number) for _, number in asked),
        "must log in": len(organisations) - logins["not required"],
        "met": logins["met"],
        "cannot tell": logins["cannot tell"],
        "not met": logins["not met"],
    }


def cost(missing, of, per_percent, rounding):
    percent = Fraction(100 * missing, of)
    if rounding == "started_percent":
        percent = Fraction(math.ceil(percent))
    if rounding == "full_percent":
        percent = Fraction(math.floor(percent))
    hundredths = math.floor(100 * percent * per_percent + Fraction(1, 2))
    return min(hundredths, 1000)


def costs(counts, rounding):
    """Hundredths: coverage, administrators, login at least and at most."""
    c = counts
    coverage = max(cost(c["asked"] - c["covered"], c["asked"], Fraction(1, 2), rounding),
                   cost(c["seniors"] - c["covered seniors"], c["seniors"], Fraction(1, 2), rounding))
    administrators = cost(c["asked"] - c["known"], c["asked"], Fraction(1, 5), rounding)
    least = cost(c["not met"], c["must log in"], Fraction(1, 5), rounding)
    most = cost(c["not met"] + c["cannot tell"], c["must log in"], Fraction(1, 5), rounding)
    return coverage, administrators, least, most


def points(hundredths):
    return f"{hundredths // 100}.{hundredths % 100:02}"


def rows():
    for unit in UNITS:
        yield f"{unit:02}", count(members(unit))
    yield "total", count([o for unit in UNITS for o in members(unit)])


def counts_table():
    names = ("organisations", "asked", "covered", "seniors", "covered seniors", "known", "must log in", "met", "cannot tell",
             "not met")
    yield "| unit | " + " | ".join(names) + " |"
    yield "| --- |" + " ---: |" * len(names)
    for name, counts in rows():
        yield f"| {name} | " + " | ".join(str(counts[column]) for column in names) + " |"


def costs_table(rounding):
    yield "| unit | coverage | administrators | login min | login max | all min | all max | score min | score max |"
    yield "| --- |" + " ---: |" * 8
    for name, counts in rows():
        coverage, administrators, least, most = costs(counts, rounding)
        shown = (coverage, administrators, least, most, coverage + administrators + least, coverage + administrators + most,
                 1500 - coverage, 1500 - coverage)
        yield f"| {name} | " + " | ".join(map(points, shown)) + " |"


def tables():
    yield from counts_table()
    for rounding in ROUNDINGS:
        yield ""
        yield from costs_table(rounding)


def show(unit):
    print(count(members(unit)), "general branches:", general_branches(unit))
    for state in ("not met", "cannot tell", "not required"):
        print(f"{state}:", [f"{u:02}{n:03}" for u, n in members(unit) if login(u, n) == state])
    print("not covered:", [n for u, n in members(unit) if not is_covered(u, n)])
    print("no administrator:", [n for u, n in members(unit) if not has_administrator(n) and n != 24])
    print("answered for:", [(n, superior(u, n)) for u, n in members(unit) if n in (19, 24) or (n > 9 and n % 20 == 0)])
    for rounding in ROUNDINGS:
        print(rounding, [points(c) for c in costs(count(members(unit)), rounding)])


def check(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    missing = [line for line in tables() if line not in lines]
    for line in missing:
        print(f"not in {path}: {line}", file=sys.stderr)
    return 1 if missing else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="FILE")
    parser.add_argument("--unit", type=int)
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.check)
    if arguments.unit:
        show(arguments.unit)
        return 0
    print("\n".join(tables()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
