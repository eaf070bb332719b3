// SPDX-License-Identifier: Apache-2.0
#include "tools/bus_prompt.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <poll.h>
#include <sys/epoll.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/usb/usb_monitor.hpp"
#include "tools/confirmation.hpp"

namespace ukey::ctl {

namespace asio = boost::asio;

/// Standard input is watched through an epoll of its own: Asio makes what it watches non-blocking, and the
/// terminal is the shell's too.
class BusPrompt::Machine {
  public:
    explicit Machine(std::function<void(const UsbDevice&, bool)> show)
        : show_(std::move(show)), input_(io_, watch_input()),
          monitor_(io_.get_executor(),
                   {.added = [this](const UsbDevice& device) { happened(device, true); },
                    .removed = [this](const UsbDevice& device) { happened(device, false); }}) {
        watches_bus_ = monitor_.start().has_value(); // what is in already is no event
        is_started_ = true;
    }

    bool watches_bus() const { return watches_bus_; }

    void forget() {
        what_ = WaitFor::line;
        io_.restart();
        io_.poll();
        tcflush(STDIN_FILENO, TCIFLUSH);
    }

    PromptAnswer wait(WaitFor what, std::function<bool(const UsbDevice&)> counts) {
        what_ = what;
        counts_ = std::move(counts);
        answer_.reset();
        await_input();
        while (!answer_) {
            io_.restart();
            io_.run_one();
        }
        input_.cancel();
        return *answer_;
    }

  private:
    static int watch_input() {
        const int descriptor = epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        if (descriptor < 0 || epoll_ctl(descriptor, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "watch standard input");
        }
        return descriptor;
    }

    void happened(const UsbDevice& device, bool arrived) {
        if (!is_started_) {
            return;
        }
        show_(device, arrived);
        if (what_ == (arrived ? WaitFor::arrival : WaitFor::departure) && counts_(device)) {
            answer_ = {PromptAnswer::Kind::bus, device};
        }
    }

    void await_input() {
        input_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this](const boost::system::error_code& error) {
                              if (!error) {
                                  take_input();
                              }
                          });
    }

    /// The terminal gives whole lines.
    void take_input() {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        if (poll(&input, 1, 0) == 0) {
            await_input(); // of a wait that is over: what was there was thrown away
            return;
        }
        std::array<char, 1024> buffer{};
        const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
        std::string line(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        if (line.empty()) {
            answer_ = {PromptAnswer::Kind::quit};
            return;
        }
        std::erase_if(line, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
        if (line == "q" || line == "Q" || line == "ｑ") {
            answer_ = {PromptAnswer::Kind::quit};
        } else {
            answer_ = {is_yes(line) ? PromptAnswer::Kind::yes : PromptAnswer::Kind::enter};
        }
    }

    std::function<void(const UsbDevice&, bool)> show_;
    asio::io_context io_;
    asio::posix::stream_descriptor input_;
    bool is_started_ = false;
    bool watches_bus_ = false;
    std::function<bool(const UsbDevice&)> counts_;
    WaitFor what_ = WaitFor::line;
    std::optional<PromptAnswer> answer_;
    UsbMonitor monitor_;
};

BusPrompt::BusPrompt(std::function<void(const UsbDevice&, bool)> show)
    : machine_(std::make_unique<Machine>(std::move(show))) {}
BusPrompt::~BusPrompt() = default;

PromptAnswer BusPrompt::wait(WaitFor what, std::function<bool(const UsbDevice&)> counts) {
    return machine_->wait(what, std::move(counts));
}

void BusPrompt::forget() {
    machine_->forget();
}

bool BusPrompt::watches_bus() const {
    return machine_->watches_bus();
}

} // namespace ukey::ctl
