// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/computer.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/core/device_table.hpp"
#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

namespace fs = std::filesystem;

std::string attribute(const fs::path& folder, const char* name) {
    std::ifstream stream(folder / name);
    std::string line;
    std::getline(stream, line);
    return to_printable_utf8(line);
}

template <typename Number>
Number number_attribute(const fs::path& folder, const char* name, int base) {
    const std::string text = attribute(folder, name);
    Number number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

/// The interfaces of device 1-2 are the folders 1-2:1.0, 1-2:1.1 … beside it.
void read_interfaces(const fs::path& device_folder, LocalDevice& device) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(device_folder, ignored)) {
        if (!entry.path().filename().string().starts_with(device.device.port + ":")) {
            continue;
        }
        device.device.interface_classes.push_back(
            number_attribute<std::uint8_t>(entry.path(), "bInterfaceClass", 16));
        const fs::path driver = fs::read_symlink(entry.path() / "driver", ignored);
        device.drivers.push_back(driver.empty() ? "-" : driver.filename().string());
    }
}

LocalDevice read_device(const fs::path& folder, const std::string& nodes) {
    LocalDevice local;
    UsbDevice& device = local.device;
    device.port = folder.filename().string();
    device.bus = number_attribute<std::uint8_t>(folder, "busnum", 10);
    device.address = number_attribute<std::uint8_t>(folder, "devnum", 10);
    device.vendor_id = number_attribute<std::uint16_t>(folder, "idVendor", 16);
    device.product_id = number_attribute<std::uint16_t>(folder, "idProduct", 16);
    device.manufacturer = attribute(folder, "manufacturer");
    device.product = attribute(folder, "product");
    device.serial = attribute(folder, "serial");
    read_interfaces(folder, local);
    local.node = fmt::format("{}/{:03}/{:03}", nodes, device.bus, device.address);
    std::error_code ignored;
    local.node_exists = fs::exists(local.node, ignored);
    return local;
}

} // namespace

std::vector<LocalDevice> list_usb_devices(const std::string& sysfs, const std::string& nodes) {
    std::vector<LocalDevice> devices;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(sysfs, ignored)) {
        const std::string name = entry.path().filename().string();
        const bool is_interface = name.find(':') != std::string::npos;
        if (!is_interface && fs::exists(entry.path() / "idVendor", ignored)) {
            devices.push_back(read_device(entry.path(), nodes));
        }
    }
    std::ranges::sort(devices, {}, [](const LocalDevice& local) { return local.device.port; });
    return devices;
}

bool may_be_key(const UsbDevice& device) {
    const KnownDevice* known = DeviceTable::built_in().find(device.vendor_id, device.product_id);
    if (known != nullptr) {
        return known->role == "ukey";
    }
    return std::ranges::count(device.interface_classes, usb_class_smart_card) != 0;
}

std::string pcscd_socket() {
    const char* chosen = std::getenv("PCSCLITE_CSOCK_NAME"); // NOLINT(concurrency-mt-unsafe): one thread
    return chosen != nullptr && *chosen != '\0' ? chosen : "/run/pcscd/pcscd.comm";
}

std::optional<std::string> connection_refusal(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) {
        return "the path is too long";
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int result = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    close(descriptor);
    return result == 0 ? std::nullopt : std::optional(std::generic_category().message(error));
}

} // namespace ukey::ctl
