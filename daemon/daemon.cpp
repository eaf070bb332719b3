// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.hpp"

#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include "daemon/clock_watch.hpp"
#include "daemon/control/control_server.hpp"
#include "daemon/core/ledger.hpp"
#include "daemon/keys/key_watch.hpp"
#include "daemon/login/login_server.hpp"
#include "daemon/occupancy.hpp"
#include "daemon/passed_sockets.hpp"
#include "daemon/report_exception.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/rotation_store.hpp"
#include "daemon/store/state_lock.hpp"
#include "daemon/store/store_thread.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// The one timer of an idle service: systemd's watchdog, the heartbeat in the store, certificates that
/// expire.
constexpr std::chrono::seconds heartbeat_interval{120};
/// How much of the ledger may be unsigned while the service runs.
constexpr std::chrono::hours checkpoint_interval{1};
/// A key that goes within this time after the computer woke up was lost to the sleep: USB and pcscd take some
/// seconds to find out.
constexpr std::chrono::seconds resume_settles{30};

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
    Parts(DaemonOptions daemon_options, Settings daemon_settings, WorkstationKey own_key, Storage storage,
          Storage to_read)
        : options(std::move(daemon_options)), settings(std::move(daemon_settings)),
          workstation(std::move(own_key), asio::ip::host_name()), store(std::move(storage)),
          reader(std::move(to_read)) {}

    asio::awaitable<void> begin();
    asio::awaitable<void> beat();
    asio::awaitable<void> await_stop_signal();
    asio::awaitable<void> await_reload_signal();
    asio::awaitable<Result<void>> reconfigure(std::uint32_t uid);
    asio::awaitable<void> clock_changed(ClockChange change);
    EndReason reason_of_removal() const;
    boost::json::object facts() const;
    void sign_ledger(Storage& storage) const;
    asio::awaitable<void> stop();

    std::optional<StateLock> lock; ///< first: until the database is closed
    DaemonOptions options;
    Settings settings;
    Workstation workstation;
    SystemClock clock;
    EventBus events{clock}; // before io: coroutines that are left when io goes still unsubscribe
    asio::io_context io{1};
    StoreThread store;
    StoreThread reader; ///< of the same database
    asio::steady_timer heartbeat{io};
    asio::signal_set stop_signals{io, SIGTERM, SIGINT};
    asio::signal_set reload_signals{io, SIGHUP};
    ClockWatch clock_watch{io.get_executor()};
    std::optional<std::chrono::microseconds> resumed_at; ///< uptime
    /// When the ledger was last signed because time had passed; uptime.
    std::chrono::microseconds signed_at = clock.boottime();
    KeyWatch keys{{io.get_executor(), clock, settings.configuration, settings.trust, store, events,
                   options.probe_path}};
    LoginServer logins{{io.get_executor(), clock, settings.configuration, store, keys, events}};
    ControlContext control_context{clock,
                                   settings.configuration,
                                   settings.trust,
                                   settings.rule,
                                   workstation,
                                   store,
                                   reader,
                                   keys,
                                   logins,
                                   events,
                                   options.state_dir,
                                   options.configuration_path,
                                   clock.now(),
                                   [this](std::uint32_t uid) { return reconfigure(uid); }};
    ControlServer control{io.get_executor(), control_context, operators_group()};
    bool sockets_are_passed = false;
    std::optional<LocalAcceptor> login_acceptor;
    std::optional<LocalAcceptor> control_acceptor;
};

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::create(DaemonOptions options, Settings settings) {
    UKEY_TRY(make_folder(options.state_dir, 0700));
    UKEY_TRY(make_folder(options.runtime_dir, 0755));
    auto lock = StateLock::take(options.state_dir);
    if (!lock) {
        return tl::unexpected(lock.error());
    }
    static const SystemClock clock;
    const std::string database = options.state_dir + "/ukeyd.db";
    auto storage = Storage::open(database, clock);
    if (!storage) {
        return tl::unexpected(storage.error());
    }
    auto to_read = Storage::open_to_read(database, clock);
    if (!to_read) {
        return tl::unexpected(to_read.error());
    }
    auto key = load_workstation_key(*storage, options.state_dir + workstation_key_file);
    if (!key) {
        return tl::unexpected(key.error());
    }
    const std::string runtime_dir = options.runtime_dir;
    auto parts = std::make_unique<Parts>(std::move(options), std::move(settings), std::move(*key),
                                         std::move(*storage), std::move(*to_read));
    const std::map<std::string, int> passed = take_passed_sockets();
    auto login = listen_on(parts->io.get_executor(), passed, "login", runtime_dir + "/login.sock");
    auto control = listen_on(parts->io.get_executor(), passed, "control", runtime_dir + "/control.sock");
    if (!login || !control) {
        return tl::unexpected(login ? control.error() : login.error());
    }
    parts->lock.emplace(std::move(*lock));
    parts->login_acceptor = std::move(*login);
    parts->control_acceptor = std::move(*control);
    parts->sockets_are_passed = !passed.empty();
    return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

void Daemon::run() {
    asio::co_spawn(parts_->io, parts_->begin(), report_exception());
    parts_->io.run();
}

asio::awaitable<void> Daemon::Parts::begin() {
    keys.set_removal_hook([this](const std::string& key_id) {
        return logins.end_sessions_of_key(key_id, reason_of_removal());
    });
    for (const Error& unreadable : settings.trust.unreadable()) {
        spdlog::error("starting without what this file says of trust and revocation: {}",
                      to_string(unreadable));
    }
    const boost::json::object known = facts();
    const auto closed = co_await store.run([&](Storage& storage) {
        auto ended = record_start(storage, known, [](TimeSpan away) { return occupied_times(away); });
        sign_ledger(storage);
        return ended;
    });
    if (!closed) {
        spdlog::error("the start could not be recorded: {}", to_string(closed.error()));
    } else if (*closed > 0) {
        spdlog::warn("the service was not stopped cleanly; {} open login sessions were ended as unclean",
                     *closed);
    }
    asio::co_spawn(io, logins.serve(std::move(*login_acceptor)), report_exception());
    asio::co_spawn(io, control.serve(std::move(*control_acceptor)), report_exception());
    asio::co_spawn(io, await_stop_signal(), report_exception());
    asio::co_spawn(io, await_reload_signal(), report_exception());
    asio::co_spawn(io, beat(), report_exception());
    if (const auto watching = clock_watch.open()) {
        asio::co_spawn(io, clock_watch.serve([this](ClockChange change) { return clock_changed(change); }),
                       report_exception());
    } else {
        spdlog::warn("{}", to_string(watching.error()));
    }
    keys.start();
    spdlog::info("ukeyd {} is ready, mode {}", UKEY_VERSION, to_string(settings.configuration.mode));
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
        clock_watch.take_bearings();
        keys.judge_all(); // dates pass
        co_await logins.catch_up();
        store.post([](Storage& storage) {
            if (const auto done = record_heartbeat(storage); !done) {
                spdlog::error("the heartbeat could not be written: {}", to_string(done.error()));
            }
        });
        if (clock.boottime() - signed_at >= checkpoint_interval) {
            signed_at = clock.boottime();
            store.post([this](Storage& storage) { sign_ledger(storage); });
        }
        sd_notify(0, "WATCHDOG=1");
    }
}

asio::awaitable<void> Daemon::Parts::await_stop_signal() {
    co_await stop_signals.async_wait(asio::use_awaitable);
    co_await stop();
}

asio::awaitable<void> Daemon::Parts::await_reload_signal() {
    for (;;) {
        boost::system::error_code stopped;
        co_await reload_signals.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
        if (stopped) {
            co_return;
        }
        co_await reconfigure(0); // its answer is in the log
    }
}

/// A checkpoint, when there is something new to sign. Store thread only.
void Daemon::Parts::sign_ledger(Storage& storage) const try {
    const auto key = workstation.key();
    const auto fresh = records_since_checkpoint(storage, *key);
    if (fresh && *fresh == 0) {
        return;
    }
    if (const auto done = add_checkpoint(storage, *key); !done) {
        spdlog::error("the ledger could not be signed: {}", to_string(done.error()));
    }
} catch (const std::exception& error) { // OpenSSL has no memory: the next one will do
    spdlog::error("the ledger could not be signed: {}", error.what());
}

/// What the ledger says of the configuration in force.
boost::json::object Daemon::Parts::facts() const {
    const Configuration& configuration = settings.configuration;
    boost::json::array modules;
    for (const ModuleConfiguration& module : configuration.modules) {
        modules.push_back(boost::json::value(module.path));
    }
    return {{"version", UKEY_VERSION},
            {"mode", to_string(configuration.mode)},
            {"modules", std::move(modules)},
            {"policy_sha256", sha256_hex(to_toml(configuration))},
            {"rule", settings.rule.name}};
}

/// The whole of the new configuration comes into force at once, or the old one goes on.
asio::awaitable<Result<void>> Daemon::Parts::reconfigure(std::uint32_t uid) {
    // On the store's thread: CA folders may be large, and the computer's groups on a server that is slow.
    std::optional<gid_t> operators;
    auto fresh = co_await store.run([&](Storage& /*storage*/) {
        operators = operators_group();
        return Settings::load(options.configuration_path);
    });
    control.set_operators(operators);
    if (!fresh) {
        spdlog::error("the configuration in force stays, the new one is refused: {}",
                      to_string(fresh.error()));
        co_return tl::unexpected(fresh.error());
    }
    settings = std::move(*fresh);
    spdlog::set_level(spdlog::level::from_str(settings.configuration.log_level));
    logins.reconfigure();
    co_await keys.reconfigure();
    boost::json::object known = facts();
    known["uid"] = uid;
    const auto done = co_await store.run([&](Storage& storage) {
        return storage.write([&] { return storage.append("daemon.configured", known); });
    });
    if (!done) {
        spdlog::error("the new configuration could not be recorded: {}", to_string(done.error()));
    }
    spdlog::info("the configuration was read again, mode {}", to_string(settings.configuration.mode));
    events.publish("daemon.configured", "", {{"mode", to_string(settings.configuration.mode)}});
    co_return Result<void>();
}

/// Keys may come back from a sleep without power or with another card inside: everything is looked at again.
asio::awaitable<void> Daemon::Parts::clock_changed(ClockChange change) {
    if (change.slept.count() != 0) {
        resumed_at = clock.boottime();
        spdlog::info("the computer slept for {} s", change.slept.count() / 1'000'000);
    }
    if (change.stepped.count() != 0) {
        spdlog::warn("the clock was set by {} s", change.stepped.count() / 1'000'000);
    }
    const auto done = co_await store.run(
        [&](Storage& storage) { return record_clock_change(storage, change.slept, change.stepped); });
    if (!done) {
        spdlog::error("a change of the clock could not be recorded: {}", to_string(done.error()));
    }
    keys.look_again();
    keys.judge_all();
}

EndReason Daemon::Parts::reason_of_removal() const {
    const bool just_resumed = resumed_at && clock.boottime() - *resumed_at < resume_settles;
    return just_resumed ? EndReason::suspend : EndReason::key_removed;
}

asio::awaitable<void> Daemon::Parts::stop() {
    sd_notify(0, "STOPPING=1");
    spdlog::info("ukeyd stops");
    heartbeat.cancel();
    reload_signals.cancel();
    clock_watch.close();
    logins.close();
    control.close();
    co_await logins.end_all(EndReason::daemon_stopped);
    const auto done = co_await store.run([&](Storage& storage) {
        auto stopped = record_stop(storage);
        sign_ledger(storage);
        return stopped;
    });
    if (!done) {
        spdlog::error("the stop could not be recorded: {}", to_string(done.error()));
    }
    if (!sockets_are_passed) { // else systemd keeps them for the next start
        ::unlink((options.runtime_dir + "/login.sock").c_str());
        ::unlink((options.runtime_dir + "/control.sock").c_str());
    }
    keys.stop([this] { io.stop(); });
}

} // namespace ukey
