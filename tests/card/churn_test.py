# SPDX-License-Identifier: Apache-2.0
"""200 insertions through pcscd: no growth in descriptors or memory, and the right state at the end."""

import os
import unittest

from workstation import OPENSC, Workstation, require, sanitizer_environment

BRANCH = "中共重庆市涪陵区测试街道机关支部委员会"
INSERTIONS = 200


def setUpModule():
    require("pcscd", OPENSC)


def footprint(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        anonymous_kib = next(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))
    return len(os.listdir(f"/proc/{pid}/fd")), anonymous_kib


class Churn(unittest.TestCase):
    def test_two_hundred_insertions(self):
        with Workstation() as ws:
            ws.start_pcscd()
            card = ws.make_key("a", BRANCH)
            ws.configure()
            ws.start_ukeyd()
            watch = ws.watch()
            worker = ws.ask("status")["modules"][0]["pid"]

            def cycle(times):
                for _ in range(times):
                    mark = watch.mark()
                    card.insert()
                    watch.wait(lambda e: e["type"] == "key.inserted", "in", mark)
                    card.remove()
                    watch.wait(lambda e: e["type"] == "key.removed", "out", mark)

            cycle(10)
            before = {pid: footprint(pid) for pid in (ws.ukeyd.pid, worker)}
            cycle(INSERTIONS)
            after = {pid: footprint(pid) for pid in (ws.ukeyd.pid, worker)}
            print(f"descriptors and anonymous memory in KiB, ukeyd and worker: before {list(before.values())}, after {list(after.values())}")
            if sanitizer_environment():
                print("memory is not compared: a sanitizer keeps what is freed")
            for pid in before:
                self.assertEqual(after[pid][0], before[pid][0], "descriptors")
                if not sanitizer_environment():
                    self.assertLess(after[pid][1], before[pid][1] + 1024, "memory")
            self.assertEqual(ws.present_keys(), [])
            self.assertEqual(ws.ask("status")["modules"][0]["restarts"], 0)
            self.assertEqual(card.verify_count(), 0)
            ws.verify_ledger()


if __name__ == "__main__":
    unittest.main()
