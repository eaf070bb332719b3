// SPDX-License-Identifier: Apache-2.0
// An invented USB bus for one program: real libusb, sysfs and uevents by umockdev.
//
//   umockdev-wrapper usb_stage -- PROGRAM ARGUMENTS…
//
// starts PROGRAM in a testbed with one root hub and then does what standard input says, a line each, answered
// by a line:
//   add PORT VENDOR PRODUCT CLASSES [MANUFACTURER;PRODUCT;SERIAL]   (ids and classes in hex, classes joined
//   by commas)
//   remove PORT
//   churn PORT VENDOR PRODUCT CLASSES COUNT      (adds and removes it COUNT times)
//   pid                                          (of PROGRAM)
//   root                                         (the folder that stands for / in the testbed)
// At the end of the input PROGRAM gets SIGTERM; its exit status is the stage's.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <umockdev.h>

namespace {

std::string hex_byte(unsigned value) {
    constexpr const char* digits = "0123456789ABCDEF";
    return {digits[(value >> 4U) & 0xFU], digits[value & 0xFU]};
}

std::string hex_word(unsigned value) {
    return hex_byte(value & 0xFFU) + hex_byte(value >> 8U);
} // little-endian

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

struct Device {
    std::string port;
    unsigned vendor = 0;
    unsigned product = 0;
    std::vector<unsigned> classes;
    std::vector<std::string> strings; ///< manufacturer, product, serial
};

/// USB 2.0 §9.6: device, configuration and interface descriptors.
std::string descriptors(const Device& device) {
    const auto interfaces = static_cast<unsigned>(device.classes.size());
    std::string hex = "1201" + hex_word(0x0200) + "00000040" + hex_word(device.vendor) +
                      hex_word(device.product) + hex_word(0x0100) + "01020301";
    hex += "0902" + hex_word(9 + 9 * interfaces) + hex_byte(interfaces) + "01008032";
    for (unsigned number = 0; number < interfaces; ++number) {
        hex += "0904" + hex_byte(number) + "0000" + hex_byte(device.classes[number]) + "000000";
    }
    return hex;
}

class Stage {
  public:
    Stage() : testbed_(umockdev_testbed_new()) { add_root(); }
    ~Stage() { g_object_unref(testbed_); }
    Stage(const Stage&) = delete; // owns the testbed
    Stage& operator=(const Stage&) = delete;

    std::string add(const Device& device) {
        const unsigned number = free_number();
        numbers_[device.port] = number;
        std::ostringstream text;
        char node[32];
        std::snprintf(node, sizeof node, "bus/usb/001/%03u", number);
        text << "P: " << path(device.port) << "\nN: " << node
             << "\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nE: DEVNAME=/dev/" << node
             << "\nE: BUSNUM=001\nE: DEVNUM=" << std::string(node).substr(12)
             << "\nE: MAJOR=189\nE: MINOR=" << number << "\nA: busnum=1\\n\nA: devnum=" << number
             << "\\n\nA: speed=12\\n\nA: bConfigurationValue=1\\n\n";
        const char* names[] = {"manufacturer", "product", "serial"};
        for (std::size_t index = 0; index < device.strings.size() && index < 3; ++index) {
            if (!device.strings[index].empty()) {
                text << "A: " << names[index] << "=" << device.strings[index] << "\\n\n";
            }
        }
        text << "H: descriptors=" << descriptors(device) << "\n\n";
        return apply(text.str());
    }

    std::string remove(const std::string& port) {
        umockdev_testbed_uevent(testbed_, ("/sys" + path(port)).c_str(), "remove");
        umockdev_testbed_remove_device(testbed_, ("/sys" + path(port)).c_str());
        numbers_.erase(port);
        return "ok";
    }

    std::string root() const {
        gchar* folder = umockdev_testbed_get_root_dir(testbed_);
        std::string text = folder;
        g_free(folder);
        return text;
    }

  private:
    /// The root hub is 1; a number that is in use names a device node that must not be shared.
    unsigned free_number() const {
        unsigned number = 2;
        while (std::ranges::any_of(numbers_, [&](const auto& entry) { return entry.second == number; })) {
            ++number;
        }
        return number;
    }

    static std::string path(const std::string& port) {
        return "/devices/pci0000:00/0000:00:14.0/usb1/" + port;
    }

    void add_root() {
        const Device hub{.port = "", .vendor = 0x1d6b, .product = 2, .classes = {9}, .strings = {}};
        std::string root_descriptors = descriptors(hub);
        root_descriptors.replace(8, 2, "09"); // bDeviceClass: hub
        apply(
            "P: /devices/pci0000:00/0000:00:14.0/usb1\nN: bus/usb/001/001\nE: DEVTYPE=usb_device\nE: "
            "SUBSYSTEM=usb\n"
            "E: DEVNAME=/dev/bus/usb/001/001\nE: BUSNUM=001\nE: DEVNUM=001\nE: MAJOR=189\nE: MINOR=0\n"
            "A: busnum=1\\n\nA: devnum=1\\n\nA: speed=480\\n\nA: bConfigurationValue=1\\n\nH: descriptors=" +
            root_descriptors + "\n\n");
    }

    std::string apply(const std::string& text) {
        GError* error = nullptr;
        if (umockdev_testbed_add_from_string(testbed_, text.c_str(), &error) == 0) {
            std::string message = error->message;
            g_error_free(error);
            return "error " + message;
        }
        return "ok";
    }

    UMockdevTestbed* testbed_;
    std::map<std::string, unsigned> numbers_; ///< of the devices, by port
};

Device read_device(std::istringstream& words) {
    Device device;
    std::string vendor;
    std::string product;
    std::string classes;
    words >> device.port >> vendor >> product >> classes;
    device.vendor = static_cast<unsigned>(std::stoul(vendor, nullptr, 16));
    device.product = static_cast<unsigned>(std::stoul(product, nullptr, 16));
    for (const std::string& one : split(classes, ',')) {
        device.classes.push_back(static_cast<unsigned>(std::stoul(one, nullptr, 16)));
    }
    return device;
}

std::string churn(Stage& stage, std::istringstream& words) {
    const Device device = read_device(words);
    unsigned count = 0;
    words >> count;
    for (unsigned done = 0; done < count; ++done) {
        std::string added = stage.add(device);
        if (added != "ok") {
            return added;
        }
        stage.remove(device.port);
    }
    return "ok";
}

std::string obey(Stage& stage, const std::string& line, pid_t child) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "add") {
        Device device = read_device(words);
        std::string rest;
        std::getline(words >> std::ws, rest);
        device.strings = split(rest, ';');
        return stage.add(device);
    }
    if (verb == "remove") {
        std::string port;
        words >> port;
        return stage.remove(port);
    }
    if (verb == "churn") {
        return churn(stage, words);
    }
    if (verb == "root") {
        return stage.root();
    }
    return verb == "pid" ? std::to_string(child) : "error unknown command";
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3 || std::string(argv[1]) != "--") {
        std::cerr << "usage: umockdev-wrapper usb_stage -- PROGRAM ARGUMENTS...\n";
        return 2;
    }
    Stage stage;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); // a stage that is ended takes its program with it
        execvp(argv[2], argv + 2);
        std::perror(argv[2]);
        _exit(127);
    }
    for (std::string line; std::getline(std::cin, line);) {
        std::cout << obey(stage, line, child) << std::endl;
    }
    kill(child, SIGTERM);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
