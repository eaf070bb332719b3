# SPDX-License-Identifier: Apache-2.0
"""The HTML report: whole, closed in itself, escaped; and a browser shows it."""

import html.parser
import re
import subprocess
import unittest

from sample import LANGUAGES, PROGRAM_S, SCOPES, ReportTest

EMPTY = {"meta", "br", "col"}
# What could load or run something.
FORBIDDEN_TAGS = {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a", "audio", "video"}
FORBIDDEN_ATTRIBUTES = re.compile(r"on\w+|href|src|srcset|action|background|data|style")


class Page(html.parser.HTMLParser):
    """Checks the nesting while it reads; keeps elements and texts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.elements = []  # (tag, attributes)
        self.texts = []  # (classes of what is open, text)
        self.style = ""
        self.feed(text)
        self.close()
        if self.open:
            raise AssertionError(f"not closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            raise AssertionError(f"</{tag}> at {self.getpos()} closes {self.open[-1:]}")
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        elif data.strip():
            self.texts.append((tuple(self.open), data.strip()))

    def all(self, tag, name=None):
        return [attributes for found, attributes in self.elements
                if found == tag and (name is None or name in (attributes.get("class") or "").split())]

    def text(self):
        return "\n".join(text for _, text in self.texts)


class PageTest(ReportTest):
    def page(self, scope, organisations, language="en"):
        with open(self.sample("html", scope, organisations, language), encoding="utf-8") as file:
            return Page(file.read())

    def test_nested_in_every_scope_and_language(self):
        for scope in SCOPES:
            for language in LANGUAGES:
                for organisations in (0, 1, 60):
                    with self.subTest(scope=scope, language=language, organisations=organisations):
                        page = self.page(scope, organisations, language)
                        self.assertEqual({"en": "en", "zh_CN": "zh-CN"}[language], page.all("html")[0]["lang"])
                        self.assertEqual(1, len(page.all("h1")))

    def test_nothing_is_loaded_and_nothing_runs(self):
        page = self.page("district", 60)
        self.assertEqual(set(), {tag for tag, _ in page.elements} & FORBIDDEN_TAGS)
        for tag, attributes in page.elements:
            for name, value in attributes.items():
                self.assertFalse(FORBIDDEN_ATTRIBUTES.fullmatch(name), f"{tag} {name}")
                self.assertNotIn("//", value or "", f"{tag} {name}")
        self.assertNotRegex(page.style, r"@import|https?:|url\((?!#)")

    def test_every_organisation_of_a_small_report(self):
        for scope in SCOPES:
            page, report = self.page(scope, 150), self.assessment(scope, 150)
            self.assertEqual(150, len(page.all("article", "card")))
            self.assertEqual(150, len(page.all("table", "calendar")))
            shown = page.text()
            for row in report["rows"]:
                self.assertIn(row["organisation"]["name"], shown)
                self.assertIn(row["organisation"]["code"], shown)

    def test_days_with_logins(self):
        page, report = self.page("district", 60), self.assessment("district", 60)
        self.assertEqual(sum(len(row["days"]) for row in report["rows"]), len(page.all("td", "login")))
        # The sample's cases 5, 7: three days and a moment, and a whole month; each of them occurs five times.
        self.assertEqual(5 * 4 + 5 * 30, len(page.all("td", "doubt")))

    def test_of_a_large_report_only_what_is_not_met_and_how_many_are_left_out(self):
        page, report = self.page("district", 6000), self.assessment("district", 6000)
        open_rows = [row for row in report["rows"] if row["status"] in ("not_met", "cannot_tell")]
        self.assertGreater(len(open_rows), 1000)
        self.assertEqual(1000, len(page.all("article", "card")))
        self.assertEqual([], page.all("article", "met"))
        self.assertIn(f"{len(open_rows) - 1000} more are left out", page.text())

    def test_whom_to_call(self):
        page, report = self.page("district", 60), self.assessment("district", 60)
        phones = [text for path, text in page.texts if path[-1] == "td" and re.fullmatch(r"138\d{8}", text)]
        wanted = [row["organisation"]["administrator"]["mobile"] for row in report["rows"]
                  if row["status"] in ("not_met", "cannot_tell") and row["organisation"]["administrator"]]
        self.assertLessEqual(set(wanted), set(phones))

    def test_it_says_what_it_was_made_from(self):
        for scope in SCOPES:
            report = self.assessment(scope, 24)
            for language in LANGUAGES:
                shown = self.page(scope, 24, language).text()
                self.assertIn(report["rule"]["sha256"], shown)
                self.assertIn("d" * 64, shown)  # the sample ledger's head
                self.assertIn({"en": "not the platform's own record", "zh_CN": "非平台记录"}[language], shown)

    def test_headline_counts(self):
        page, report = self.page("district", 60), self.assessment("district", 60)
        figures = [text for path, text in page.texts if path[-2:] == ("li", "span") and text.isdigit()]
        counts = [sum(row["status"] == status for row in report["rows"])
                  for status in ("met", "cannot_tell", "not_met", "not_required")]
        self.assertEqual([str(count) for count in counts + [60]], figures)

    def test_a_browser_shows_and_prints_it(self):
        browser = self.need("chromium", "google-chrome")
        for language in LANGUAGES:
            path = self.sample("html", "district", 24, language)
            picture, paper = self.path(f"{language}.png"), self.path(f"{language}.pdf")
            common = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.path('profile')}"]
            done = subprocess.run([*common, "--enable-logging=stderr", "--v=0", "--window-size=1200,2600",
                                   f"--screenshot={picture}", f"file://{path}"], capture_output=True, text=True,
                                  check=True, timeout=PROGRAM_S)
            self.assertEqual([], [line for line in done.stderr.splitlines() if "CONSOLE" in line])
            subprocess.run([*common, "--no-pdf-header-footer", f"--print-to-pdf={paper}", f"file://{path}"],
                           capture_output=True, check=True, timeout=PROGRAM_S)
            with open(picture, "rb") as file:
                self.assertEqual(b"\x89PNG", file.read(4))
            with open(paper, "rb") as file:
                document = file.read()
            self.assertTrue(document.startswith(b"%PDF"))
            # A4 in points, on every page.
            sizes = set(re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", document))
            self.assertTrue(sizes)
            for width, height in sizes:
                self.assertAlmostEqual(595.3, float(width), delta=1)
                self.assertAlmostEqual(841.9, float(height), delta=1)


if __name__ == "__main__":
    unittest.main()
