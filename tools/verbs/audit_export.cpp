// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "daemon/core/csv.hpp"
#include "tools/audit/fetched_bundle.hpp"
#include "tools/json_view.hpp"
#include "tools/locale.hpp"
#include "tools/output_file.hpp"
#include "tools/progress.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string format = "csv";
    std::string output;
    std::int64_t from_seq = 0;
    std::int64_t to_seq = 0;
    std::int64_t since = 0;
    bool without_personal_data = false;
};

/// Writes record by record as they arrive: a ledger may be longer than memory should hold.
class RecordWriter {
  public:
    RecordWriter(OutputFile& output, bool json) : output_(output), json_(json) {
        output_.write(json_ ? "{\"records\":["
                            : std::string(utf8_byte_order_mark) + csv_line(column_names()));
    }

    void write(const boost::json::object& record) {
        if (json_) {
            output_.write((first_ ? "\n" : ",\n") + boost::json::serialize(record));
            first_ = false;
            return;
        }
        std::vector<std::string> cells;
        for (const std::string& name : column_names()) {
            const boost::json::value* value = record.if_contains(name);
            const bool refers = value != nullptr && value->is_object(); // `personal`
            cells.push_back(refers ? raw_text(value->get_object(), "value")
                                   : (value != nullptr ? scalar_text(*value) : ""));
        }
        output_.write(csv_line(cells));
    }

    /// `result` is the last frame's: first_seq, last_seq, head; its `records` is the count.
    void finish(boost::json::object result) {
        if (!json_) {
            return;
        }
        result["count"] = result["records"];
        result.erase("records");
        output_.write("\n]," + boost::json::serialize(result).substr(1) + "\n");
    }

  private:
    static const std::vector<std::string>& column_names() {
        static const std::vector<std::string> names{"seq",     "time", "boottime_us", "kind",
                                                    "payload", "hash", "personal"};
        return names;
    }

    OutputFile& output_;
    bool json_;
    bool first_ = true;
};

Outcome<ExitCode> export_bundle(const Context& context, const Arguments& arguments) {
    auto output = OutputFile::open(arguments.output);
    if (!output) {
        return tl::unexpected(output.error());
    }
    return fetch_bundle(
               context,
               {{"since", arguments.since}, {"without_personal_data", arguments.without_personal_data}},
               *output)
        .and_then([&] { return output->commit(); })
        .map([] { return ExitCode::done; });
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const bool bundle = arguments.format == "bundle";
    if (bundle ? arguments.from_seq > 0 || arguments.to_seq > 0
               : arguments.since > 0 || arguments.without_personal_data) {
        return fail_with(
            "usage.arguments",
            {{"reason",
              _("--since and --without-personal-data are for bundles, --from-seq and --to-seq are for "
                "csv and json")},
             {"program", "ukeyctl audit export"}});
    }
    if (bundle) {
        return export_bundle(context, arguments);
    }
    auto client = context.connect(); // first, so that no file is begun in vain
    if (!client) {
        return tl::unexpected(client.error());
    }
    auto output = OutputFile::open(arguments.output);
    if (!output) {
        return tl::unexpected(output.error());
    }
    boost::json::object range;
    if (arguments.from_seq > 0) {
        range["from_seq"] = arguments.from_seq;
    }
    if (arguments.to_seq > 0) {
        range["to_seq"] = arguments.to_seq;
    }
    std::optional<RecordWriter> writer; // the heading only when there is an answer
    const auto begin = [&] {
        if (!writer) {
            writer.emplace(*output, context.json() || arguments.format == "json");
        }
    };
    Progress progress(N_("{done} records written"), 0);
    const auto result = client->call("audit.export", std::move(range), [&](const boost::json::value& record) {
        begin();
        writer->write(as_object(record));
        progress.advance(1);
        return true;
    });
    if (!result) {
        return tl::unexpected(result.error());
    }
    begin();
    writer->finish(*result);
    return output->commit().map([] { return ExitCode::done; });
}

} // namespace

Run define_audit_export(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command
        .add_option("--format", arguments->format, _("csv, json, or bundle: signed, to be checked elsewhere"))
        ->check(CLI::IsMember({"csv", "json", "bundle"}))
        ->capture_default_str();
    command.add_option("--output", arguments->output, _("write to this file"));
    command.add_option("--from-seq", arguments->from_seq, _("first record"))->check(CLI::PositiveNumber);
    command.add_option("--to-seq", arguments->to_seq, _("last record"))->check(CLI::PositiveNumber);
    command
        .add_option("--since", arguments->since,
                    _("of a bundle: begin after this record, at which an earlier bundle ended"))
        ->check(CLI::PositiveNumber);
    command.add_flag(
        "--without-personal-data", arguments->without_personal_data,
        _("of a bundle: leave out users, programs' paths and signatures; attested logins cannot be "
          "checked then"));
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
