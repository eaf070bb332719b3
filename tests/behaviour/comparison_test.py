# SPDX-License-Identifier: Apache-2.0
"""What the comparison takes for chance, and what not: runs that are written down instead of played."""

import unittest

import comparison


class WrittenPairs(comparison.Pairs):
    """Pairs of (line of the bare run, does the filtered one differ)."""

    def __init__(self, pairs, name="logins"):
        super().__init__("", name, {}, None)
        self.pairs = iter(pairs)

    def next(self):
        line, differs = next(self.pairs)
        return [line], "different" if differs else ""


class ComparisonTest(unittest.TestCase):
    def test_difference_that_stays_is_found(self):
        self.assertTrue(WrittenPairs([("same", True)] * comparison.REPEATS).repeats())

    def test_difference_in_half_of_the_runs_is_found(self):
        self.assertTrue(WrittenPairs([("same", True), ("same", False)] * (comparison.REPEATS // 2)).repeats())

    def test_difference_that_does_not_come_back_is_chance(self):
        self.assertFalse(WrittenPairs([("same", False)] * comparison.REPEATS).repeats())

    def test_module_that_differs_from_itself_excuses_the_filter(self):
        pairs = [("one", True), ("other", False)] * (comparison.REPEATS // 2)
        self.assertFalse(WrittenPairs(pairs).repeats())

    def test_nothing_excuses_where_the_standard_is_the_measure(self):
        pairs = [("one", True), ("other", False)] * (comparison.REPEATS // 2)
        self.assertTrue(WrittenPairs(pairs, "threads_initialize").repeats())

    def test_each_difference_fails_the_test_that_looks(self):
        result = comparison.Differences()
        result.found["logins"] = "different"

        class Looking(unittest.TestCase):
            def runTest(self):
                comparison.check_same(self, result, {})

        outcome = unittest.TestResult()
        Looking().run(outcome)
        self.assertEqual(len(outcome.failures), 1)
