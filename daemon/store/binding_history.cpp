// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/binding_history.hpp"

#include "daemon/core/ledger_payload.hpp"

namespace ukey {
namespace {

/// Follows bindings and releases in the ledger's order.
class History {
  public:
    explicit History(Timestamp until) : until_(until) {}

    void bind(const std::string& key_id, const std::string& organisation, Timestamp time) {
        const auto open = open_.find(key_id);
        if (open != open_.end() && open->second.organisation == organisation) {
            return; // its renewed key pair was confirmed
        }
        release(key_id, time);
        open_[key_id] = {key_id, organisation, {time, Timestamp::max()}};
    }

    void release(const std::string& key_id, Timestamp time) {
        if (auto open = open_.extract(key_id)) {
            open.mapped().time.to = time;
            keep(std::move(open.mapped()));
        }
    }

    void release(const payload::KeyReleased& released, Timestamp time) {
        open_.try_emplace(released.key_id,
                          BoundTime{released.key_id, released.organisation, {Timestamp::min(), time}});
        release(released.key_id, time);
    }

    bool is_open(const std::string& key_id) const { return open_.contains(key_id); }

    std::vector<BoundTime> finish() {
        for (auto& [key_id, open] : open_) {
            keep(std::move(open));
        }
        return std::move(kept_);
    }

  private:
    void keep(BoundTime bound) {
        if (bound.time.from < until_) {
            kept_.push_back(std::move(bound));
        }
    }

    Timestamp until_;
    std::map<std::string, BoundTime> open_; ///< by key
    std::vector<BoundTime> kept_;
};

} // namespace

Result<std::vector<BoundTime>> read_binding_history(Storage& storage, Timestamp until) {
    History history(until);
    Result<void> readable;
    // The condition is that of the index ledger_of_bindings, word by word.
    auto records = storage.database().prepare("SELECT kind, time_us, payload FROM ledger "
                                              "WHERE kind IN ('key.bound', 'key.released') ORDER BY seq");
    UKEY_TRY(records.each([&] {
        const auto payload = payload::decode(records.text(0), records.text(2));
        const Timestamp time = from_microseconds(records.integer(1));
        if (!payload) {
            readable = tl::unexpected(payload.error());
        } else if (const auto* bound = std::get_if<payload::KeyBound>(&*payload)) {
            history.bind(bound->key_id, bound->organisation, time);
        } else if (const auto* released = std::get_if<payload::KeyReleased>(&*payload)) {
            history.release(*released, time);
        }
    }));
    UKEY_TRY(std::move(readable));
    auto in_force = storage.database().prepare("SELECT key_id, organisation, bound_us FROM binding");
    UKEY_TRY(in_force.each([&] {
        if (!history.is_open(in_force.text(0))) {
            history.bind(in_force.text(0), in_force.text(1), from_microseconds(in_force.integer(2)));
        }
    }));
    return history.finish();
}

} // namespace ukey
