// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/service.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "daemon/core/token.hpp"
#include "daemon/probe/frame_channel.hpp"
#include "daemon/probe/slot_events.hpp"
#include "daemon/probe/slot_reader.hpp"

namespace ukey::probe {
namespace {

using namespace std::chrono_literals;

/// For C_Finalize and the waiting thread, below WorkerOptions::stop_grace.
constexpr unsigned finalize_deadline_s = 2;
constexpr auto join_patience = 500ms;

void leave_at_once(int) {
    _exit(0);
}

/// A call into the module takes no longer than this, or the process ends by SIGALRM.
class OwnDeadline {
  public:
    explicit OwnDeadline(std::optional<std::chrono::seconds> deadline) {
        if (deadline) {
            alarm(static_cast<unsigned>(deadline->count()));
        }
    }
    ~OwnDeadline() { alarm(0); }
    OwnDeadline(const OwnDeadline&) = delete; // there is one alarm
    OwnDeadline& operator=(const OwnDeadline&) = delete;
};

class Service {
  public:
    Service(int descriptor, ServiceOptions options) : channel_(descriptor), options_(std::move(options)) {}

    int run() {
        if (!start_module()) {
            return exit_module_failed;
        }
        const bool module_is_good = loop();
        finish_module();
        return module_is_good ? 0 : exit_module_failed;
    }

  private:
    bool start_module() {
        send_busy("initialize");
        const OwnDeadline deadline(options_.own_deadline);
        auto module = pkcs11::Module::load(options_.module_path);
        if (!module) {
            send_failed(module.error().code, module.error().reason);
            return false;
        }
        module_ = std::move(*module);
        const auto info = module_->info();
        if (!info) {
            send_failed("module.initialize_failed", info.error().object + " says " + info.error().reason);
            return false;
        }
        reader_ = std::make_unique<SlotReader>(module_, [this] { send_busy("slots"); });
        events_ = std::make_unique<SlotEvents>(module_);
        channel_.send(hello_to_json({.path = options_.module_path,
                                     .description = info->description,
                                     .manufacturer = info->manufacturer,
                                     .library_version = info->library_version,
                                     .cryptoki_version = info->cryptoki_version,
                                     .events = events_->supported()}));
        return true;
    }

    /// Until the end of the connection. Nothing wakes it but the daemon and the module. False: the module
    /// failed.
    bool loop() {
        for (;;) {
            std::array<pollfd, 2> waiting{pollfd{channel_.descriptor(), POLLIN, 0},
                                          pollfd{events_->descriptor(), POLLIN, 0}};
            if (poll(waiting.data(), waiting.size(), -1) < 0) {
                if (errno == EINTR) {
                    continue;
                }
                return true;
            }
            if (waiting[1].revents != 0 && !handle_event()) {
                return false;
            }
            if (waiting[0].revents != 0) {
                if (!channel_.receive()) {
                    return true;
                }
                switch (handle_messages()) {
                case After::go_on:
                    break;
                case After::end:
                    return true;
                case After::module_failed:
                    return false;
                }
            }
        }
    }

    enum class After { go_on, end, module_failed };

    After handle_messages() {
        for (;;) {
            const auto message = channel_.next();
            if (!message) {
                std::fprintf(stderr, "ukey-probe: %s\n", to_string(message.error()).c_str());
                return After::end;
            }
            if (!*message) {
                return After::go_on;
            }
            const After after = handle_message(**message);
            if (after != After::go_on) {
                return after;
            }
        }
    }

    After handle_message(const boost::json::object& message) {
        const boost::json::value* type = message.if_contains("type");
        const boost::json::value* request = message.if_contains("request");
        if (type == nullptr || !type->is_string() || request == nullptr || !request->is_number()) {
            std::fprintf(stderr, "ukey-probe: a message without type or request\n");
            return After::end;
        }
        if (type->get_string() == "refresh") {
            return handle_refresh(message, *request) ? After::go_on : After::module_failed;
        }
        if (type->get_string() == "reread") {
            handle_reread(message, *request);
        }
        return After::go_on; // A type of a later version is passed over.
    }

    bool handle_refresh(const boost::json::object& message, const boost::json::value& request) {
        Slots hold;
        if (const boost::json::value* list = message.if_contains("hold");
            list != nullptr && list->is_array()) {
            for (const boost::json::value& slot : list->get_array()) {
                boost::json::error_code error;
                const auto id = slot.to_number<pkcs11::SlotId>(error);
                if (!error) {
                    hold.insert(id);
                }
            }
        }
        send_busy("slots");
        const OwnDeadline deadline(options_.own_deadline);
        reader_->hold(std::move(hold));
        // Events that came before this look are part of it.
        return look(events_->take(), SlotReader::Others::ask, request);
    }

    bool handle_event() {
        send_busy("slots");
        const OwnDeadline deadline(options_.own_deadline);
        const NamedSlots named = events_->take();
        return look(named, named.empty() ? SlotReader::Others::ask : SlotReader::Others::believe, nullptr);
    }

    /// Without its slot list a module is of no use: said as `failed`, and a new process is the next try.
    bool look(const NamedSlots& named, SlotReader::Others others, const boost::json::value& answer_to) {
        const auto slots = reader_->look(others, named);
        events_->settled();
        if (!slots) {
            send_failed("module.initialize_failed", slots.error().object + " says " + slots.error().reason);
            return false;
        }
        send_slots(*slots, answer_to);
        return true;
    }

    void handle_reread(const boost::json::object& message, const boost::json::value& request) {
        boost::json::error_code error;
        const boost::json::value* slot = message.if_contains("slot");
        send_busy("slots");
        const OwnDeadline deadline(options_.own_deadline);
        const auto id = slot == nullptr ? 0 : slot->to_number<pkcs11::SlotId>(error);
        send_slots(reader_->reread(id), request);
    }

    void send_busy(std::string_view what) { channel_.send({{"type", "busy"}, {"what", what}}); }

    void send_failed(const std::string& code, const std::string& reason) {
        channel_.send({{"type", "failed"}, {"code", code}, {"reason", reason}});
    }

    void send_slots(const std::vector<SlotReport>& slots, const boost::json::value& answer_to) {
        channel_.send({{"type", "slots"},
                       {"answer_to", answer_to},
                       {"slots", to_json(slots)},
                       {"events_failed", events_->failing()}});
    }

    void finish_module() {
        // The module's bad end must not look like a crash, nor hold up the daemon's stop.
        struct sigaction action {};
        action.sa_handler = leave_at_once;
        // The others too: OpenSC 0.23 may crash when C_Finalize meets its own C_WaitForSlotEvent.
        for (const int signal : {SIGALRM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) {
            sigaction(signal, &action, nullptr);
        }
        alarm(finalize_deadline_s);
        module_->finalize();
        if (!events_->join_for(join_patience)) {
            _exit(0); // The thread is still in the module: unloading it now would be a crash.
        }
        events_.reset();
        reader_.reset();
        module_.reset();
    }

    FrameChannel channel_;
    ServiceOptions options_;
    std::shared_ptr<pkcs11::Module> module_;
    std::unique_ptr<SlotReader> reader_;
    std::unique_ptr<SlotEvents> events_;
};

} // namespace

int serve(int descriptor, const ServiceOptions& options) {
    return Service(descriptor, options).run();
}

} // namespace ukey::probe
