// SPDX-License-Identifier: Apache-2.0
// org.import, org.list, org.show.
#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"
#include "daemon/core/registry_check.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// A whole city has some 120,000 organisations.
constexpr std::size_t import_rows_max = 1'000'000;

std::string text_of(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_of(const boost::json::object& object, std::string_view name, bool fallback) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() ? value->get_bool() : fallback;
}

Result<RegistryRow> read_row(const boost::json::value& value) {
    const auto malformed = [](const char* member) {
        return fail("control.bad_request", "read a row", member,
                    std::string(member) + " is missing or wrong");
    };
    const boost::json::object* object = value.if_object();
    if (object == nullptr) {
        return malformed("row");
    }
    RegistryRow row;
    boost::json::error_code error;
    row.line = object->contains("line") ? object->at("line").to_number<std::size_t>(error) : 0;
    Organisation& organisation = row.organisation;
    organisation.code = text_of(*object, "code");
    if (const boost::json::value* path = object->if_contains("path"); path != nullptr && path->is_array()) {
        for (const boost::json::value& name : path->get_array()) {
            organisation.path.emplace_back(name.is_string() ? name.get_string().c_str() : "");
        }
    }
    const auto kind = parse_organisation_kind(text_of(*object, "kind"));
    if (organisation.code.empty() || organisation.path.empty() || !kind || error) {
        return malformed(organisation.code.empty() ? "code" : "path or kind");
    }
    organisation.kind = *kind;
    organisation.assessed_unit = text_of(*object, "assessed_unit");
    organisation.key_required = flag_of(*object, "key_required", true);
    organisation.mobile_terminal = flag_of(*object, "mobile_terminal", false);
    organisation.answered_for_by = text_of(*object, "answered_for_by");
    if (const boost::json::value* person = object->if_contains("administrator");
        person != nullptr && person->is_object()) {
        organisation.administrator =
            Administrator{text_of(person->get_object(), "name"), text_of(person->get_object(), "mobile")};
    }
    for (const auto& [member, date] :
         {std::pair("founded", &organisation.founded), std::pair("dissolved", &organisation.dissolved)}) {
        if (const std::string text = text_of(*object, member); !text.empty()) {
            const auto read = ChinaDate::parse(text);
            if (!read) {
                return malformed(member);
            }
            *date = *read;
        }
    }
    return row;
}

Result<boost::json::object> receive_rows(PendingImport& import, const boost::json::object& arguments) {
    const boost::json::value* rows = arguments.if_contains("rows");
    if (rows == nullptr || !rows->is_array() ||
        import.rows.size() + rows->get_array().size() > import_rows_max) {
        return fail("control.bad_request", "import the registry", "rows", "rows are missing or too many");
    }
    for (const boost::json::value& value : rows->get_array()) {
        auto row = read_row(value);
        if (!row) {
            return tl::unexpected(row.error());
        }
        import.rows.push_back(std::move(*row));
    }
    return boost::json::object{{"received", import.rows.size()}};
}

asio::awaitable<ControlAnswer> commit_import(ControlContext& context, const ControlRequest& request,
                                             PendingImport import) {
    const bool dry_run = request.flag("dry_run");
    const std::uint32_t uid = request.peer.uid;
    const auto counts = co_await context.store.run(
        [&](Storage& storage) { return import_registry(storage, import.file, import.rows, uid, dry_run); });
    if (!counts) {
        co_return refuse(counts.error());
    }
    if (!dry_run) {
        co_await context.keys.reload_all();
    }
    co_return boost::json::object{{"added", counts->added},
                                  {"changed", counts->changed},
                                  {"unchanged", counts->unchanged},
                                  {"dry_run", dry_run},
                                  {"findings", view_findings(registry_findings(import.rows))}};
}

} // namespace

asio::awaitable<ControlAnswer> handle_org_import(ControlContext& context, ControlRequest& request) {
    const std::string stage = request.optional_text("stage");
    if (stage == "begin") {
        request.import = PendingImport{request.optional_text("file"), {}};
        co_return boost::json::object{{"received", 0}};
    }
    if (!request.import || (stage != "rows" && stage != "commit")) {
        co_return refuse(Error{"control.bad_request", "import the registry", "stage",
                               "begin, rows and commit, in this order"});
    }
    if (stage == "rows") {
        auto received = receive_rows(*request.import, request.arguments);
        if (!received) {
            request.import.reset();
            co_return refuse(received.error());
        }
        co_return std::move(*received);
    }
    PendingImport import = std::move(*request.import);
    request.import.reset();
    co_return co_await commit_import(context, request, std::move(import));
}

asio::awaitable<ControlAnswer> handle_org_list(ControlContext& context, ControlRequest& request) {
    const std::string match = request.optional_text("match");
    const auto entries =
        co_await context.reader.read([&](Storage& storage) { return list_organisations(storage, match); });
    if (!entries) {
        co_return refuse(entries.error());
    }
    RowParts parts(request);
    for (const OrganisationEntry& entry : *entries) {
        boost::json::object row = view_organisation(entry, viewer_of(request));
        if (!co_await parts.add(std::move(row))) {
            break;
        }
    }
    co_await parts.finish();
    co_return boost::json::object{{"count", entries->size()}};
}

asio::awaitable<ControlAnswer> handle_org_show(ControlContext& context, ControlRequest& request) {
    const auto wanted = request.text("organisation");
    if (!wanted) {
        co_return refuse(wanted.error());
    }
    const auto entry =
        co_await context.store.run([&](Storage& storage) { return find_organisation(storage, *wanted); });
    if (!entry) {
        co_return refuse(entry.error());
    }
    co_return boost::json::object{{"organisation", view_organisation(*entry, viewer_of(request))}};
}

} // namespace ukey
