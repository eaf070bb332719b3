// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/archive_check.hpp"
#include "tools/audit/fetched_bundle.hpp"
#include "tools/audit/removal_text.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string before;
    std::string output;
};

/// The records that are to leave the ledger.
struct Range {
    std::uint64_t first_seq;
    std::uint64_t last_seq;
};

Outcome<Range> ask_range(const Context& context, const std::string& before) {
    const auto point = context.ask("audit.archive_point", {{"before", before}}, {}, long_answer_wait);
    if (!point) {
        return tl::unexpected(point.error());
    }
    return Range{static_cast<std::uint64_t>(number_of(*point, "first_seq").value_or(0)),
                 static_cast<std::uint64_t>(number_of(*point, "last_seq").value_or(0))};
}

/// All that the ledger has, on disk. The file may have been there, with other bytes: then it stays.
Outcome<void> write_bundle(const Context& context, const std::string& path) {
    auto output = OutputFile::open(path);
    if (!output) {
        return tl::unexpected(output.error());
    }
    return fetch_bundle(context, {}, *output).and_then([&] { return output->commit_new(); });
}

/// Write, read again and check, and only then remove.
Outcome<boost::json::object> archive(const Context& context, const Arguments& arguments) {
    const auto range = ask_range(context, arguments.before);
    if (!range) {
        return tl::unexpected(range.error());
    }
    const auto identity = context.ask("workstation.show");
    if (!identity) {
        return tl::unexpected(identity.error());
    }
    if (const auto written = write_bundle(context, arguments.output); !written) {
        return tl::unexpected(written.error());
    }
    const auto sha256 = check_archive({.file = arguments.output,
                                       .workstation = text_of(*identity, "fingerprint"),
                                       .first_seq = range->first_seq,
                                       .last_seq = range->last_seq});
    if (!sha256) {
        return tl::unexpected(sha256.error());
    }
    const auto removed = context.ask(
        "audit.archive", {{"last_seq", range->last_seq}, {"bundle_sha256", *sha256}}, {}, long_answer_wait);
    if (!removed) {
        return tl::unexpected(removed.error());
    }
    return boost::json::object{{"first_seq", range->first_seq},
                               {"last_seq", range->last_seq},
                               {"is_gone", flag_of(*removed, "is_gone").value_or(true)},
                               {"file", arguments.output},
                               {"sha256", *sha256}};
}

} // namespace

Run define_audit_archive(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command
        .add_option(
            "--before", arguments->before,
            _("of records before this day, as 2026-04-01; the running month and the one before it stay"))
        ->required();
    command
        .add_option("--output", arguments->output,
                    _("write the bundle to this file, which is checked before anything is removed"))
        ->required();
    return [arguments](const Context& context) -> Outcome<ExitCode> {
        const auto archived = archive(context, *arguments);
        if (!archived) {
            return tl::unexpected(archived.error());
        }
        if (context.json()) {
            context.print_json(*archived);
        } else {
            context.print(
                say(N_("Records {first} to {last} are in {file} (SHA-256 {sha256}), checked, and no longer "
                       "in "
                       "this computer's ledger. Keep the file: nothing else has them. Later bundles go on "
                       "after record {last}; ukeyctl audit verify checks them together with it."),
                    {{"first", std::to_string(number_of(*archived, "first_seq").value_or(0))},
                     {"last", std::to_string(number_of(*archived, "last_seq").value_or(0))},
                     {"file", arguments->output},
                     {"sha256", text_of(*archived, "sha256")}}) +
                "\n" + traces_left(*archived));
        }
        return ExitCode::done;
    };
}

} // namespace ukey::ctl
