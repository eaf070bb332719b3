# SPDX-License-Identifier: Apache-2.0
"""The spreadsheet: what LibreOffice reads out of it is what was put in; and what is in the file itself."""

import csv
import re
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

from sample import LANGUAGES, PROGRAM_S, SCOPES, ReportTest

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# LibreOffice's filter: commas, quotes, UTF-8, from line 1; cells as they are shown, every sheet into a file of its own.
CSV_FILTER = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
DANGEROUS = ("=HYPERLINK", "+86", "<script>")


class Book:
    """An XLSX file by Python's own readers: the cells of a sheet as texts."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)
        self.shared = []
        if "xl/sharedStrings.xml" in self.zip.namelist():
            self.shared = ["".join(text.itertext()) for text in self.xml("xl/sharedStrings.xml").iter(f"{MAIN}si")]
        self.names = [sheet.get("name") for sheet in self.xml("xl/workbook.xml").iter(f"{MAIN}sheet")]

    def xml(self, name):
        with self.zip.open(name) as file:
            return ElementTree.parse(file).getroot()

    def sheet(self, name):
        return self.xml(f"xl/worksheets/sheet{self.names.index(name) + 1}.xml")

    def rows(self, name):
        for row in self.sheet(name).iter(f"{MAIN}row"):
            yield {re.match("[A-Z]+", cell.get("r"))[0]: self.value(cell) for cell in row.iter(f"{MAIN}c")}

    def value(self, cell):
        if cell.get("t") == "s":
            return self.shared[int(cell.find(f"{MAIN}v").text)]
        if cell.get("t") == "inlineStr":
            return "".join(cell.find(f"{MAIN}is").itertext())
        value = cell.find(f"{MAIN}v")
        return None if value is None else float(value.text)


def expected(row):
    """Columns of the sheet of organisations: code, name, affiliation, counted, required, mobile."""
    organisation = row["organisation"]
    administrator = organisation["administrator"] or {"name": "", "mobile": ""}
    return (organisation["code"], organisation["name"], " - ".join(organisation["path"]), row["counted_sessions"],
            administrator["name"], administrator["mobile"])


class SpreadsheetTest(ReportTest):
    def test_libreoffice_reads_what_was_written(self):
        office = self.need("soffice", "libreoffice")
        for scope in SCOPES:
            for language, sheet in zip(LANGUAGES, ("Organisations", "组织")):
                with self.subTest(scope=scope, language=language):
                    path = self.sample("xlsx", scope, 60, language)
                    subprocess.run([office, "--headless", f"-env:UserInstallation=file://{self.path('profile')}",
                                    "--convert-to", CSV_FILTER, "--outdir", self.folder, path],
                                   check=True, capture_output=True, timeout=PROGRAM_S)
                    with open(path.replace(".xlsx", f"-{sheet}.csv"), encoding="utf-8", newline="") as file:
                        rows = list(csv.reader(file))
                    self.compare(rows[1:], self.assessment(scope, 60)["rows"])

    def compare(self, rows, report):
        self.assertEqual(len(report), len(rows))
        for read, row in zip(rows, report):
            self.assertEqual(expected(row), (read[2], read[3], read[4], int(read[8]), read[15], read[16]))
        names = [read[3] for read in rows]
        for dangerous in DANGEROUS:
            self.assertTrue(any(name.startswith(dangerous) for name in names), dangerous)

    def test_rows_of_a_file_that_is_written_through_temporary_files(self):
        book = Book(self.sample("xlsx", "district", 20_500))
        self.assertEqual([], book.shared)  # texts stand in their cells
        rows = list(book.rows("Organisations"))[1:]
        report = self.assessment("district", 20_500)["rows"]
        self.assertEqual(len(report), len(rows))
        for read, row in zip(rows, report):
            self.assertEqual(expected(row), (read["C"], read["D"], read["E"], int(read["I"]), read.get("P") or "",
                                             read.get("Q") or ""))

    def test_no_cell_is_a_formula_and_codes_are_texts(self):
        book = Book(self.sample("xlsx", "district", 60))
        for name in book.names:
            root = book.sheet(name)
            self.assertEqual([], list(root.iter(f"{MAIN}f")), name)
        for row in list(book.rows("Organisations"))[1:]:
            self.assertIsInstance(row["C"], str)
            self.assertIsInstance(row["A"], str)

    def test_heading_stays_filters_and_widths(self):
        book = Book(self.sample("xlsx", "district", 60, "zh_CN"))
        for name in ("考核单位", "组织", "待办", "证据", "疑点"):
            with self.subTest(name):
                sheet = book.sheet(name)
                pane = sheet.find(f"{MAIN}sheetViews/{MAIN}sheetView/{MAIN}pane")
                self.assertEqual(("frozen", "1"), (pane.get("state"), pane.get("ySplit")))
                self.assertIsNotNone(sheet.find(f"{MAIN}autoFilter"))
        # A Chinese character is as wide as two digits: 隶属关系 of the sample needs more than forty.
        widths = {int(column.get("min")): float(column.get("width"))
                  for column in book.sheet("组织").iter(f"{MAIN}col")}
        self.assertGreater(widths[5], 40)
        self.assertLess(widths[1], 20)

    def test_a_chart_for_every_unit_and_each_criterion(self):
        book = Book(self.sample("xlsx", "district", 60))
        charts = [name for name in book.zip.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name)]
        # Three criteria, fifty units, and all together.
        self.assertEqual(3 + 50 + 1, len(charts))
        for name in charts:
            text = book.zip.read(name).decode()
            self.assertEqual(3, text.count("<c:ser>"), name)

    def test_units_add_up_to_the_total(self):
        rows = list(Book(self.sample("xlsx", "district", 150)).rows("Assessed units"))
        units, total = rows[1:-1], rows[-1]
        self.assertEqual(50, len(units))
        for column in "CDEFGLMNOTUVW":  # organisations, and the four counts of each criterion
            self.assertEqual(sum(row[column] for row in units), total[column], f"{column}: {rows[0][column]}")

    def test_the_time_in_the_file_is_the_months(self):
        book = Book(self.sample("xlsx", "workstation", 3))
        self.assertIn(">2026-04-30T16:00:00Z<", book.zip.read("docProps/core.xml").decode())
        self.assertEqual({(1980, 1, 1, 0, 0, 0)}, {entry.date_time for entry in book.zip.infolist()})

    def test_an_empty_registry_opens_too(self):
        for scope in SCOPES:
            rows = list(Book(self.sample("xlsx", scope, 0)).rows("Organisations"))
            self.assertEqual(1, len(rows))


if __name__ == "__main__":
    unittest.main()
