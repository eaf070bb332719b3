// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/worker.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/core/frame.hpp"
#include "daemon/probe/file_watch.hpp"
#include "daemon/probe/probe_process.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// "10 s", "0.5 s".
std::string seconds_text(milliseconds duration) {
    return fmt::format("{:g} s", std::chrono::duration<double>(duration).count());
}

/// Failures that another start of the same file cannot mend.
bool is_lasting(std::string_view code) {
    return code == "module.missing" || code == "module.wrong_architecture" || code == "module.not_loadable" ||
           code == "module.not_pkcs11";
}

/// A cause that is no failure.
constexpr std::string_view asked_for = "restart";

bool is_failed_code(std::string_view code) {
    return is_lasting(code) || code == "module.initialize_failed";
}

std::string_view text_member(const boost::json::object& message, std::string_view name) {
    const boost::json::value* value = message.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

milliseconds at_least_zero(Clock::duration duration) {
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(duration));
}

} // namespace

std::string_view to_string(WorkerState state) {
    switch (state) {
    case WorkerState::starting:
        return "starting";
    case WorkerState::running:
        return "running";
    case WorkerState::failed:
        return "failed";
    case WorkerState::waiting:
        return "waiting";
    }
    return "waiting";
}

/// Everything of one worker. Handlers keep it alive; `run_` tells those of an earlier process from the
/// present one's.
class Worker::Machine : public std::enable_shared_from_this<Machine> {
  public:
    Machine(asio::any_io_executor executor, WorkerOptions options, Events events)
        : executor_(std::move(executor)), options_(std::move(options)), events_(std::move(events)),
          deadline_timer_(executor_), backoff_timer_(executor_), stop_timer_(executor_), channel_(executor_),
          pidfd_(executor_), backoff_(options_.backoff_first) {}

    void start();
    void refresh(std::vector<std::uint64_t> hold);
    void reread(std::uint64_t slot);
    void restart();
    void stop(std::function<void()> stopped);
    void abandon();

    const WorkerOptions& options() const { return options_; }
    WorkerState state() const { return state_; }
    const std::vector<SlotReport>& slots() const { return slots_; }
    const std::optional<Finding>& finding() const { return finding_; }
    const std::optional<ModuleReport>& module() const { return module_; }
    int restarts() const { return std::max(0, starts_ - 1); }
    bool events_failed() const { return events_failed_; }
    std::optional<pid_t> pid() const { return process_ ? std::optional(process_->pid()) : std::nullopt; }
    std::optional<milliseconds> next_try_in() const;

  private:
    // Starting.
    void begin();
    bool begin_process();
    void begin_connection();
    void connected();
    void wait_for_exit();
    void watch_file();
    // Hearing.
    void read();
    void handle_bytes(std::string_view bytes);
    void handle_message(const boost::json::object& message);
    void handle_slots(const boost::json::object& message);
    void adopt_slots(std::vector<SlotReport> slots);
    // Asking.
    void request_refresh();
    void send(const boost::json::object& message);
    void write();
    void arm_deadline();
    void disarm_deadline();
    // Ending.
    void break_off(std::string code, std::string reason);
    void channel_ended();
    void process_ended();
    void ended(const std::string& how);
    void finish();
    void plan_next_start();
    void start_after(milliseconds delay);
    void close_everything();
    Finding make_finding(const std::string& code, const std::string& reason) const;
    // Telling.
    void set_state(WorkerState state);
    void tell(std::function<void()> Events::*callback);

    asio::any_io_executor executor_;
    WorkerOptions options_;
    Events events_;
    bool stopping_ = false;
    std::function<void()> stopped_;

    WorkerState state_ = WorkerState::waiting;
    std::vector<SlotReport> slots_;
    std::optional<Finding> finding_;
    std::optional<ModuleReport> module_;
    int starts_ = 0;

    asio::steady_timer deadline_timer_;
    asio::steady_timer backoff_timer_;
    asio::steady_timer stop_timer_;
    std::optional<Clock::time_point> next_start_;
    /// Tells a deadline that has just run out from one that was lifted in the same moment.
    std::uint64_t deadline_epoch_ = 0;
    /// From start to the first slot list, and while failed.
    std::unique_ptr<FileWatch> file_watch_;
    bool file_changed_ = false;

    // Of the present process or connection.
    std::uint64_t run_ = 0;
    std::optional<ProbeProcess> process_;
    asio::local::stream_protocol::socket channel_;
    asio::posix::stream_descriptor pidfd_;
    FrameDecoder decoder_{control_frame_max_bytes};
    std::array<char, 16384> buffer_{};
    std::deque<std::string> outgoing_;
    Clock::time_point started_at_;
    bool channel_open_ = false;
    bool hello_seen_ = false;
    bool events_failed_ = false;
    /// How the process ended, once it has.
    std::optional<std::string> exit_;
    /// Code and reason of what went wrong, once that is known.
    std::optional<std::pair<std::string, std::string>> cause_;

    std::vector<std::uint64_t> hold_;
    std::uint64_t last_request_ = 0;
    std::optional<std::uint64_t> refresh_outstanding_;
    bool refresh_again_ = false;
    std::optional<std::uint64_t> reread_outstanding_;
    /// Added to the process's generations, so that they grow over restarts.
    std::uint64_t generation_base_ = 0;
    std::uint64_t generation_max_ = 0;
    milliseconds backoff_;
};

// --- Starting
// -------------------------------------------------------------------------------------------------------

void Worker::Machine::start() {
    if (state_ == WorkerState::waiting && !next_start_ && !stopping_) {
        backoff_ = options_.backoff_first;
        begin();
    }
}

void Worker::Machine::begin() {
    ++run_;
    ++starts_;
    next_start_.reset();
    watch_file();
    decoder_ = FrameDecoder(control_frame_max_bytes);
    outgoing_.clear();
    cause_.reset();
    exit_.reset();
    hello_seen_ = false;
    events_failed_ = false;
    refresh_outstanding_.reset();
    reread_outstanding_.reset();
    refresh_again_ = false;
    generation_base_ = generation_max_;
    started_at_ = Clock::now();
    set_state(WorkerState::starting);
    arm_deadline();
    if (options_.socket_path) {
        begin_connection();
    } else if (begin_process()) {
        wait_for_exit();
        connected();
    }
}

bool Worker::Machine::begin_process() {
    auto process = ProbeProcess::start(options_.probe_path, options_.name, options_.module_path);
    if (!process) {
        cause_.emplace("module.crashed", to_string(process.error()));
        finish();
        return false;
    }
    process_.emplace(std::move(*process));
    channel_.assign(asio::local::stream_protocol(), process_->take_channel());
    return true;
}

void Worker::Machine::begin_connection() {
    channel_.async_connect(*options_.socket_path, [self = shared_from_this(),
                                                   run = run_](const boost::system::error_code& error) {
        if (run != self->run_ || self->state_ != WorkerState::starting) {
            return;
        }
        if (error) {
            self->cause_.emplace("module.crashed", *self->options_.socket_path + ": " + error.message());
            self->finish();
        } else {
            self->connected();
        }
    });
}

void Worker::Machine::connected() {
    channel_open_ = true;
    read();
}

void Worker::Machine::wait_for_exit() {
    pidfd_.assign(process_->pidfd());
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this(), run = run_](const boost::system::error_code& error) {
                          if (!error && run == self->run_ && self->process_) {
                              self->process_ended();
                          }
                      });
}

// --- Hearing
// --------------------------------------------------------------------------------------------------------

void Worker::Machine::read() {
    channel_.async_read_some(
        asio::buffer(buffer_),
        [self = shared_from_this(), run = run_](const boost::system::error_code& error, std::size_t count) {
            if (run != self->run_ || !self->channel_open_) {
                return;
            }
            if (error) {
                self->channel_ended();
                return;
            }
            self->handle_bytes({self->buffer_.data(), count});
            if (run == self->run_ && self->channel_open_) {
                self->read();
            }
        });
}

void Worker::Machine::handle_bytes(std::string_view bytes) {
    decoder_.append(bytes);
    while (!cause_) {
        const auto message = decoder_.next();
        if (!message) {
            break_off("module.garbage", to_string(message.error()));
            return;
        }
        if (!*message) {
            return;
        }
        handle_message(**message);
    }
}

void Worker::Machine::handle_message(const boost::json::object& message) {
    const std::string_view type = text_member(message, "type");
    if (type == "busy") {
        arm_deadline();
    } else if (type == "slots") {
        handle_slots(message);
    } else if (type == "hello") {
        auto hello = decode_hello(message);
        if (!hello) {
            break_off("module.garbage", to_string(hello.error()));
            return;
        }
        module_ = std::move(*hello);
        hello_seen_ = true;
        request_refresh();
    } else if (type == "failed") {
        const std::string_view code = text_member(message, "code");
        const std::string_view reason = text_member(message, "reason");
        break_off(is_failed_code(code) ? std::string(code) : "module.garbage", std::string(reason));
    } else if (type.empty()) {
        break_off("module.garbage", "a message without a type");
    }
    // A type of a later version is passed over.
}

void Worker::Machine::handle_slots(const boost::json::object& message) {
    const boost::json::value* list = message.if_contains("slots");
    const boost::json::value* answer_to = message.if_contains("answer_to");
    auto slots = decode_slots(list == nullptr ? boost::json::value() : *list);
    if (!slots || answer_to == nullptr || !hello_seen_) {
        break_off("module.garbage",
                  slots ? "slots without answer_to or before hello" : to_string(slots.error()));
        return;
    }
    if (!answer_to->is_null()) {
        boost::json::error_code error;
        const auto request = answer_to->to_number<std::uint64_t>(error);
        if (refresh_outstanding_ == request) {
            refresh_outstanding_.reset();
        } else if (reread_outstanding_ == request) {
            reread_outstanding_.reset();
        }
    }
    const boost::json::value* failed = message.if_contains("events_failed");
    events_failed_ = events_failed_ || (failed != nullptr && failed->is_bool() && failed->get_bool());
    adopt_slots(std::move(*slots));
    if (refresh_again_ && !refresh_outstanding_) {
        refresh_again_ = false;
        request_refresh();
    } else if (refresh_outstanding_ || reread_outstanding_) {
        arm_deadline();
    } else {
        disarm_deadline();
    }
}

void Worker::Machine::adopt_slots(std::vector<SlotReport> slots) {
    for (SlotReport& slot : slots) {
        if (slot.token) {
            slot.token->generation += generation_base_;
            generation_max_ = std::max(generation_max_, slot.token->generation);
        }
    }
    const bool different = slots != slots_;
    slots_ = std::move(slots);
    if (state_ == WorkerState::starting) {
        finding_.reset();
        file_watch_.reset();
        spdlog::info("module {}: running, {} ({}), {} slots", options_.name, module_->description,
                     module_->library_version, slots_.size());
        set_state(WorkerState::running);
    }
    if (different) {
        tell(&Events::slots_changed);
    }
}

// --- Asking
// ---------------------------------------------------------------------------------------------------------

void Worker::Machine::refresh(std::vector<std::uint64_t> hold) {
    hold_ = std::move(hold);
    if (stopping_) {
        return;
    }
    switch (state_) {
    case WorkerState::starting:
        // The first refresh goes out with hello; one that is on its way has the old hold.
        refresh_again_ = refresh_outstanding_.has_value();
        break;
    case WorkerState::running:
        if (refresh_outstanding_) {
            refresh_again_ = true;
        } else {
            request_refresh();
        }
        break;
    case WorkerState::failed:
        start_after(options_.backoff_first);
        break;
    case WorkerState::waiting:
        break;
    }
}

void Worker::Machine::request_refresh() {
    refresh_outstanding_ = ++last_request_;
    boost::json::array hold(hold_.begin(), hold_.end());
    send({{"type", "refresh"}, {"request", last_request_}, {"hold", std::move(hold)}});
    arm_deadline();
}

void Worker::Machine::reread(std::uint64_t slot) {
    if (state_ != WorkerState::running || !channel_open_ || stopping_) {
        return;
    }
    reread_outstanding_ = ++last_request_;
    send({{"type", "reread"}, {"request", last_request_}, {"slot", slot}});
    arm_deadline();
}

void Worker::Machine::send(const boost::json::object& message) {
    outgoing_.push_back(encode_frame(message));
    if (outgoing_.size() == 1) {
        write();
    }
}

void Worker::Machine::write() {
    asio::async_write(
        channel_, asio::buffer(outgoing_.front()),
        [self = shared_from_this(), run = run_](const boost::system::error_code& error, std::size_t) {
            // An error is the channel's end, which read() hears of, with what came before it.
            if (run != self->run_ || error) {
                return;
            }
            self->outgoing_.pop_front();
            if (!self->outgoing_.empty()) {
                self->write();
            }
        });
}

void Worker::Machine::arm_deadline() {
    deadline_timer_.expires_after(options_.deadline);
    deadline_timer_.async_wait(
        [self = shared_from_this(), epoch = ++deadline_epoch_](const boost::system::error_code&) {
            if (epoch != self->deadline_epoch_) {
                return;
            }
            if (self->exit_) {
                self->ended(*self->exit_);
            } else {
                self->break_off("module.hung", "");
            }
        });
}

void Worker::Machine::disarm_deadline() {
    ++deadline_epoch_;
    deadline_timer_.cancel();
}

// --- Ending
// ---------------------------------------------------------------------------------------------------------

void Worker::Machine::restart() {
    if (stopping_) {
        return;
    }
    switch (state_) {
    case WorkerState::starting:
    case WorkerState::running:
        break_off(std::string(asked_for), "");
        break;
    case WorkerState::waiting:
        if (next_start_) { // else it was not started
            start_after(milliseconds(0));
        }
        break;
    case WorkerState::failed:
        break; // for a reason that has not changed
    }
}

/// The process is no longer wanted, for this cause. What follows happens once it is gone.
void Worker::Machine::break_off(std::string code, std::string reason) {
    if (cause_) {
        return;
    }
    cause_.emplace(std::move(code), std::move(reason));
    disarm_deadline();
    if (process_) {
        process_->kill(); // process_ended() follows.
    } else {
        finish();
    }
}

void Worker::Machine::channel_ended() {
    channel_open_ = false;
    if (!process_) {
        ended(exit_.value_or("the connection was closed"));
    } else if (!stopping_ && !cause_) {
        // The process is ending, and process_ended() will say how; one that only closed its channel meets the
        // deadline.
        arm_deadline();
    }
}

void Worker::Machine::process_ended() {
    pidfd_.release();
    exit_ = process_->reap();
    process_.reset();
    if (channel_open_ && !cause_) {
        // What it said last is still to be read: a `failed` frame, for one. The end of the channel follows,
        // unless a child of the module holds it open; the deadline is for that.
        arm_deadline();
    } else {
        ended(*exit_);
    }
}

void Worker::Machine::ended(const std::string& how) {
    if (!cause_) {
        cause_.emplace("module.crashed", how);
    }
    finish();
}

/// Process and connection are gone; cause_ says why.
void Worker::Machine::finish() {
    close_everything();
    if (stopping_) {
        stop_timer_.cancel();
        stopping_ = false;
        set_state(WorkerState::waiting);
        if (auto stopped = std::exchange(stopped_, nullptr)) {
            asio::post(executor_, std::move(stopped));
        }
        return;
    }
    plan_next_start();
}

void Worker::Machine::plan_next_start() {
    const auto& [code, reason] = *cause_;
    if (code == asked_for) {
        backoff_ = options_.backoff_first;
        start_after(milliseconds(0));
        return;
    }
    if (state_ == WorkerState::running && Clock::now() - started_at_ >= options_.stable_after) {
        backoff_ = options_.backoff_first;
    }
    Finding finding = make_finding(code, reason);
    // Said once: a module that fails the same way again and again is in `status`, not in every line of the
    // log.
    if (!finding_ || finding_->code != finding.code) {
        spdlog::warn("module {}: {} {}", options_.name, code, reason);
    }
    finding_ = std::move(finding);
    if (is_lasting(code)) {
        // Trying again on a clock would be polling. Its file's folder is watched, and every refresh() is an
        // occasion.
        if (file_changed_) {
            start_after(options_.backoff_first);
        } else {
            set_state(WorkerState::failed);
        }
        return;
    }
    const milliseconds delay = std::exchange(backoff_, std::min(backoff_ * 2, options_.backoff_max));
    start_after(delay);
}

void Worker::Machine::watch_file() {
    file_changed_ = false;
    file_watch_ = std::make_unique<FileWatch>(executor_, options_.module_path, [this] {
        file_changed_ = true;
        if (state_ == WorkerState::failed && !stopping_) {
            start_after(options_.backoff_first);
        }
    });
}

void Worker::Machine::start_after(milliseconds delay) {
    next_start_ = Clock::now() + delay;
    backoff_timer_.expires_at(*next_start_);
    set_state(WorkerState::waiting);
    backoff_timer_.async_wait(
        [self = shared_from_this(), run = run_](const boost::system::error_code& error) {
            if (!error && run == self->run_ && self->next_start_) {
                self->begin();
            }
        });
}

void Worker::Machine::close_everything() {
    disarm_deadline();
    backoff_timer_.cancel();
    next_start_.reset();
    channel_open_ = false;
    boost::system::error_code ignored;
    channel_.close(ignored);
    ++run_; // Handlers still on their way are of the past.
}

Finding Worker::Machine::make_finding(const std::string& code, const std::string& reason) const {
    return {.code = code,
            .subject = options_.name,
            .arguments = {{"path", options_.module_path},
                          {"reason", reason},
                          {"deadline", seconds_text(options_.deadline)},
                          {"delay", seconds_text(backoff_)}}};
}

void Worker::Machine::stop(std::function<void()> stopped) {
    stopped_ = std::move(stopped);
    stopping_ = true;
    file_watch_.reset();
    backoff_timer_.cancel();
    next_start_.reset();
    disarm_deadline();
    if (!process_) {
        // The other end of a connection finalises by itself when it sees the end.
        finish();
        return;
    }
    boost::system::error_code ignored;
    channel_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
    stop_timer_.expires_after(options_.stop_grace);
    stop_timer_.async_wait([self = shared_from_this(), run = run_](const boost::system::error_code& error) {
        if (!error && run == self->run_ && self->process_) {
            self->process_->kill();
        }
    });
}

void Worker::Machine::abandon() {
    events_ = {};
    stopped_ = nullptr;
    file_watch_.reset();
    stop_timer_.cancel();
    close_everything();
    if (process_) {
        pidfd_.release();
        process_.reset();
    }
}

// --- Telling
// --------------------------------------------------------------------------------------------------------

std::optional<milliseconds> Worker::Machine::next_try_in() const {
    return next_start_ ? std::optional(at_least_zero(*next_start_ - Clock::now())) : std::nullopt;
}

void Worker::Machine::set_state(WorkerState state) {
    state_ = state;
    tell(&Events::state_changed);
}

void Worker::Machine::tell(std::function<void()> Events::*callback) {
    asio::post(executor_, [self = shared_from_this(), callback] {
        if (self->events_.*callback) { // Empty once the Worker is gone.
            (self->events_.*callback)();
        }
    });
}

// --- Worker
// ---------------------------------------------------------------------------------------------------------

Worker::Worker(boost::asio::any_io_executor executor, WorkerOptions options, Events events)
    : machine_(std::make_shared<Machine>(std::move(executor), std::move(options), std::move(events))) {}

Worker::~Worker() {
    machine_->abandon();
}

void Worker::start() {
    machine_->start();
}
bool Worker::events_failed() const {
    return machine_->events_failed();
}

void Worker::restart() {
    machine_->restart();
}

void Worker::refresh(std::vector<std::uint64_t> hold) {
    machine_->refresh(std::move(hold));
}
void Worker::reread(std::uint64_t slot) {
    machine_->reread(slot);
}
void Worker::stop(std::function<void()> stopped) {
    machine_->stop(std::move(stopped));
}
const WorkerOptions& Worker::options() const {
    return machine_->options();
}
WorkerState Worker::state() const {
    return machine_->state();
}
const std::vector<SlotReport>& Worker::slots() const {
    return machine_->slots();
}
std::vector<Finding> Worker::findings() const {
    return machine_->finding() ? std::vector{*machine_->finding()} : std::vector<Finding>{};
}
const std::optional<ModuleReport>& Worker::module() const {
    return machine_->module();
}
int Worker::restarts() const {
    return machine_->restarts();
}
std::optional<pid_t> Worker::pid() const {
    return machine_->pid();
}
std::optional<std::chrono::milliseconds> Worker::next_try_in() const {
    return machine_->next_try_in();
}

} // namespace ukey
