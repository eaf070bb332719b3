// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/control_server.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "daemon/control/views.hpp"
#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

constexpr std::size_t connections_max = 128;
/// Of one user: nobody keeps the others out.
constexpr std::ptrdiff_t connections_per_user_max = 32;

constexpr auto verbs = std::to_array<ControlVerb>({
    {"status", Privilege::read, handle_status},
    {"watch", Privilege::read, handle_watch},
    {"key.list", Privilege::read, handle_key_list},
    {"key.show", Privilege::read, handle_key_show},
    {"key.bind", Privilege::administer, handle_key_bind},
    {"key.release", Privilege::administer, handle_key_release},
    {"key.return", Privilege::administer, handle_key_return},
    {"key.replace", Privilege::administer, handle_key_replace},
    {"org.import", Privilege::administer, handle_org_import},
    {"org.list", Privilege::read, handle_org_list},
    {"org.show", Privilege::read, handle_org_show},
    {"session.list", Privilege::read, handle_session_list},
    {"session.show", Privilege::read, handle_session_show},
    {"report.month", Privilege::read, handle_report_month},
    {"pin.allow_last_try", Privilege::read, handle_pin_allow_last_try},
    {"config.reload", Privilege::administer, handle_config_reload},
    {"audit.bundle", Privilege::operate, handle_audit_bundle},
    {"audit.checkpoint", Privilege::operate, handle_audit_checkpoint},
    {"audit.export", Privilege::operate, handle_audit_export},
    {"audit.archive_point", Privilege::administer, handle_audit_archive_point},
    {"audit.archive", Privilege::administer, handle_audit_archive},
    {"audit.remove_personal_data", Privilege::administer, handle_audit_remove_personal_data},
    {"audit.verify", Privilege::operate, handle_audit_verify},
    {"workstation.rotate_key", Privilege::administer, handle_workstation_rotate_key},
    {"workstation.show", Privilege::read, handle_workstation_show},
});

tl::unexpected<Finding> bad_request(std::string reason) {
    return tl::unexpected(Finding{"control.bad_request", "", {{"reason", std::move(reason)}}});
}

} // namespace

std::span<const ControlVerb> control_verbs() {
    return verbs;
}

Finding to_finding(const Error& error) {
    return {error.code,
            error.object,
            {{"object", error.object}, {"reason", error.reason}, {"context", error.context}}};
}

tl::unexpected<Finding> refuse(const Error& error) {
    return tl::unexpected(to_finding(error));
}

Result<std::string> ControlRequest::text(std::string_view name) const {
    const boost::json::value* value = arguments.if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string().empty()) {
        return fail("control.bad_request", "read the request", std::string(name),
                    std::string(name) + " is missing");
    }
    return std::string(value->get_string());
}

std::string ControlRequest::optional_text(std::string_view name) const {
    return text(name).value_or(std::string());
}

bool ControlRequest::flag(std::string_view name) const {
    const boost::json::value* value = arguments.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::uint64_t ControlRequest::number(std::string_view name, std::uint64_t fallback) const {
    const boost::json::value* value = arguments.if_contains(name);
    boost::json::error_code error;
    const auto number = value == nullptr ? fallback : value->to_number<std::uint64_t>(error);
    return error ? fallback : number;
}

struct ControlServer::Connection {
    Connection(LocalSocket socket, Peer who, std::optional<gid_t> operators)
        : channel(std::move(socket), control_frame_max_bytes), peer(std::move(who)),
          privilege(privilege_of(peer, operators)) {}

    Channel channel;
    Peer peer;
    Privilege privilege;
    std::optional<PendingImport> import;
};

ControlServer::ControlServer(asio::any_io_executor executor, ControlContext& context,
                             std::optional<gid_t> operators)
    : executor_(std::move(executor)), context_(context), operators_(operators) {}

asio::awaitable<void> ControlServer::serve(LocalAcceptor acceptor) {
    listener_.emplace(std::move(acceptor), "control channel");
    for (;;) {
        auto socket = co_await listener_->accept();
        if (!socket) {
            co_return;
        }
        admit(std::move(*socket));
    }
}

void ControlServer::admit(LocalSocket socket) {
    auto peer = read_peer(socket.native_handle());
    if (!peer) {
        spdlog::warn("control channel: {}", to_string(peer.error()));
        return;
    }
    const auto same_user = std::ranges::count_if(
        connections_, [&](const auto& connection) { return connection->peer.uid == peer->uid; });
    if (connections_.size() >= connections_max || same_user >= connections_per_user_max) {
        spdlog::warn("control channel: a connection of uid {} was turned away: too many", peer->uid);
        return;
    }
    auto connection = std::make_shared<Connection>(std::move(socket), std::move(*peer), operators_);
    connections_.insert(connection);
    asio::co_spawn(executor_, serve_one(connection), report_exception());
}

void ControlServer::close() {
    if (listener_) {
        listener_->close();
    }
    for (const auto& connection : connections_) {
        connection->channel.close();
    }
}

void ControlServer::set_operators(std::optional<gid_t> operators) {
    operators_ = operators;
    forget_user_names();
}

asio::awaitable<void> ControlServer::serve_one(std::shared_ptr<Connection> connection) {
    for (;;) {
        const auto message = co_await connection->channel.receive();
        if (!message) {
            spdlog::warn("control channel: pid {} uid {}: {}; connection closed", connection->peer.pid,
                         connection->peer.uid, to_string(message.error()));
            break;
        }
        if (!*message || !co_await answer(*connection, **message)) {
            break;
        }
    }
    connection->channel.close();
    connections_.erase(connection);
}

asio::awaitable<bool> ControlServer::answer(Connection& connection, const boost::json::object& message) {
    const boost::json::value* id = message.if_contains("id");
    boost::json::object reply{{"id", id != nullptr ? *id : boost::json::value(nullptr)}};
    ControlAnswer result = co_await dispatch(connection, message);
    if (result) {
        reply["result"] = std::move(*result);
    } else {
        boost::json::object error = to_json(result.error());
        reply["error"] = boost::json::object{{"code", error["code"]},
                                             {"message", error["message"]},
                                             {"remedy", error["remedy"]},
                                             {"subject", error["subject"]},
                                             {"arguments", error["arguments"]}};
    }
    co_return co_await connection.channel.send(reply);
}

asio::awaitable<ControlAnswer> ControlServer::dispatch(Connection& connection,
                                                       const boost::json::object& message) {
    const boost::json::value* name = message.if_contains("verb");
    const boost::json::value* arguments = message.if_contains("arguments");
    if (name == nullptr || !name->is_string() || (arguments != nullptr && !arguments->is_object())) {
        co_return bad_request("verb and arguments are needed");
    }
    const std::string_view wanted(name->get_string());
    const auto verb = std::ranges::find(verbs, wanted, &ControlVerb::name);
    if (verb == verbs.end()) {
        co_return bad_request("there is no verb " + std::string(wanted));
    }
    if (connection.privilege < verb->privilege) {
        co_return tl::unexpected(
            Finding{"control.refused",
                    std::string(wanted),
                    {{"verb", std::string(wanted)}, {"privilege", std::string(to_string(verb->privilege))}}});
    }
    const boost::json::value id = message.contains("id") ? message.at("id") : boost::json::value(nullptr);
    ControlRequest request{
        .peer = connection.peer,
        .privilege = connection.privilege,
        .arguments = arguments != nullptr ? arguments->get_object() : boost::json::object(),
        .import = connection.import,
        .send_part = [&connection, id](boost::json::array part) -> asio::awaitable<bool> {
            const boost::json::object piece{{"id", id}, {"more", true}, {"part", std::move(part)}};
            co_return co_await connection.channel.send(piece);
        }};
    co_return co_await verb->handler(context_, request);
}

} // namespace ukey
