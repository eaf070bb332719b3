// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace ukey {
namespace {

/// Creation, a rename to the name, the end of writing, permissions: what makes a module usable.
constexpr std::uint32_t watched_events = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB;

constexpr std::size_t buffer_bytes = 4096;

} // namespace

class FileWatch::Reader : public std::enable_shared_from_this<Reader> {
  public:
    Reader(const boost::asio::any_io_executor& executor, std::string name, std::function<void()> changed,
           int inotify)
        : descriptor_(executor, inotify), name_(std::move(name)), changed_(std::move(changed)) {}

    void read() {
        descriptor_.async_read_some(
            boost::asio::buffer(buffer_),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
                if (error || !self->changed_) {
                    return;
                }
                if (self->names_the_file({self->buffer_.data(), count})) {
                    self->changed_();
                }
                // The callback may have destroyed the watch.
                if (self->changed_) {
                    self->read();
                }
            });
    }

    void stop() {
        changed_ = nullptr;
        boost::system::error_code ignored;
        descriptor_.close(ignored);
    }

  private:
    /// inotify(7): a sequence of headers, each followed by `len` bytes of a name padded with NULs.
    bool names_the_file(std::string_view bytes) const {
        while (bytes.size() >= sizeof(inotify_event)) {
            inotify_event event{};
            std::memcpy(&event, bytes.data(), sizeof event);
            const std::string_view padded = bytes.substr(sizeof event, event.len);
            if ((event.mask & IN_Q_OVERFLOW) != 0 || padded.substr(0, padded.find('\0')) == name_) {
                return true;
            }
            bytes.remove_prefix(sizeof event + padded.size());
        }
        return false;
    }

    boost::asio::posix::stream_descriptor descriptor_;
    std::string name_;
    std::function<void()> changed_; ///< empty: stopped
    std::array<char, buffer_bytes> buffer_{};
};

FileWatch::FileWatch(const boost::asio::any_io_executor& executor, const std::string& path,
                     std::function<void()> changed) {
    const std::filesystem::path file(path);
    const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify < 0) {
        return;
    }
    if (inotify_add_watch(inotify, file.parent_path().c_str(), watched_events) < 0) {
        close(inotify);
        return;
    }
    reader_ = std::make_shared<Reader>(executor, file.filename().string(), std::move(changed), inotify);
    reader_->read();
}

FileWatch::~FileWatch() {
    if (reader_) {
        reader_->stop();
    }
}

} // namespace ukey
