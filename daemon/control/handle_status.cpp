// SPDX-License-Identifier: Apache-2.0
// status and watch: how things are, and what changes.
#include <unistd.h>

#include <deque>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/control/views.hpp"
#include "daemon/store/schema.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// A watcher that reads so slowly that so many bytes of events wait for it is cut off: some thousand events.
/// One user has at most 32 watchers.
constexpr std::size_t waiting_bytes_max = std::size_t{2} * 1024 * 1024;
/// Of one piece of the answer: well below the largest frame.
constexpr std::size_t part_bytes_max = std::size_t{256} * 1024;

boost::json::object view_daemon(const ControlContext& context) {
    return {{"version", UKEY_VERSION},
            {"pid", ::getpid()},
            {"mode", to_string(context.configuration.mode)},
            {"started_at", format_timestamp(context.started)},
            {"state_dir", context.state_dir},
            {"config", context.configuration_path},
            {"trust_paths", context.configuration.trust_paths.size()},
            {"schema", schema_version}};
}

boost::json::value event_device(const ControlContext& context, const boost::json::object& event) {
    for (const BusEntry& entry : context.keys.devices()) {
        if (std::string_view(entry.device.port) == event.at("port").as_string()) {
            return view_device(entry);
        }
    }
    return boost::json::object{{"port", event.at("port")}};
}

/// Adds to an event what this caller may see of its subject; nothing when the event is not for this caller.
std::optional<boost::json::object> view_event(const boost::json::object& event, const ControlContext& context,
                                              const Viewer& viewer) {
    boost::json::object view = event;
    const std::string_view type(event.at("type").as_string());
    if (type.starts_with("usb.")) {
        view["device"] = event_device(context, event);
    } else if (type.starts_with("key.")) {
        const std::string key_id(event.at("key").as_string());
        const auto key = context.keys.keys().find(key_id);
        view["key"] = key == context.keys.keys().end() ? boost::json::object{{"key", key_id}}
                                                       : view_key(key->second, context, viewer);
    } else if (type.starts_with("session.")) {
        const auto session = context.logins.open_sessions().find(std::string(event.at("login").as_string()));
        if (session == context.logins.open_sessions().end() ||
            (!viewer.operates && session->second.uid != viewer.uid)) {
            return std::nullopt;
        }
        view["session"] = view_session(session->second, context.rule, viewer);
    } else if (type == "login.refused") {
        if (!viewer.operates && event.at("uid") != viewer.uid) {
            return std::nullopt;
        }
    } else if (type == "module.state") {
        for (const auto& worker : context.keys.workers()) {
            if (std::string_view(worker->options().name) == event.at("module").as_string()) {
                view["module"] = view_module(*worker);
            }
        }
    }
    return view;
}

/// Collects events between two sends.
class EventQueue {
  public:
    EventQueue(ControlContext& context, const ControlRequest& request, const asio::any_io_executor& executor)
        : context_(context), viewer_(viewer_of(request)), wake_(executor) {
        wake_.expires_at(asio::steady_timer::time_point::max());
        subscription_ = context_.events.subscribe([this](const boost::json::object& event) { add(event); });
    }
    ~EventQueue() { context_.events.unsubscribe(subscription_); }
    EventQueue(const EventQueue&) = delete; // the bus keeps its address
    EventQueue& operator=(const EventQueue&) = delete;

    /// What has happened since the last call, at least one event; empty when there were too many.
    asio::awaitable<boost::json::array> next() {
        if (events_.empty() && !overflowed_) {
            boost::system::error_code woken; // cancelling the timer is how add() wakes this
            co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
        }
        boost::json::array part;
        std::size_t bytes = 0;
        while (!events_.empty() && part.size() < part_rows && bytes < part_bytes_max) {
            bytes += events_.front().bytes;
            part.push_back(std::move(events_.front().view));
            events_.pop_front();
        }
        waiting_bytes_ -= bytes;
        co_return overflowed_ ? boost::json::array() : part;
    }

  private:
    void add(const boost::json::object& event) {
        if (overflowed_) {
            return;
        }
        if (auto view = view_event(event, context_, viewer_)) {
            const std::size_t bytes = boost::json::serialize(*view).size();
            overflowed_ = waiting_bytes_ + bytes > waiting_bytes_max;
            if (overflowed_) {
                events_.clear();
            } else {
                waiting_bytes_ += bytes;
                events_.push_back({std::move(*view), bytes});
            }
            wake_.cancel();
        }
    }

    struct Waiting {
        boost::json::object view;
        std::size_t bytes; ///< as text
    };

    ControlContext& context_;
    Viewer viewer_;
    asio::steady_timer wake_;
    std::deque<Waiting> events_;
    std::size_t waiting_bytes_ = 0;
    bool overflowed_ = false;
    int subscription_ = 0;
};

} // namespace

asio::awaitable<ControlAnswer> handle_status(ControlContext& context, ControlRequest& request) {
    boost::json::array modules;
    std::vector<Finding> findings = context.keys.findings();
    for (const auto& worker : context.keys.workers()) {
        modules.push_back(view_module(*worker));
    }
    for (const Error& unreadable : context.trust.unreadable()) {
        findings.push_back(to_finding(unreadable));
    }
    if (const auto& failure = context.logins.write_failure()) {
        findings.push_back(*failure);
    }
    boost::json::array devices;
    for (const BusEntry& entry : context.keys.devices()) {
        devices.push_back(view_device(entry));
    }
    boost::json::array keys;
    for (const auto& [key_id, key] : context.keys.keys()) {
        keys.push_back(view_key(key, context, viewer_of(request)));
    }
    boost::json::object status{{"daemon", view_daemon(context)},
                               {"modules", std::move(modules)},
                               {"usb",
                                {{"state", context.keys.usb_available() ? "watching" : "unavailable"},
                                 {"devices", std::move(devices)}}},
                               {"keys", std::move(keys)},
                               {"open_sessions", context.logins.open_sessions().size()},
                               {"findings", view_findings(findings)}};
    co_return status;
}

asio::awaitable<ControlAnswer> handle_watch(ControlContext& context, ControlRequest& request) {
    EventQueue queue(context, request, co_await asio::this_coro::executor);
    boost::json::object first{
        {"type", "watching"}, {"time", format_timestamp(context.clock.now())}, {"subject", ""}};
    boost::json::array first_part;
    first_part.push_back(std::move(first));
    if (!co_await request.send_part(std::move(first_part))) {
        co_return boost::json::object();
    }
    for (;;) {
        boost::json::array part = co_await queue.next();
        if (part.empty() || !co_await request.send_part(std::move(part))) {
            boost::json::object end;
            end["ended"] = "too_slow";
            co_return end;
        }
    }
}

} // namespace ukey
