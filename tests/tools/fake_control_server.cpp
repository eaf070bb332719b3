// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/fake_control_server.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/frame.hpp"

namespace ukey::test {

FakeControlServer::FakeControlServer(Handler handler) : handler_(std::move(handler)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ukeyctl-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path().c_str(), sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_ = eventfd(0, EFD_CLOEXEC);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 8) != 0) {
        throw std::runtime_error("cannot listen at " + socket_path());
    }
    thread_ = std::thread([this] { serve(); });
}

FakeControlServer::~FakeControlServer() {
    eventfd_write(stop_, 1);
    thread_.join();
    close(listener_);
    close(stop_);
    std::filesystem::remove_all(folder_);
}

std::vector<boost::json::object> FakeControlServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void FakeControlServer::serve() {
    while (true) {
        std::array<pollfd, 2> waiting{pollfd{listener_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
        poll(waiting.data(), waiting.size(), -1);
        if (waiting[1].revents != 0) {
            return;
        }
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        serve_connection(connection);
        close(connection);
    }
}

void FakeControlServer::serve_connection(int connection) {
    FrameDecoder decoder(control_frame_max_bytes);
    std::array<char, 65536> bytes{};
    while (true) {
        std::array<pollfd, 2> waiting{pollfd{connection, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
        poll(waiting.data(), waiting.size(), -1);
        const ssize_t got = waiting[1].revents != 0 ? 0 : recv(connection, bytes.data(), bytes.size(), 0);
        if (got <= 0) {
            return;
        }
        decoder.append({bytes.data(), static_cast<std::size_t>(got)});
        for (auto message = decoder.next(); message && message->has_value(); message = decoder.next()) {
            if (!answer(connection, **message)) {
                return;
            }
        }
    }
}

bool FakeControlServer::answer(int connection, const boost::json::object& request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    for (boost::json::object frame : handler_(request)) {
        if (frame.contains("hang_up")) {
            return false;
        }
        frame["id"] = request.at("id");
        const std::string encoded = encode_frame(frame);
        // In two pieces: a frame's borders are not the stream's.
        send(connection, encoded.data(), 3, MSG_NOSIGNAL);
        send(connection, encoded.data() + 3, encoded.size() - 3, MSG_NOSIGNAL);
    }
    return true;
}

Answer result(boost::json::object result) {
    return {{{"result", std::move(result)}}};
}

Answer error(const std::string& code, boost::json::object arguments) {
    return {{{"error", {{"code", code}, {"message", "in English"}, {"arguments", std::move(arguments)}}}}};
}

boost::json::object example_status() {
    return boost::json::parse(R"({
      "daemon": {"version": "0.1.0", "pid": 7, "mode": "observe", "started_at": "2026-04-01T08:30:00.000000Z",
                 "config": "/nowhere/ukeyd.toml"},
      "modules": [{"name": "opensc", "path": "/usr/lib/opensc-pkcs11.so", "state": "running", "findings": []}],
      "usb": {"state": "watching", "devices": []},
      "keys": [
        {"key": "0a1b2c3d4e5f", "present": true, "manufacturer": "piv_II", "model": "PKCS#15 emulated", "serial": "00ff",
         "label": "教工支部", "module": "opensc", "slot": 0, "slot_description": "Virtual PCD 00 00", "usb_port": null,
         "inserted_at": "2026-04-01T08:31:00.000000Z",
         "organisation": {"code": "00012", "path": ["重庆市委", "沙坪坝区委", "教工支部"], "name": "教工支部"},
         "certificate": {"organisation_name": "教工支部", "not_before": "2026-01-01T00:00:00Z",
                         "not_after": "2027-01-01T00:00:00Z", "trust": "trusted"},
         "pin": {"default": true, "locked": "no", "final_try": "no", "count_low": "no", "to_be_changed": "unknown"},
         "admission": {"verdict": "warn", "enforced": false, "codes": ["pin.default"]},
         "findings": [{"code": "pin.default", "severity": "warning", "subject": "0a1b2c3d4e5f",
                       "message": "The key still has the default PIN.", "remedy": "", "arguments": {}}]},
        {"key": "ffee00112233", "present": true, "serial": "01", "label": "x", "module": "opensc", "organisation": null,
         "certificate": {"organisation_name": "别处支部", "not_after": "2027-01-01T00:00:00Z", "trust": "trusted"},
         "pin": {"default": null, "locked": "unknown"},
         "admission": {"verdict": "deny", "enforced": false, "codes": ["binding.other_organisation"]},
         "findings": [{"code": "future.code", "severity": "error", "subject": "ffee00112233",
                       "message": "What only a newer daemon knows.", "remedy": "", "arguments": {}}]}],
      "open_sessions": [], "findings": []})")
        .as_object();
}

} // namespace ukey::test
