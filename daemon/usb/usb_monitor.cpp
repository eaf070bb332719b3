// SPDX-License-Identifier: Apache-2.0
#include "daemon/usb/usb_monitor.hpp"

#include <array>
#include <fstream>
#include <map>
#include <span>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <libusb.h>

#include "daemon/core/text.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// USB 2.0 §4.1.1: at most five hubs between a device and the root, so at most seven numbers.
constexpr std::size_t port_numbers_max = 7;

std::string sysfs_name(libusb_device* device) {
    std::array<std::uint8_t, port_numbers_max> ports{};
    const int count = libusb_get_port_numbers(device, ports.data(), static_cast<int>(ports.size()));
    std::string name = std::to_string(libusb_get_bus_number(device));
    for (int index = 0; index < count; ++index) {
        name += index == 0 ? '-' : '.';
        name += std::to_string(ports[static_cast<std::size_t>(index)]);
    }
    return name;
}

/// A string descriptor as the kernel read it; empty when the device has none.
std::string read_sysfs_text(const std::string& port, const char* attribute) {
    std::ifstream stream("/sys/bus/usb/devices/" + port + "/" + attribute);
    std::string text;
    std::getline(stream, text);
    return to_printable_utf8(text);
}

std::vector<std::uint8_t> read_interface_classes(libusb_device* device) {
    std::vector<std::uint8_t> classes;
    libusb_config_descriptor* configuration = nullptr;
    if (libusb_get_config_descriptor(device, 0, &configuration) != LIBUSB_SUCCESS) {
        return classes;
    }
    for (const libusb_interface& interface :
         std::span(configuration->interface, configuration->bNumInterfaces)) {
        if (interface.num_altsetting > 0) {
            classes.push_back(interface.altsetting[0].bInterfaceClass);
        }
    }
    libusb_free_config_descriptor(configuration);
    return classes;
}

UsbDevice describe_device(libusb_device* device, const libusb_device_descriptor& descriptor) {
    UsbDevice described{.bus = libusb_get_bus_number(device),
                        .address = libusb_get_device_address(device),
                        .port = sysfs_name(device),
                        .vendor_id = descriptor.idVendor,
                        .product_id = descriptor.idProduct,
                        .manufacturer = {},
                        .product = {},
                        .serial = {},
                        .interface_classes = read_interface_classes(device)};
    described.manufacturer = read_sysfs_text(described.port, "manufacturer");
    described.product = read_sysfs_text(described.port, "product");
    described.serial = read_sysfs_text(described.port, "serial");
    return described;
}

} // namespace

struct UsbMonitor::Watch {
    asio::any_io_executor executor;
    Events events;
    libusb_context* context = nullptr;
    std::map<int, asio::posix::stream_descriptor> descriptors;
    std::map<libusb_device*, UsbDevice> devices;

    int hotplug(libusb_device* device, libusb_hotplug_event event) {
        if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED) {
            libusb_device_descriptor descriptor{};
            if (libusb_get_device_descriptor(device, &descriptor) == LIBUSB_SUCCESS &&
                descriptor.bDeviceClass != LIBUSB_CLASS_HUB) {
                events.added(
                    devices.insert_or_assign(device, describe_device(device, descriptor)).first->second);
            }
        } else if (const auto known = devices.extract(device)) {
            events.removed(known.mapped());
        }
        return 0; // stay registered
    }

    void add_descriptor(int descriptor) {
        const auto [added, fresh] = descriptors.try_emplace(descriptor, executor, descriptor);
        if (fresh) {
            wait(added->second);
        }
    }

    void remove_descriptor(int descriptor) {
        if (auto known = descriptors.extract(descriptor)) {
            known.mapped().release(); // libusb closes it
        }
    }

    void wait(asio::posix::stream_descriptor& descriptor) {
        const int number = descriptor.native_handle();
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, number](const boost::system::error_code& error) {
                                  if (error) {
                                      return; // stopped: `this` may be gone
                                  }
                                  timeval no_wait{};
                                  libusb_handle_events_timeout_completed(context, &no_wait, nullptr);
                                  if (const auto known = descriptors.find(number);
                                      known != descriptors.end()) {
                                      wait(known->second);
                                  }
                              });
    }

    void close() {
        while (!descriptors.empty()) {
            remove_descriptor(descriptors.begin()->first);
        }
        if (context != nullptr) {
            libusb_set_pollfd_notifiers(context, nullptr, nullptr, nullptr);
            libusb_exit(context);
            context = nullptr;
        }
        devices.clear();
    }
};

UsbMonitor::UsbMonitor(asio::any_io_executor executor, Events events) : watch_(std::make_unique<Watch>()) {
    watch_->executor = std::move(executor);
    watch_->events = std::move(events);
}

UsbMonitor::~UsbMonitor() {
    stop();
}

void UsbMonitor::stop() {
    watch_->close();
}

Result<void> UsbMonitor::start() {
    const auto unavailable = [&](int code) {
        watch_->close();
        return fail("usb.unavailable", "watch the USB bus", "libusb", libusb_strerror(code));
    };
    if (const int code = libusb_init(&watch_->context); code != LIBUSB_SUCCESS) {
        watch_->context = nullptr;
        return unavailable(code);
    }
    const int registered = libusb_hotplug_register_callback(
        watch_->context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
        LIBUSB_HOTPLUG_ENUMERATE, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
        LIBUSB_HOTPLUG_MATCH_ANY,
        [](libusb_context*, libusb_device* device, libusb_hotplug_event event, void* watch) {
            return static_cast<Watch*>(watch)->hotplug(device, event);
        },
        watch_.get(), nullptr);
    if (registered != LIBUSB_SUCCESS) {
        return unavailable(registered);
    }
    libusb_set_pollfd_notifiers(
        watch_->context,
        [](int descriptor, short, void* watch) { static_cast<Watch*>(watch)->add_descriptor(descriptor); },
        [](int descriptor, void* watch) { static_cast<Watch*>(watch)->remove_descriptor(descriptor); },
        watch_.get());
    const libusb_pollfd** descriptors = libusb_get_pollfds(watch_->context);
    for (std::size_t index = 0; descriptors != nullptr && descriptors[index] != nullptr; ++index) {
        watch_->add_descriptor(descriptors[index]->fd);
    }
    libusb_free_pollfds(descriptors);
    return {};
}

} // namespace ukey
