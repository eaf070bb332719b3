// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/computer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/core/device_table.hpp"
#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::uint8_t usb_class_vendor = 0xff;

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
    std::vector<fs::path> interfaces;
    for (const auto& entry : fs::directory_iterator(device_folder, ignored)) {
        if (entry.path().filename().string().starts_with(device.device.port + ":")) {
            interfaces.push_back(entry.path());
        }
    }
    std::ranges::sort(interfaces);
    for (const fs::path& interface : interfaces) {
        device.device.interface_classes.push_back(
            number_attribute<std::uint8_t>(interface, "bInterfaceClass", 16));
        // HID 1.11 §4.2: subclass 1, protocol 1 or 2.
        device.is_input = device.is_input || (device.device.interface_classes.back() == usb_class_hid &&
                                              attribute(interface, "bInterfaceSubClass") == "01");
        const fs::path driver = fs::read_symlink(interface / "driver", ignored);
        device.drivers.push_back(driver.empty() ? "-" : driver.filename().string());
    }
}

/// The port's folder is in its hub's: usb1-port2 in that of usb1's interface, 1-1-port2 in that of 1-1's.
fs::path port_folder(const fs::path& sysfs, const std::string& port) {
    const std::size_t dot = port.rfind('.');
    const std::size_t dash = port.find('-');
    if (dash == std::string::npos) {
        return {}; // a root hub
    }
    const bool at_root = dot == std::string::npos;
    const std::string hub = at_root ? "usb" + port.substr(0, dash) : port.substr(0, dot);
    const std::string interface = at_root ? port.substr(0, dash) + "-0:1.0" : hub + ":1.0";
    return sysfs / interface / (hub + "-port" + port.substr((at_root ? dash : dot) + 1));
}

void read_power(const fs::path& folder, const fs::path& sysfs, LocalDevice& local) {
    local.speed = attribute(folder, "speed");
    local.authorized = attribute(folder, "authorized") != "0";
    // Empty for a device without a configuration; a kernel that does not say counts as one with it.
    // Empty for a device without a configuration; where the kernel does not say, it has one.
    std::error_code ignored;
    local.configured = !fs::exists(folder / "bConfigurationValue", ignored) ||
                       !attribute(folder, "bConfigurationValue").empty();
    local.suspended = attribute(folder / "power", "runtime_status") == "suspended";
    local.over_currents =
        number_attribute<unsigned>(port_folder(sysfs, local.device.port), "over_current_count", 10);
}

void look_at_node(LocalDevice& local) {
    struct stat status {};
    local.node_exists = stat(local.node.c_str(), &status) == 0;
    local.node_world_writable = local.node_exists && (status.st_mode & S_IWOTH) != 0;
    local.node_usable = access(local.node.c_str(), R_OK | W_OK) == 0;
}

LocalDevice read_device(const fs::path& folder, const fs::path& sysfs, const std::string& nodes) {
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
    read_power(folder, sysfs, local);
    local.node = fmt::format("{}/{:03}/{:03}", nodes, device.bus, device.address);
    look_at_node(local);
    return local;
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// One of the process's descriptors is this file.
bool has_open(const fs::path& process, const struct stat& file) {
    std::error_code ignored;
    for (const auto& descriptor : fs::directory_iterator(process / "fd", ignored)) {
        struct stat status {};
        if (stat(descriptor.path().c_str(), &status) == 0 && status.st_dev == file.st_dev &&
            status.st_ino == file.st_ino) {
            return true;
        }
    }
    return false;
}

} // namespace

std::vector<LocalDevice> list_usb_devices(const std::string& sysfs, const std::string& nodes) {
    std::vector<LocalDevice> devices;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(sysfs, ignored)) {
        const std::string name = entry.path().filename().string();
        const bool is_interface = name.find(':') != std::string::npos;
        if (!is_interface && fs::exists(entry.path() / "idVendor", ignored)) {
            devices.push_back(read_device(entry.path(), sysfs, nodes));
        }
    }
    std::ranges::sort(devices, {}, [](const LocalDevice& local) { return local.device.port; });
    return devices;
}

bool is_virtual_machine(const std::string& dmi) {
    // The names that systemd's detect-virt knows (src/basic/virt.c), and those of clouds with desktops.
    constexpr std::array names{
        "KVM",          "QEMU",       "VMware",         "VirtualBox",      "innotek GmbH",
        "Xen",          "Bochs",      "Parallels",      "BHYVE",           "OpenStack",
        "KubeVirt",     "Amazon EC2", "Google Compute", "Virtual Machine", "Alibaba Cloud",
        "Tencent Cloud"};
    const std::string said = attribute(dmi, "sys_vendor") + "\n" + attribute(dmi, "product_name") + "\n" +
                             attribute(dmi, "bios_vendor");
    return std::ranges::any_of(names, [&](const char* name) { return said.find(name) != std::string::npos; });
}

bool may_be_key(const UsbDevice& device) {
    const KnownDevice* known = DeviceTable::built_in().find(device.vendor_id, device.product_id);
    if (known != nullptr) {
        return known->role == "ukey";
    }
    return std::ranges::count(device.interface_classes, usb_class_smart_card) != 0;
}

bool is_card_reader(const UsbDevice& device) {
    const KnownDevice* known = DeviceTable::built_in().find(device.vendor_id, device.product_id);
    return known != nullptr && known->role == "reader";
}

bool may_be_unknown_key(const LocalDevice& local) {
    constexpr std::array classes{usb_class_hid, usb_class_mass_storage, usb_class_vendor};
    const bool known =
        DeviceTable::built_in().find(local.device.vendor_id, local.device.product_id) != nullptr;
    return !known && !local.is_root_hub() && !local.is_input &&
           std::ranges::any_of(local.device.interface_classes, [&](std::uint8_t one) {
               return std::ranges::find(classes, one) != classes.end();
           });
}

std::vector<std::string> holders_of(const std::string& node) {
    struct stat file {};
    std::vector<std::string> names;
    if (stat(node.c_str(), &file) != 0) {
        return names;
    }
    std::error_code ignored;
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        if (is_number(process.path().filename().string()) && has_open(process.path(), file)) {
            names.push_back(attribute(process.path(), "comm"));
        }
    }
    std::ranges::sort(names);
    return names;
}

std::optional<std::string> connection_refusal(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) {
        return "the path is too long";
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int result = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    close(descriptor);
    return result == 0 ? std::nullopt : std::optional(std::generic_category().message(error));
}

} // namespace ukey::ctl
