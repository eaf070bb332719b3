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


# What sanitizers wrote, as comparison.py asks for it; the addresses are made up.
ADDRESS_REPORT = """\
=================================================================
==11==ERROR: AddressSanitizer: heap-use-after-free on address 0x60b000001e80 at pc 0x7f48 bp 0x7f48 sp 0x7f48
READ of size 99 at 0x60b000001e80 thread T1
AddressSanitizer:DEADLYSIGNAL
    #0 __interceptor_memcpy ../src/sanitizer_common_interceptors.inc:827 (libasan.so.8+0x4814a)
    #1 <null> <null> (/usr/lib/softhsm/libsofthsm2.so+0x92485)
    #2 C_Sign <null> (/usr/lib/softhsm/libsofthsm2.so+0x21723)
    #3 sign_init /pkcs11/module/entry_points.cpp:334 (/build/pkcs11/module/ukey-pkcs11.so+0x40893d)
    #4 ukey::behaviour::Scene::sign(unsigned long, unsigned long) const /scene.cpp:127 (pkcs11_behaviour+0x266c4)

freed by thread T0 here:
    #0 operator delete(void*, unsigned long) ../src/asan_new_delete.cpp:164 (libasan.so.8+0xba3c8)
    #1 <null> <null> (/usr/lib/softhsm/libsofthsm2.so+0x9251d)

Thread T1 created by T0 here:
    #0 pthread_create ../src/asan_interceptors.cpp:207 (libasan.so.8+0x49726)
    #1 std::thread::_M_start_thread(void (*)()) <null> (/lib/x86_64-linux-gnu/libstdc++.so.6+0xd4578)
    #2 status_of_child /observation.cpp:20 (pkcs11_behaviour+0x1a199)

SUMMARY: AddressSanitizer: heap-use-after-free in __interceptor_memcpy
"""
THREAD_REPORT = """\
WARNING: ThreadSanitizer: data race (pid=11)
  Write of size 1 at 0x7b1000000480 by main thread:
    #0 pthread_rwlock_destroy ../src/tsan_interceptors_posix.cpp:1397 (libtsan.so.2+0x408b1)
    #1 CRYPTO_THREAD_lock_free <null> (libcrypto.so.3+0x23fb2d)

  Previous atomic read of size 1 at 0x7b1000000480 by thread T4 (mutexes: write M81):
    #0 pthread_rwlock_unlock ../src/tsan_interceptors_posix.cpp:1466 (libtsan.so.2+0x3efdd)
    #1 CRYPTO_THREAD_unlock <null> (libcrypto.so.3+0x23fb08)
    #2 sign /pkcs11/module/entry_points.cpp:340 (ukey-pkcs11.so+0x4134e)

  Mutex M81 (0x7b0c00000210) created at:
    #0 pthread_mutex_init ../src/tsan_interceptors_posix.cpp:1295 (libtsan.so.2+0x50468)
    #1 initialize /pkcs11/module/filter.cpp:85 (ukey-pkcs11.so+0x6a055)

SUMMARY: ThreadSanitizer: data race (libcrypto.so.3+0x23fb2d) in CRYPTO_THREAD_lock_free
"""


class SanitizersReportTest(unittest.TestCase):
    def is_of_the_filter(self, report, old="", new=""):
        if old:
            self.assertIn(old, report)
        return comparison.has_report_of_the_filter(report.replace(old, new, 1) if old else report)

    def test_what_a_called_backend_does_is_not_the_filters(self):
        self.assertEqual(len(comparison.stacks(ADDRESS_REPORT)), 3)
        self.assertFalse(self.is_of_the_filter(ADDRESS_REPORT))
        self.assertFalse(self.is_of_the_filter(THREAD_REPORT))
        self.assertFalse(self.is_of_the_filter(""))

    def test_filters_own_frame_is_found_in_every_stack_of_an_access(self):
        for library in ("/usr/lib/softhsm/libsofthsm2.so+0x92485", "/usr/lib/softhsm/libsofthsm2.so+0x9251d"):
            self.assertTrue(self.is_of_the_filter(ADDRESS_REPORT, library, "/build/ukey-pkcs11.so+0x1"), library)
        for library in ("libcrypto.so.3+0x23fb2d", "libcrypto.so.3+0x23fb08"):
            self.assertTrue(self.is_of_the_filter(THREAD_REPORT, library, "ukey-pkcs11.so+0x1"), library)

    def test_call_into_a_library_that_is_gone_is_the_filters(self):
        self.assertTrue(self.is_of_the_filter(
            "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x0 (pc 0x0 bp 0x0 sp 0x0 T1)\n"
            "    #0 <null> <null> (<unknown module>)\n"
            "    #1 sign /pkcs11/module/entry_points.cpp:340 (/build/ukey-pkcs11.so+0x4134e)\n"))

    def test_run_time_error_is_the_filters(self):
        self.assertTrue(self.is_of_the_filter("filter.cpp:1:2: runtime error: signed integer overflow\n"))


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
