// SPDX-License-Identifier: Apache-2.0
#include "tools/verbs/org_import.hpp"

#include <fstream>
#include <system_error>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "daemon/core/csv.hpp"
#include "daemon/core/registry_check.hpp"
#include "tools/district/registry_history.hpp"
#include "tools/district/store.hpp"
#include "tools/json_view.hpp"
#include "tools/local_messages.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"
#include "tools/render.hpp"
#include "tools/verbs/verbs.hpp"

namespace ukey::ctl {
namespace {

struct Arguments {
    std::string file;
    bool dry_run = false;
    std::string district; ///< a district's store; empty: the service's registry
    std::string as_of;    ///< a day; empty: today
};

std::string describe_columns() {
    std::string text = _("Columns of the file (first row; any order; * = needed):");
    for (const RegistryColumn& column : registry_columns) {
        text += fmt::format("\n  {:<18}{}{}", column.english, column.chinese, column.required ? " *" : "");
    }
    text += "\n" + _("A path is written: 重庆市委 - 沙坪坝区委 - 区委党校 - 教工支部. The file may be UTF-8 "
                     "or GB18030.");
    return text;
}

Outcome<std::string> read_bounded(const std::string& path) {
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    std::string bytes;
    if (stream) {
        bytes.resize(csv_file_max_bytes + 1);
        stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        bytes.resize(static_cast<std::size_t>(stream.gcount()));
    }
    if (!stream.is_open() || stream.bad() || (bytes.empty() && errno != 0)) {
        return fail_with("file.unreadable",
                         {{"object", path}, {"reason", std::generic_category().message(errno)}});
    }
    if (bytes.size() > csv_file_max_bytes) {
        return fail_with(
            "csv.too_large",
            {{"object", path}, {"reason", fmt::format("> {} MiB", csv_file_max_bytes / (1024UL * 1024UL))}});
    }
    return bytes;
}

Outcome<boost::json::object> send_rows(const Context& context, const std::vector<RegistryRow>& rows,
                                       const Arguments& arguments) {
    auto client = context.connect();
    if (!client) {
        return tl::unexpected(client.error());
    }
    auto answer = client->call("org.import", {{"stage", "begin"}, {"file", arguments.file}});
    Progress progress(N_("{done} of {total} organisations sent"), rows.size());
    for (boost::json::array& frame : import_frames(rows)) {
        if (!answer) {
            return answer;
        }
        const std::size_t count = frame.size();
        answer = client->call("org.import", {{"stage", "rows"}, {"rows", std::move(frame)}});
        progress.advance(count);
    }
    if (!answer) {
        return answer;
    }
    return client->call("org.import", {{"stage", "commit"}, {"dry_run", arguments.dry_run}}, {},
                        long_answer_wait);
}

std::string render_import(const boost::json::object& result, const Arguments& arguments, const Style& style) {
    const auto count = [&](const char* name) { return std::to_string(number_of(result, name).value_or(0)); };
    const Places places{{"added", count("added")},
                        {"changed", count("changed")},
                        {"unchanged", count("unchanged")},
                        {"file", arguments.file}};
    const std::string line =
        arguments.dry_run
            ? say(N_("{file}: {added} would be added, {changed} changed, {unchanged} are as they were. "
                     "Nothing was written."),
                  places)
            : say(N_("{file}: {added} added, {changed} changed, {unchanged} as they were."), places);
    return line + "\n" + render_findings(list_of(result, "findings"), style);
}

Result<ChinaDate> day_of(const Arguments& arguments) {
    return arguments.as_of.empty() ? ChinaDate::containing(SystemClock().now())
                                   : ChinaDate::parse(arguments.as_of);
}

/// The same answer as the service's.
Outcome<boost::json::object> import_into_district(const std::vector<RegistryRow>& rows,
                                                  const Arguments& arguments) {
    const auto since = day_of(arguments);
    if (!since) {
        return fail_with(since.error());
    }
    auto store = district::Store::open(arguments.district);
    if (!store) {
        return fail_with(store.error());
    }
    const auto changes =
        district::import_registry(store->database(), arguments.file, rows, *since, arguments.dry_run);
    if (!changes) {
        return fail_with(district::as_district_error(changes.error()));
    }
    boost::json::array findings;
    for (const Finding& finding : registry_findings(rows)) {
        findings.push_back(finding_json(finding));
    }
    boost::json::object result{{"added", changes->added},
                               {"changed", changes->changed},
                               {"unchanged", changes->unchanged},
                               {"since", since->text()}};
    result["findings"] = std::move(findings);
    return result;
}

Outcome<ExitCode> run(const Context& context, const Arguments& arguments) {
    const auto bytes = read_bounded(arguments.file);
    if (!bytes) {
        return tl::unexpected(bytes.error());
    }
    const auto rows = read_registry(arguments.file, *bytes);
    if (!rows) {
        return fail_with(rows.error());
    }
    const auto result = arguments.district.empty() ? send_rows(context, *rows, arguments)
                                                   : import_into_district(*rows, arguments);
    if (!result) {
        return tl::unexpected(result.error());
    }
    if (context.json()) {
        context.print_json(*result);
    } else {
        context.print(render_import(*result, arguments, context.style()));
    }
    return has_error_finding(*result) ? ExitCode::answered_no : ExitCode::done;
}

} // namespace

boost::json::object to_json(const RegistryRow& row) {
    const Organisation& organisation = row.organisation;
    boost::json::array path;
    for (const std::string& name : organisation.path) {
        path.emplace_back(name);
    }
    boost::json::object json{{"line", row.line},
                             {"code", organisation.code},
                             {"path", std::move(path)},
                             {"kind", to_string(organisation.kind)},
                             {"assessed_unit", organisation.assessed_unit},
                             {"key_required", organisation.key_required},
                             {"mobile_terminal", organisation.mobile_terminal},
                             {"answered_for_by", organisation.answered_for_by},
                             {"administrator", nullptr}};
    if (organisation.administrator) {
        json["administrator"] = {{"name", organisation.administrator->name},
                                 {"mobile", organisation.administrator->mobile}};
    }
    if (organisation.founded) {
        json["founded"] = organisation.founded->text();
    }
    if (organisation.dissolved) {
        json["dissolved"] = organisation.dissolved->text();
    }
    return json;
}

std::vector<boost::json::array> import_frames(const std::vector<RegistryRow>& rows) {
    std::vector<boost::json::array> frames;
    std::size_t frame_bytes = 0;
    for (const RegistryRow& row : rows) {
        boost::json::object json = to_json(row);
        const std::size_t row_bytes = boost::json::serialize(json).size() + 1;
        if (frames.empty() || frames.back().size() == import_frame_max_rows ||
            frame_bytes + row_bytes > import_frame_max_bytes) {
            frames.emplace_back();
            frame_bytes = 0;
        }
        frame_bytes += row_bytes;
        frames.back().emplace_back(std::move(json));
    }
    return frames;
}

Run define_org_import(CLI::App& command) {
    auto arguments = std::make_shared<Arguments>();
    command.add_option("FILE", arguments->file, _("the registry as CSV"))->required();
    command.add_flag("--dry-run", arguments->dry_run,
                     _("check everything and say what would change; write nothing"));
    auto* district = command.add_option("--district", arguments->district,
                                        _("into this district's store, not the service's registry"));
    command
        .add_option("--as-of", arguments->as_of,
                    _("the day since which the file holds, as 2026-04-01; today if there is none"))
        ->needs(district);
    command.footer(describe_columns());
    return [arguments](const Context& context) { return run(context, *arguments); };
}

} // namespace ukey::ctl
