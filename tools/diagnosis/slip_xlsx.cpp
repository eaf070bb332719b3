// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/diagnosis/slip.hpp"
#include "tools/locale.hpp"
#include "tools/report/workbook.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

void write_slip_sheet(Workbook& book, const Slip& slip) {
    SheetTable table(book, slip.title, {_("Part"), _("What"), _("Content")});
    table.add({{_("Diagnosis")}, {_("Result")}, {slip.headline, Fill::strong}});
    for (const std::string& reason : slip.reasons) {
        table.add({{_("Diagnosis")}, {_("Reason")}, {reason, Fill::wrapped}});
    }
    for (const SlipSection& section : slip.sections) {
        for (const SlipLine& line : section.lines) {
            table.add({{section.title}, {line.label}, {line.value}});
        }
    }
}

void write_layer_sheet(Workbook& book, const Diagnosis& diagnosis) {
    SheetTable table(book, _("What was looked at"), {_("Layer"), _("State"), _("Found"), _("Code")});
    for (const Check& check : diagnosis.layers) {
        table.add({{translate(check.title)},
                   {word(to_string(check.state))},
                   {found_text(check), Fill::wrapped},
                   {code_of(check)}});
    }
}

} // namespace

Outcome<void> write_slip_xlsx(const std::string& path, const Slip& slip, const Diagnosis& diagnosis) {
    auto book = Workbook::create(path, {.title = slip.title, .created = diagnosis.time});
    if (!book) {
        return tl::unexpected(book.error());
    }
    write_slip_sheet(*book, slip);
    write_layer_sheet(*book, diagnosis);
    return book->close();
}

} // namespace ukey::ctl
