# SPDX-License-Identifier: Apache-2.0
"""Chromium, as a person uses it, bare and filtered: a page that wants a client certificate, the certificate chosen, the PIN
typed into the browser's own dialog on a screen in memory."""

import contextlib
import os
import re
import subprocess
import unittest

from clients import PIN, require_clients
from tls_scenario import CODES, TlsTest
from workstation import Failed, wait_until

BROWSER = "/usr/lib/chromium/chromium"
PIN_DIALOG = "Unlock Security Device"
PAGE_TITLE = re.compile("^[0-9a-f]{64} - Chromium")  # the certificate's fingerprint, from the server


# OpenSC keeps the pages locked that have its secrets on them, and Chromium's allocator ends the process when it comes to
# give such a page back (madvise(2), MADV_DONTNEED: EINVAL), now and then; no function of the filter's is on that stack.
WITHOUT_LOCKED_PAGES = [*(["setpriv", "--bounding-set=-ipc_lock"] if os.getuid() == 0 else []), "prlimit", "--memlock=0:0"]


def setUpModule():
    require_clients("chromium", "setpriv", "prlimit", "Xvfb", "xdotool", "certutil", "modutil")


class Screen:
    """An X server without a window manager: what has the keyboard is what Chromium gives it to."""

    def __init__(self, ws):
        read, write = os.pipe()
        log = open(ws.path("log/xvfb.log"), "wb")
        # Without -noreset it begins anew, and throws everybody out, each time that xdotool was alone on it.
        ws.start(["Xvfb", "-displayfd", str(write), "-noreset", "-screen", "0", "1000x800x24", "-nolisten", "tcp"],
                 pass_fds=[write], stdout=log, stderr=log)
        os.close(write)
        log.close()
        with os.fdopen(read) as answer:
            self.environment = {"DISPLAY": ":" + answer.readline().strip()}

    def tool(self, *arguments, stdin=""):
        """xdotool's output. It answers 1 when it finds no window, or when one went while it looked."""
        return subprocess.run(["xdotool", *arguments], env={**os.environ, **self.environment}, input=stdin,
                              capture_output=True, text=True, errors="replace", timeout=20, check=False).stdout.strip()

    def titles(self):
        """Of the windows that are seen, by window."""
        return {window: self.tool("getwindowname", window)
                for window in self.tool("search", "--onlyvisible", "--name", ".").split()}

    def give_keyboard(self, window):
        """As a window manager would. What had it may be gone, or be the page under a dialog that came at the same moment."""
        if self.tool("getwindowfocus") != window:
            self.tool("windowfocus", window)


class Browser(TlsTest):
    """Each login is attested too: the key signs its record beside the browser's handshake."""

    configuration = "login.attest = true\n"
    grade = "attested"

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.screen = Screen(cls.ws)
        for card in cls.cards.values():
            card.remove()
        cls.ws.await_keys(0)

    def test_a_page_with_each_card(self):
        for label, card in self.cards.items():
            with self.subTest(label):
                card.insert()
                self.ws.await_keys(1)
                session = self.through_tls(label, BROWSER, self.browse)
                self.assertIs(self.ws.ask("session", "show", session["login"])["verified"], True)
                card.remove()
                self.ws.await_keys(0)

    def browse(self, run, server):
        database = "sql:" + run.path(".pki/nssdb")
        os.makedirs(run.path(".pki/nssdb"))
        run.command("certutil", "-N", "-d", database, "--empty-password")
        run.command("modutil", "-dbdir", database, "-add", "U-Key", "-libfile", run.module, "-force")
        run.command("certutil", "-A", "-d", database, "-n", "root", "-t", "C,,", "-i", server.root)
        seen = len(server.fingerprints)
        with open(self.ws.path("log/chromium.log"), "ab") as log:
            browser = self.ws.start([*WITHOUT_LOCKED_PAGES, "chromium", *self.flags(run), server.url], stdout=log, stderr=log,
                                    env={**run.environment, **self.screen.environment, "HOME": run.path("")})
        try:
            run.tell(self.answer_dialogs(browser))
        except Failed as failed:
            raise Failed(f"{run.module}: {failed}; the server refused {server.server.refused}; {self.ws.read('log/chromium.log')[-2000:]}") from failed
        finally:
            browser.terminate()
            code = browser.wait(30)
        run.tell(f"exit {code}", *server.fingerprints[seen:])

    @staticmethod
    def flags(run):
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        return [*sandbox, "--user-data-dir=" + run.path("profile"), "--no-first-run", "--no-default-browser-check",
                "--password-store=basic", "--disable-gpu", "--disable-quic", "--disable-background-networking",
                "--disable-component-update", "--disable-sync"]

    def answer_dialogs(self, browser):
        """Answers what the browser asks until the page is there, and gives its title; how often it asked for the PIN is told
        by the card."""
        def step():
            if browser.poll() is not None:
                raise Failed(f"the browser has ended: {browser.returncode}")
            titles = self.screen.titles()
            page = next((title for title in titles.values() if PAGE_TITLE.search(title)), None)
            if titles and not page:
                self.answer(titles)
            return page
        try:
            return wait_until(step, "the browser shows the page")
        except Failed as failed:
            raise Failed(f"{failed}; windows {list(self.screen.titles().values())}") from failed

    def answer(self, titles):
        """What a dialog gets in its first half second it may ignore, lest a person answers it without having seen it: then it
        is answered again. The choice of a certificate is no window of its own: Return takes the one that is chosen. Each key
        goes to the window that it is meant for: the page's Return, in a PIN dialog that came at the same moment, would be
        an empty PIN, and the browser would go on without a certificate (“ERR_SOCKET_NOT_CONNECTED”)."""
        window = next((window for window in titles if titles[window] == PIN_DIALOG), next(iter(titles)))
        self.screen.give_keyboard(window)
        if titles[window] == PIN_DIALOG:
            self.screen.tool("key", "--window", window, "ctrl+a")
            self.screen.tool("type", "--window", window, "--delay", "20", "--file", "-", stdin=PIN)
        self.screen.tool("key", "--window", window, "Return")
        with contextlib.suppress(Failed):
            wait_until(lambda: self.screen.titles() != titles, "something else is on the screen", 1)


if __name__ == "__main__":
    unittest.main()
