// SPDX-License-Identifier: Apache-2.0
// A question on the terminal while the USB bus is watched: what is plugged in or pulled out is shown, and may
// be the answer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/core/usb_device.hpp"

namespace ukey::ctl {

enum class WaitFor { line, arrival, departure };

struct PromptAnswer {
    enum class Kind {
        enter, ///< a line, without anything in it that means something
        yes,   ///< "y", "是" …
        quit,  ///< "q", or the end of the input
        bus,   ///< what was waited for has happened at the bus
    };
    Kind kind = Kind::quit;
    UsbDevice device{}; ///< of `bus`
};

class BusPrompt {
  public:
    /// `show` prints a line about a device that has come (true) or gone. Without libusb's events the person's
    /// lines are all that is heard.
    explicit BusPrompt(std::function<void(const UsbDevice&, bool)> show);
    ~BusPrompt();
    BusPrompt(const BusPrompt&) = delete; // the bus's events have its address
    BusPrompt& operator=(const BusPrompt&) = delete;
    BusPrompt(BusPrompt&&) = delete;
    BusPrompt& operator=(BusPrompt&&) = delete;

    /// Before a question is put: what was typed until now is thrown away, what happened at the bus is shown,
    /// and neither is an answer to it.
    void forget();
    /// Blocks for as long as the person takes. Devices that come or go are an answer when `counts` says so.
    PromptAnswer wait(WaitFor what, std::function<bool(const UsbDevice&)> counts);
    /// Devices that come and go are heard of.
    bool watches_bus() const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace ukey::ctl
