// SPDX-License-Identifier: Apache-2.0
// Which keys are in: listens to the bus and to the workers, asks the store, judges, and tells what changed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/core/clock.hpp"
#include "daemon/core/configuration.hpp"
#include "daemon/core/inventory.hpp"
#include "daemon/event_bus.hpp"
#include "daemon/probe/file_watch.hpp"
#include "daemon/probe/worker.hpp"
#include "daemon/store/key_store.hpp"
#include "daemon/store/store_thread.hpp"
#include "daemon/usb/usb_monitor.hpp"

namespace ukey {

/// I/O thread only. Publishes usb.added, usb.removed, key.inserted, key.removed, key.changed, module.state;
/// the events carry ids, who tells them on adds what the listener may see.
class KeyWatch {
  public:
    struct Parts {
        boost::asio::any_io_executor executor;
        const Clock& clock;
        const Configuration& configuration;
        const TrustStore& trust;
        StoreThread& store;
        EventBus& events;
        std::string probe_path;
    };
    /// Ends the login sessions of a key that is gone; awaited before the removal is recorded.
    using RemovalHook = std::function<boost::asio::awaitable<void>(const std::string& key_id)>;

    explicit KeyWatch(Parts parts);

    void set_removal_hook(RemovalHook hook) { removal_hook_ = std::move(hook); }
    void start();
    /// Stops bus and workers; `stopped` is called when the last worker is gone.
    void stop(std::function<void()> stopped);

    /// By key id; what is in now.
    const std::map<std::string, PresentKey>& keys() const { return keys_; }
    const PresentKey* find(const KeyIdentity& identity) const;
    /// Every module has said which tokens it has, or has failed to: who has just been started does not know
    /// yet which keys are in.
    bool all_read() const;
    const std::vector<BusEntry>& devices() const { return devices_; }
    const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
    /// Of no single key, device or module: `usb.unavailable`, `registry.empty` …
    std::vector<Finding> findings() const;
    bool usb_available() const { return !usb_unavailable_; }

    /// The key's record, its certificate's dates or its sessions changed: loads and judges it anew.
    boost::asio::awaitable<void> reload(std::string key_id);
    boost::asio::awaitable<void> reload_all();

    /// Judges every key anew by what is known, without asking the store: a date may have passed.
    void judge_all();

    /// A key with an open login session is not touched; when the last one has ended its PIN state is read
    /// again.
    void hold(const std::string& key_id, bool in_use);

    /// Has every module's slots looked at: the computer was asleep, for one.
    void look_again() { refresh_workers(); }

    /// The configuration has changed: judges every key by it. Workers of modules that are new, changed or
    /// gone follow by themselves.
    boost::asio::awaitable<void> reconfigure();

  private:
    void add_device(const UsbDevice& device);
    void remove_device(const UsbDevice& device);
    void await_token(const std::string& port);
    void watch_pcscd();
    void await_pcscd();
    void refresh_workers();
    void slots_changed();
    std::unique_ptr<Worker> make_worker(const ModuleConfiguration& module);
    boost::asio::awaitable<void> replace_workers();
    boost::asio::awaitable<void> reconcile();
    boost::asio::awaitable<void> remove_stale(const Worker& worker);
    boost::asio::awaitable<void> insert_new(const Worker& worker);
    boost::asio::awaitable<void> insert(const Worker& worker, SlotReport slot);
    boost::asio::awaitable<void> remove(std::string key_id);
    void judge(PresentKey& key);
    void publish_change(const PresentKey& key, const std::vector<Finding>& old_findings,
                        const std::string& old_organisation);
    void match();

    Parts parts_;
    RemovalHook removal_hook_;
    std::unique_ptr<FileWatch> pcscd_watch_; ///< of its socket, while this runs
    std::unique_ptr<FileWatch> pcscd_folder_watch_;
    boost::asio::steady_timer pcscd_timer_;
    UsbMonitor usb_;
    std::optional<Finding> usb_unavailable_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::map<std::string, PresentKey> keys_;
    /// Restarts of its worker when the key was read: after a crash the same token is no new insertion.
    std::map<std::string, int> worker_restarts_;
    std::vector<BusEntry> devices_;
    std::map<std::string, boost::asio::steady_timer> token_timers_; ///< by port
    std::set<std::string> held_;
    std::set<std::string> read_modules_;
    bool reconciling_ = false;
    bool dirty_ = false;
    bool workers_outdated_ = false;
    bool registry_is_empty_ = false;
};

} // namespace ukey
