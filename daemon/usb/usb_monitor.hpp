// SPDX-License-Identifier: Apache-2.0
// What is on the USB bus, by libusb's hotplug, driven by Asio: what is there at the start, then arrivals and
// departures.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "daemon/core/result.hpp"
#include "daemon/core/usb_device.hpp"

namespace ukey {

/// Devices are never opened or claimed: descriptors come from libusb's copy, strings from sysfs. Runs on the
/// executor's thread; nothing blocks. Hubs are left out.
class UsbMonitor {
  public:
    struct Events {
        std::function<void(const UsbDevice&)> added;
        std::function<void(const UsbDevice&)> removed;
    };

    UsbMonitor(boost::asio::any_io_executor executor, Events events);
    ~UsbMonitor();
    UsbMonitor(const UsbMonitor&) = delete; // libusb keeps its address
    UsbMonitor& operator=(const UsbMonitor&) = delete;
    UsbMonitor(UsbMonitor&&) = delete;
    UsbMonitor& operator=(UsbMonitor&&) = delete;

    /// Tells what is plugged in through `added` before it returns. Error `usb.unavailable`.
    Result<void> start();
    void stop();

  private:
    struct Watch;
    std::unique_ptr<Watch> watch_;
};

} // namespace ukey
