// SPDX-License-Identifier: Apache-2.0
// Who signs the ledger. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/core/workstation_key.hpp"

namespace ukey {

class Workstation {
  public:
    /// `name` is the computer's own word: its host name.
    Workstation(WorkstationKey key, std::string name)
        : key_(std::make_shared<const WorkstationKey>(std::move(key))), name_(std::move(name)) {}

    /// The one in force; it stays whole when another one comes meanwhile. Who signs a checkpoint asks for it
    /// on the store thread: there it is still in force when the checkpoint is written.
    std::shared_ptr<const WorkstationKey> key() const {
        const std::lock_guard lock(mutex_);
        return key_;
    }
    /// On the store thread.
    void replace(WorkstationKey key) {
        auto fresh = std::make_shared<const WorkstationKey>(std::move(key));
        const std::lock_guard lock(mutex_);
        key_ = std::move(fresh);
    }
    const std::string& name() const { return name_; }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const WorkstationKey> key_;
    std::string name_;
};

} // namespace ukey
