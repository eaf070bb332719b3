// SPDX-License-Identifier: Apache-2.0
// What the control channel's handlers work with.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "daemon/core/certificate.hpp"
#include "daemon/core/clock.hpp"
#include "daemon/core/configuration.hpp"
#include "daemon/core/criterion_rule.hpp"
#include "daemon/core/finding.hpp"
#include "daemon/core/registry_file.hpp"
#include "daemon/event_bus.hpp"
#include "daemon/keys/key_watch.hpp"
#include "daemon/login/login_server.hpp"
#include "daemon/peer.hpp"
#include "daemon/store/store_thread.hpp"
#include "daemon/workstation.hpp"

namespace ukey {

/// The daemon's parts, as the handlers see them.
struct ControlContext {
    const Clock& clock;
    const Configuration& configuration;
    const TrustStore& trust;
    const CriterionRule& rule;
    Workstation& workstation;
    StoreThread& store;
    /// Reads beside it: lists, reports, exports.
    StoreThread& reader;
    KeyWatch& keys;
    LoginServer& logins;
    EventBus& events;
    std::string state_dir;
    std::string configuration_path;
    Timestamp started;
    /// Reads the configuration again on behalf of that user; the old one goes on when it is refused.
    std::function<boost::asio::awaitable<Result<void>>(std::uint32_t uid)> reconfigure;
};

/// A registry that is being sent in pieces; lives as long as its connection.
struct PendingImport {
    std::string file;
    std::vector<RegistryRow> rows;
};

/// One request and who makes it.
struct ControlRequest {
    const Peer& peer;
    Privilege privilege = Privilege::read;
    boost::json::object arguments;
    std::optional<PendingImport>& import;
    /// Sends one piece of a long answer; false when the caller is gone.
    std::function<boost::asio::awaitable<bool>(boost::json::array)> send_part;

    bool operates() const { return privilege != Privilege::read; }

    /// An argument that must be a text; `control.bad_request` otherwise.
    Result<std::string> text(std::string_view name) const;
    /// Empty when it is not given.
    std::string optional_text(std::string_view name) const;
    bool flag(std::string_view name) const;
    std::uint64_t number(std::string_view name, std::uint64_t fallback) const;
};

/// The result object, or why not: a code with arguments for its texts.
using ControlAnswer = tl::expected<boost::json::object, Finding>;
using ControlHandler = boost::asio::awaitable<ControlAnswer> (*)(ControlContext&, ControlRequest&);

/// A verb cannot be registered without the privilege that it needs.
struct ControlVerb {
    std::string_view name;
    Privilege privilege;
    ControlHandler handler;
};
std::span<const ControlVerb> control_verbs();

/// Its object, which is the subject too, reason and context become arguments.
Finding to_finding(const Error& error);
/// An Error as an answer.
tl::unexpected<Finding> refuse(const Error& error);

// The handlers, by verb; in files by subject.
boost::asio::awaitable<ControlAnswer> handle_status(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_watch(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_list(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_show(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_bind(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_release(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_return(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_key_replace(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_org_import(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_org_list(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_org_show(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_session_list(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_session_show(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_report_month(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_pin_allow_last_try(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_config_reload(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_export(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_verify(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_checkpoint(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_bundle(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_archive_point(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_archive(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_audit_remove_personal_data(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_workstation_show(ControlContext&, ControlRequest&);
boost::asio::awaitable<ControlAnswer> handle_workstation_rotate_key(ControlContext&, ControlRequest&);

/// Answers of many rows go out in pieces of so many: about 100 KiB, well below the largest frame.
constexpr std::size_t part_rows = 200;

} // namespace ukey
