// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.hpp"

#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include "daemon/control/control_server.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/keys/key_watch.hpp"
#include "daemon/login/login_server.hpp"
#include "daemon/report_exception.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/store_thread.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// The one timer of an idle service: systemd's watchdog, the heartbeat in the store, certificates that
/// expire.
constexpr std::chrono::seconds heartbeat_interval{120};

/// A folder that is there already keeps its mode: systemd or the administrator chose it.
Result<void> make_folder(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) {
        ::chmod(path.c_str(), mode); // the umask is stricter
    } else if (errno != EEXIST) {
        return fail("state.unusable", "create the folder", path,
                    std::error_code(errno, std::generic_category()).message());
    }
    return {};
}

std::chrono::microseconds watchdog_interval() {
    std::uint64_t limit_us = 0;
    if (sd_watchdog_enabled(0, &limit_us) <= 0) {
        return heartbeat_interval;
    }
    // systemd's own advice (sd_watchdog_enabled(3)): half of the limit.
    return std::min<std::chrono::microseconds>(heartbeat_interval, std::chrono::microseconds(limit_us / 2));
}

} // namespace

struct Daemon::Parts {
    Parts(DaemonOptions daemon_options, Configuration daemon_configuration, TrustStore trust_store,
          CriterionRule criterion_rule, Storage storage)
        : options(std::move(daemon_options)), configuration(std::move(daemon_configuration)),
          trust(std::move(trust_store)), rule(std::move(criterion_rule)), store(std::move(storage)) {}

    asio::awaitable<void> begin();
    asio::awaitable<void> beat();
    asio::awaitable<void> await_signal();
    asio::awaitable<void> stop();

    DaemonOptions options;
    Configuration configuration;
    TrustStore trust;
    CriterionRule rule;
    SystemClock clock;
    EventBus events{clock}; // before io: coroutines that are left when io goes still unsubscribe
    asio::io_context io{1};
    StoreThread store;
    asio::steady_timer heartbeat{io};
    KeyWatch keys{{io.get_executor(), clock, configuration, trust, store, events, options.probe_path}};
    LoginServer logins{{io.get_executor(), clock, configuration, store, keys, events}};
    ControlContext control_context{clock,
                                   configuration,
                                   rule,
                                   store,
                                   keys,
                                   logins,
                                   events,
                                   options.state_dir,
                                   options.configuration_path,
                                   clock.now()};
    ControlServer control{io.get_executor(), control_context};
    std::optional<LocalAcceptor> login_acceptor;
    std::optional<LocalAcceptor> control_acceptor;
};

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::create(DaemonOptions options, Configuration configuration) {
    auto rule = configuration.rule_file.empty() ? Result<CriterionRule>(CriterionRule::built_in())
                                                : CriterionRule::load(configuration.rule_file);
    if (!rule) {
        return tl::unexpected(rule.error());
    }
    auto trust = TrustStore::load(configuration.trust_paths);
    if (!trust) {
        return tl::unexpected(trust.error());
    }
    UKEY_TRY(make_folder(options.state_dir, 0700));
    UKEY_TRY(make_folder(options.runtime_dir, 0755));
    static const SystemClock clock;
    auto storage = Storage::open(options.state_dir + "/ukeyd.db", clock);
    if (!storage) {
        return tl::unexpected(storage.error());
    }
    const std::string runtime_dir = options.runtime_dir;
    auto parts = std::make_unique<Parts>(std::move(options), std::move(configuration), std::move(*trust),
                                         std::move(*rule), std::move(*storage));
    auto login = listen_local(parts->io.get_executor(), runtime_dir + "/login.sock");
    auto control = listen_local(parts->io.get_executor(), runtime_dir + "/control.sock");
    if (!login || !control) {
        return tl::unexpected(login ? control.error() : login.error());
    }
    parts->login_acceptor = std::move(*login);
    parts->control_acceptor = std::move(*control);
    return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

void Daemon::run() {
    asio::co_spawn(parts_->io, parts_->begin(), report_exception());
    parts_->io.run();
}

asio::awaitable<void> Daemon::Parts::begin() {
    keys.set_removal_hook([this](const std::string& key_id) {
        return logins.end_sessions_of_key(key_id, EndReason::key_removed);
    });
    boost::json::array modules;
    for (const ModuleConfiguration& module : configuration.modules) {
        modules.push_back(boost::json::value(module.path));
    }
    const boost::json::object facts{{"version", UKEY_VERSION},
                                    {"mode", to_string(configuration.mode)},
                                    {"modules", std::move(modules)},
                                    {"policy_sha256", sha256_hex(to_toml(configuration))},
                                    {"rule", rule.name}};
    const auto closed = co_await store.run([&](Storage& storage) { return record_start(storage, facts); });
    if (!closed) {
        spdlog::error("the start could not be recorded: {}", to_string(closed.error()));
    } else if (*closed > 0) {
        spdlog::warn("the service was not stopped cleanly; {} open login sessions were ended as unclean",
                     *closed);
    }
    asio::co_spawn(io, logins.serve(std::move(*login_acceptor)), report_exception());
    asio::co_spawn(io, control.serve(std::move(*control_acceptor)), report_exception());
    asio::co_spawn(io, await_signal(), report_exception());
    asio::co_spawn(io, beat(), report_exception());
    keys.start();
    spdlog::info("ukeyd {} is ready, mode {}", UKEY_VERSION, to_string(configuration.mode));
    sd_notify(0, "READY=1");
}

asio::awaitable<void> Daemon::Parts::beat() {
    const auto interval = watchdog_interval();
    for (;;) {
        heartbeat.expires_after(interval);
        boost::system::error_code stopped;
        co_await heartbeat.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
        if (stopped) {
            co_return;
        }
        keys.judge_all(); // dates pass
        co_await logins.retry_ends();
        store.post([](Storage& storage) {
            if (const auto done = record_heartbeat(storage); !done) {
                spdlog::error("the heartbeat could not be written: {}", to_string(done.error()));
            }
        });
        sd_notify(0, "WATCHDOG=1");
    }
}

asio::awaitable<void> Daemon::Parts::await_signal() {
    asio::signal_set signals(io, SIGTERM, SIGINT);
    co_await signals.async_wait(asio::use_awaitable);
    co_await stop();
}

asio::awaitable<void> Daemon::Parts::stop() {
    sd_notify(0, "STOPPING=1");
    spdlog::info("ukeyd stops");
    heartbeat.cancel();
    logins.close();
    control.close();
    co_await logins.end_all(EndReason::daemon_stopped);
    const auto done = co_await store.run([](Storage& storage) { return record_stop(storage); });
    if (!done) {
        spdlog::error("the stop could not be recorded: {}", to_string(done.error()));
    }
    ::unlink((options.runtime_dir + "/login.sock").c_str());
    ::unlink((options.runtime_dir + "/control.sock").c_str());
    keys.stop([this] { io.stop(); });
}

} // namespace ukey
