// SPDX-License-Identifier: Apache-2.0
// Tells when a file may have come into being or changed, without looking at it while nothing happens.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

namespace ukey {

/// inotify on the file's folder. Where that cannot be watched (it does not exist, too many watches), nothing
/// is ever told: the owner must have another occasion. Executor's thread only; nothing blocks.
class FileWatch {
  public:
    /// `changed` is called from the executor, as often as the folder has events for this name, until
    /// destruction.
    FileWatch(const boost::asio::any_io_executor& executor, const std::string& path,
              std::function<void()> changed);
    ~FileWatch();
    FileWatch(const FileWatch&) = delete; // owns a descriptor with an operation on it
    FileWatch& operator=(const FileWatch&) = delete;

  private:
    class Reader;
    std::shared_ptr<Reader> reader_;
};

} // namespace ukey
