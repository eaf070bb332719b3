// SPDX-License-Identifier: Apache-2.0
#include "daemon/keys/key_watch.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

#include "daemon/core/pcscd_socket.hpp"
#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// From the coming of its socket until pcscd has its readers and their cards.
constexpr std::chrono::milliseconds pcscd_start{1000};

KeyIdentity identity_of(const TokenReport& token) {
    return {token.manufacturer, token.model, token.serial};
}

const SlotReport* find_slot(const Worker& worker, std::uint64_t slot) {
    const auto& slots = worker.slots();
    const auto found = std::ranges::find(slots, slot, &SlotReport::slot);
    return found == slots.end() ? nullptr : &*found;
}

WorkerOptions worker_options(const ModuleConfiguration& module, const Configuration& configuration,
                             const std::string& probe_path) {
    WorkerOptions options;
    options.name = module.name;
    options.module_path = module.path;
    options.probe_path = probe_path;
    if (!module.socket.empty()) {
        options.socket_path = module.socket;
    }
    options.deadline = configuration.worker_deadline;
    options.backoff_first = configuration.worker_backoff_first;
    options.backoff_max = configuration.worker_backoff_max;
    return options;
}

void take_record(PresentKey& key, const KeyRecord& record) {
    key.key_id = record.key_id;
    key.binding = record.binding;
    key.pin_default = record.pin_default;
    key.returned = record.returned;
    key.last_attestation = record.last_attestation;
}

} // namespace

KeyWatch::KeyWatch(Parts parts)
    : parts_(std::move(parts)), pcscd_timer_(parts_.executor),
      usb_(parts_.executor, {.added = [this](const UsbDevice& d) { add_device(d); },
                             .removed = [this](const UsbDevice& d) { remove_device(d); }}) {
    for (const ModuleConfiguration& module : parts_.configuration.modules) {
        workers_.push_back(make_worker(module));
    }
}

std::unique_ptr<Worker> KeyWatch::make_worker(const ModuleConfiguration& module) {
    const std::string name = module.name;
    return std::make_unique<Worker>(
        parts_.executor, worker_options(module, parts_.configuration, parts_.probe_path),
        Worker::Events{.state_changed =
                           [this, name] {
                               slots_changed();
                               parts_.events.publish("module.state", name, {{"module", name}});
                           },
                       .slots_changed = [this] { slots_changed(); }});
}

void KeyWatch::start() {
    for (const auto& worker : workers_) {
        worker->start();
    }
    watch_pcscd();
    // The socket's folder may come later than ukeyd, and cannot be watched before.
    pcscd_folder_watch_ = std::make_unique<FileWatch>(
        parts_.executor, std::filesystem::path(pcscd_socket()).parent_path().string(), [this] {
            watch_pcscd();
            await_pcscd();
        });
    if (const auto started = usb_.start(); !started) {
        spdlog::warn("the USB bus cannot be watched: {}", started.error().reason);
        usb_unavailable_ = Finding{"usb.unavailable", "usb", {{"reason", started.error().reason}}};
    }
    asio::co_spawn(parts_.executor, reload_all(), report_exception());
}

void KeyWatch::watch_pcscd() {
    pcscd_watch_ = std::make_unique<FileWatch>(parts_.executor, pcscd_socket(), [this] { await_pcscd(); });
}

void KeyWatch::stop(std::function<void()> stopped) {
    usb_.stop();
    pcscd_watch_.reset();
    pcscd_folder_watch_.reset();
    pcscd_timer_.cancel();
    token_timers_.clear();
    auto remaining = std::make_shared<std::size_t>(workers_.size() + 1);
    const auto one_done = [remaining, stopped = std::move(stopped)] {
        if (--*remaining == 0) {
            stopped();
        }
    };
    for (const auto& worker : workers_) {
        worker->stop(one_done);
    }
    one_done();
}

const PresentKey* KeyWatch::find(const KeyIdentity& identity) const {
    const auto found =
        std::ranges::find_if(keys_, [&](const auto& entry) { return entry.second.identity == identity; });
    return found == keys_.end() ? nullptr : &found->second;
}

bool KeyWatch::all_read() const {
    return std::ranges::all_of(
        workers_, [&](const auto& worker) { return read_modules_.contains(worker->options().name); });
}

std::vector<Finding> KeyWatch::findings() const {
    std::vector<Finding> findings;
    if (usb_unavailable_) {
        findings.push_back(*usb_unavailable_);
    }
    if (workers_.empty()) {
        findings.push_back({"module.none", "configuration", {}});
    }
    if (registry_is_empty_) {
        findings.push_back({"registry.empty", "registry", {}});
    }
    return findings;
}

void KeyWatch::add_device(const UsbDevice& device) {
    const KnownDevice* known = DeviceTable::built_in().find(device.vendor_id, device.product_id);
    if (!is_of_interest(device, known)) {
        return;
    }
    std::erase_if(devices_, [&](const BusEntry& entry) { return entry.device.port == device.port; });
    devices_.push_back(
        {.device = device, .known = known, .token_overdue = false, .key_id = {}, .findings = {}});
    match();
    parts_.events.publish("usb.added", device.port, {{"port", device.port}});
    refresh_workers();
    await_token(device.port);
}

void KeyWatch::remove_device(const UsbDevice& device) {
    const auto removed =
        std::ranges::find_if(devices_, [&](const BusEntry& entry) { return entry.device == device; });
    if (removed == devices_.end()) {
        return;
    }
    token_timers_.erase(device.port);
    devices_.erase(removed);
    match();
    parts_.events.publish("usb.removed", device.port, {{"port", device.port}});
    refresh_workers();
}

void KeyWatch::await_token(const std::string& port) {
    const auto [timer, fresh] = token_timers_.insert_or_assign(port, asio::steady_timer(parts_.executor));
    timer->second.expires_after(parts_.configuration.token_wait);
    timer->second.async_wait([this, port](const boost::system::error_code& error) {
        if (error) {
            return; // unplugged, or stopped
        }
        for (BusEntry& entry : devices_) {
            entry.token_overdue = entry.token_overdue || entry.device.port == port;
        }
        match();
        const auto entry = std::ranges::find(devices_, port, [](const BusEntry& e) { return e.device.port; });
        if (entry != devices_.end() && !entry->findings.empty()) {
            parts_.events.publish("usb.changed", port, {{"port", port}});
        }
    });
}

/// What a module had with the pcscd that went is no good for the new one: OpenSC 0.23 finds the key again and
/// then hears of no card that comes or goes. A process that begins anew does. A module that has a
/// token and lost nothing, as one that needs no pcscd, is left alone, and so are the logins with its key.
void KeyWatch::await_pcscd() {
    pcscd_timer_.expires_after(pcscd_start); // once for all events of one start
    pcscd_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            for (const auto& worker : workers_) {
                const bool has_token = std::ranges::any_of(
                    worker->slots(), [](const SlotReport& slot) { return slot.token.has_value(); });
                if (worker->events_failed() || !has_token) {
                    spdlog::info("pcscd has come: module {} is loaded anew", worker->options().name);
                    worker->restart();
                }
            }
        }
    });
}

void KeyWatch::refresh_workers() {
    for (const auto& worker : workers_) {
        std::vector<std::uint64_t> hold;
        for (const auto& [key_id, key] : keys_) {
            if (key.module == worker->options().name && held_.contains(key_id)) {
                hold.push_back(key.slot);
            }
        }
        worker->refresh(std::move(hold));
    }
}

void KeyWatch::hold(const std::string& key_id, bool in_use) {
    const auto key = keys_.find(key_id);
    if (key == keys_.end() || (in_use ? !held_.insert(key_id).second : held_.erase(key_id) == 0)) {
        return;
    }
    for (const auto& worker : workers_) {
        if (worker->options().name != key->second.module) {
            continue;
        }
        refresh_workers();
        if (!in_use) {
            worker->reread(key->second.slot);
        }
    }
}

void KeyWatch::slots_changed() {
    dirty_ = true;
    if (!reconciling_) {
        reconciling_ = true;
        asio::co_spawn(parts_.executor, reconcile(), report_exception());
    }
}

/// One at a time: an insertion awaits the store, and what happens meanwhile is looked at afterwards.
asio::awaitable<void> KeyWatch::reconcile() {
    while (dirty_) {
        dirty_ = false;
        if (workers_outdated_) {
            workers_outdated_ = false;
            co_await replace_workers();
        }
        for (const auto& worker : workers_) {
            if (worker->state() ==
                WorkerState::running) { // after a crash its last list stands: it proves nothing
                co_await remove_stale(*worker);
            }
        }
        for (const auto& worker : workers_) {
            if (worker->state() == WorkerState::running) {
                co_await insert_new(*worker);
            }
            if (worker->state() != WorkerState::starting) {
                read_modules_.insert(worker->options().name);
            }
        }
        match();
    }
    reconciling_ = false;
}

/// Only reconcile() calls this: nobody else keeps a Worker over an await.
asio::awaitable<void> KeyWatch::replace_workers() {
    std::vector<std::unique_ptr<Worker>> old = std::exchange(workers_, {});
    std::vector<Worker*> fresh;
    for (const ModuleConfiguration& module : parts_.configuration.modules) {
        const WorkerOptions wanted = worker_options(module, parts_.configuration, parts_.probe_path);
        const auto same = std::ranges::find_if(
            old, [&](const auto& worker) { return worker && worker->options() == wanted; });
        if (same != old.end()) {
            workers_.push_back(std::move(*same));
        } else {
            fresh.push_back(workers_.emplace_back(make_worker(module)).get());
            read_modules_.erase(module.name);
        }
    }
    std::set<std::string> stopped_modules;
    for (std::unique_ptr<Worker>& worker : old) {
        if (worker) {
            stopped_modules.insert(worker->options().name);
            const std::shared_ptr<Worker> last(std::move(worker)); // lives until it has stopped
            last->stop([last] {});
        }
    }
    std::vector<std::string> gone;
    for (const auto& [key_id, key] : keys_) {
        if (stopped_modules.contains(key.module)) {
            gone.push_back(key_id);
        }
    }
    for (const std::string& key_id : gone) {
        co_await remove(key_id);
    }
    for (Worker* worker : fresh) {
        worker->start();
    }
}

asio::awaitable<void> KeyWatch::remove_stale(const Worker& worker) {
    std::vector<std::string> gone;
    for (auto& [key_id, key] : keys_) {
        if (key.module != worker.options().name) {
            continue;
        }
        const SlotReport* slot = find_slot(worker, key.slot);
        const bool same_token = slot != nullptr && slot->token && identity_of(*slot->token) == key.identity &&
                                slot->token->certificates == key.token.certificates;
        if (same_token && worker_restarts_[key_id] != worker.restarts()) {
            worker_restarts_[key_id] = worker.restarts();
            key.token.generation = slot->token->generation;
        }
        if (!same_token || slot->token->generation != key.token.generation) {
            gone.push_back(key_id);
        } else if (!(key.token == *slot->token)) { // PIN flags, after a session
            key.token = *slot->token;
            co_await reload(key_id);
        }
    }
    for (const std::string& key_id : gone) {
        co_await remove(key_id);
    }
}

asio::awaitable<void> KeyWatch::insert_new(const Worker& worker) {
    std::vector<SlotReport> fresh;
    for (const SlotReport& slot : worker.slots()) {
        const bool is_in = std::ranges::any_of(keys_, [&](const auto& entry) {
            return entry.second.module == worker.options().name && entry.second.slot == slot.slot;
        });
        if (slot.token && !is_in) {
            fresh.push_back(slot);
        }
    }
    for (SlotReport& slot : fresh) {
        co_await insert(worker, std::move(slot));
    }
}

asio::awaitable<void> KeyWatch::insert(const Worker& worker, SlotReport slot) {
    PresentKey key;
    key.identity = identity_of(*slot.token);
    key.module = worker.options().name;
    key.slot = slot.slot;
    key.slot_description = slot.description;
    key.token = std::move(*slot.token);
    key.certificates = read_certificates(key.token, parts_.configuration.certificate_profiles);
    key.inserted = parts_.clock.now();
    Insertion insertion{.identity = key.identity,
                        .label = key.token.label,
                        .module = key.module,
                        .slot_description = key.slot_description,
                        .certificate = key.certificates.signing,
                        .present_key_ids = {}};
    for (const auto& [key_id, present] : keys_) {
        insertion.present_key_ids.insert(key_id);
    }
    const int restarts = worker.restarts();
    const auto record =
        co_await parts_.store.run([&](Storage& storage) { return record_insertion(storage, insertion); });
    if (!record) {
        spdlog::error("an inserted key could not be recorded: {}", to_string(record.error()));
        co_return;
    }
    take_record(key, *record);
    if (keys_.contains(key.key_id)) {
        co_return; // the same key through a second module: the first one speaks for it
    }
    judge(key);
    spdlog::info("key {} inserted in {}: {}", key.key_id, key.slot_description,
                 to_string(key.admission.verdict));
    worker_restarts_[key.key_id] = restarts;
    const std::string key_id = key.key_id;
    keys_.emplace(key_id, std::move(key));
    match();
    parts_.events.publish("key.inserted", key_id, {{"key", key_id}});
}

asio::awaitable<void> KeyWatch::remove(std::string key_id) {
    if (removal_hook_) {
        co_await removal_hook_(key_id);
    }
    keys_.erase(key_id);
    held_.erase(key_id);
    worker_restarts_.erase(key_id);
    match();
    spdlog::info("key {} removed", key_id);
    parts_.events.publish("key.removed", key_id, {{"key", key_id}});
    const auto recorded =
        co_await parts_.store.run([&](Storage& storage) { return record_removal(storage, key_id); });
    if (!recorded) {
        spdlog::error("the removal of key {} could not be recorded: {}", key_id, to_string(recorded.error()));
    }
}

void KeyWatch::judge(PresentKey& key) {
    const Timestamp now = parts_.clock.now();
    key.verification = key.certificates.signing
                           ? parts_.trust.verify(*key.certificates.signing, key.certificates.ca_der, now)
                           : Verification{};
    registry_is_empty_ = key.binding.registry_is_empty;
    judge_key(key, parts_.configuration.policy, parts_.configuration.mode, now,
              parts_.configuration.expires_soon);
}

asio::awaitable<void> KeyWatch::reload(std::string key_id) {
    const auto before = keys_.find(key_id);
    if (before == keys_.end()) {
        co_return;
    }
    const auto certificate = before->second.certificates.signing;
    const auto record = co_await parts_.store.run(
        [&](Storage& storage) { return load_key(storage, key_id, certificate ? &*certificate : nullptr); });
    const auto key = keys_.find(key_id); // it may have been pulled out meanwhile
    if (key == keys_.end() || !record) {
        co_return;
    }
    const std::vector<Finding> old_findings = key->second.findings;
    const std::string old_organisation = key->second.binding.organisation_code;
    take_record(key->second, *record);
    judge(key->second);
    publish_change(key->second, old_findings, old_organisation);
}

void KeyWatch::publish_change(const PresentKey& key, const std::vector<Finding>& old_findings,
                              const std::string& old_organisation) {
    if (old_findings != key.findings || old_organisation != key.binding.organisation_code) {
        parts_.events.publish("key.changed", key.key_id, {{"key", key.key_id}});
    }
}

void KeyWatch::judge_all() {
    for (auto& [key_id, key] : keys_) {
        const std::vector<Finding> old_findings = key.findings;
        judge(key);
        publish_change(key, old_findings, key.binding.organisation_code);
    }
}

asio::awaitable<void> KeyWatch::reconfigure() {
    workers_outdated_ = true;
    slots_changed();
    for (auto& [key_id, key] : keys_) {
        key.certificates = read_certificates(key.token, parts_.configuration.certificate_profiles);
    }
    co_await reload_all();
}

asio::awaitable<void> KeyWatch::reload_all() {
    const auto empty = co_await parts_.store.run([](Storage& storage) -> Result<bool> {
        auto statement = storage.database().prepare("SELECT EXISTS (SELECT 1 FROM organisation)");
        UKEY_TRY(statement.step());
        return statement.integer(0) == 0;
    });
    registry_is_empty_ = empty.value_or(false);
    std::vector<std::string> ids;
    for (const auto& [key_id, key] : keys_) {
        ids.push_back(key_id);
    }
    for (const std::string& key_id : ids) {
        co_await reload(key_id);
    }
}

void KeyWatch::match() {
    std::vector<PresentKey*> keys;
    for (auto& [key_id, key] : keys_) {
        keys.push_back(&key);
    }
    std::vector<SlotView> slots;
    for (const auto& worker : workers_) {
        for (const SlotReport& slot : worker->slots()) {
            slots.push_back({worker->options().name, slot.description, slot.token.has_value()});
        }
    }
    match_bus(devices_, keys, slots);
}

} // namespace ukey
