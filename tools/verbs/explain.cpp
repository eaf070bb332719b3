// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "tools/diagnosis/verdict.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/verbs/verbs.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {
namespace {

std::vector<MessageEntry> all_messages() {
    std::vector<MessageEntry> all(message_table().begin(), message_table().end());
    all.insert(all.end(), local_messages().begin(), local_messages().end());
    std::ranges::sort(all, {}, &MessageEntry::code);
    return all;
}

/// What a diagnosis makes of the code; null: it does not come up in one.
boost::json::value diagnosis_of(std::string_view code) {
    const FaultRule* rule = find_rule(code);
    if (rule == nullptr) {
        return nullptr;
    }
    boost::json::object json{{"side", to_string(rule->side)}, {"proof", to_string(rule->proof)}};
    json["proved"] =
        rule->proof == Proof::none ? boost::json::value() : boost::json::value(to_string(rule->proved));
    return json;
}

boost::json::object to_json(const MessageEntry& entry) {
    return {{"code", entry.code},
            {"severity", to_string(entry.severity)},
            {"message", entry.message},
            {"remedy", entry.remedy},
            {"explanation", entry.explanation},
            {"diagnosis", diagnosis_of(entry.code)}};
}

std::string render_one(const MessageEntry& entry, const Style& style) {
    const Cell sign = mark(to_string(entry.severity));
    std::string lines = fmt::format("{} {} ({})\n  {}\n", style.paint(sign.paint, sign.text),
                                    style.paint(Paint::strong, entry.code), word(to_string(entry.severity)),
                                    translate(entry.message));
    if (!entry.remedy.empty()) {
        lines += fmt::format("  → {}\n", translate(entry.remedy));
    }
    if (!entry.explanation.empty()) {
        lines += fmt::format("\n  {}\n", translate(entry.explanation));
    }
    return lines;
}

ExitCode list_all(const Context& context) {
    Table table({"", _("Code"), _("Meaning")});
    boost::json::array codes;
    for (const MessageEntry& entry : all_messages()) {
        table.add({mark(to_string(entry.severity)), {std::string(entry.code)}, {translate(entry.message)}});
        codes.emplace_back(to_json(entry));
    }
    if (context.json()) {
        context.print_json({{"codes", std::move(codes)}});
    } else {
        context.print(table.text(context.style()));
    }
    return ExitCode::done;
}

} // namespace

Run define_explain(CLI::App& command) {
    auto code = std::make_shared<std::string>();
    command.add_option("CODE", *code, _("a code as findings and errors show it, for example pin.default"));
    return [code](const Context& context) -> Outcome<ExitCode> {
        if (code->empty()) {
            return list_all(context);
        }
        const MessageEntry* entry = find_message(*code);
        if (entry == nullptr) {
            return fail_with("explain.unknown", {{"object", *code}});
        }
        if (context.json()) {
            context.print_json(to_json(*entry));
        } else {
            context.print(render_one(*entry, context.style()));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
