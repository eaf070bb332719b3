// SPDX-License-Identifier: Apache-2.0
// The filter's end of the login channel against a daemon that says anything at any moment. The input is a
// script: what the application does and what the peer does, in turn, in one thread. Checked: no call takes
// longer than its wait; a verdict is one that was said in answer to the question; nothing is told twice on
// one connection, unless the peer said that it could not write it, or would not yet.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/core/frame.hpp"
#include "pkcs11/module/login_client.hpp"
#include "pkcs11/module/login_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using ukey::filter::LoginClient;
using ukey::filter::TokenIdentity;
using ukey::filter::UseCounter;

constexpr std::chrono::milliseconds wait{1};
/// A sanitized program on a busy computer; a call that goes on for ever takes longer.
constexpr std::chrono::seconds patience{5};
constexpr std::size_t steps_max = 200;

/// A broken promise ends the fuzzer with this input.
void require(bool kept) {
    if (!kept) {
        std::abort();
    }
}

/// The socket of this process, in a folder that goes with it.
const std::string& socket_path() {
    static const ukey::test::TemporaryFolder folder;
    static const std::string path = (folder.path() / "login.sock").string();
    return path;
}

class Script {
  public:
    Script(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    bool over() const { return left_ == 0; }
    std::uint8_t byte() {
        if (left_ == 0) {
            return 0;
        }
        --left_;
        return *data_++;
    }
    std::string bytes(std::size_t count) {
        std::string taken;
        while (count-- > 0 && !over()) {
            taken.push_back(static_cast<char>(byte()));
        }
        return taken;
    }

  private:
    const std::uint8_t* data_;
    std::size_t left_;
};

std::string text_of(const boost::json::object& message, std::string_view name) {
    const boost::json::value* value = message.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::uint64_t request_of(const boost::json::object& message) {
    const boost::json::value* value = message.if_contains("request");
    boost::json::error_code error;
    return value == nullptr || !value->is_number() ? 0 : value->to_number<std::uint64_t>(error);
}

/// The daemon's end of one connection.
class Connection {
  public:
    explicit Connection(int descriptor) : descriptor_(descriptor) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(descriptor_); }

    void say(std::string_view bytes) {
        const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            said_.append(bytes.substr(0, static_cast<std::size_t>(sent)));
        }
    }

    /// Reads what the filter has told, and looks at it.
    void listen_to_it() {
        std::array<char, 65536> buffer{};
        for (ssize_t count = 0;
             (count = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
            heard_.append({buffer.data(), static_cast<std::size_t>(count)});
        }
        note_what_was_said();
        for (;;) {
            const auto message = heard_.next();
            require(message.has_value()); // the filter keeps to the format
            if (!*message) {
                return;
            }
            note(**message);
        }
    }

    std::uint64_t last_request() const { return last_request_; }
    /// Was this verdict said in answer to the last question?
    bool gave(const std::string& verdict) const {
        const auto [begin, end] = verdicts_.equal_range(last_question_);
        return std::any_of(begin, end, [&](const auto& given) { return given.second == verdict; });
    }

  private:
    void note(const boost::json::object& message) {
        const std::string type = text_of(message, "type");
        if (type == "use") {
            return;
        }
        last_request_ = request_of(message);
        require(last_request_ > highest_request_);
        highest_request_ = last_request_;
        if (type == "ask") {
            last_question_ = last_request_;
            return;
        }
        const std::string id = text_of(message, type == "pin" ? "change" : "login");
        const auto [told, fresh] = told_.insert({{type, id}, last_request_});
        const bool with_its_beginning = type == "end" && told_again_.contains(id);
        require(fresh || unwritten_.contains(told->second) || with_its_beginning);
        told->second = last_request_;
        if (!fresh && type == "result") {
            told_again_.insert(id);
        }
    }

    void note_what_was_said() {
        said_decoder_.append(std::exchange(said_, {}));
        for (auto message = said_decoder_.next(); message && *message; message = said_decoder_.next()) {
            if (text_of(**message, "type") == "verdict") {
                verdicts_.insert({request_of(**message), text_of(**message, "verdict")});
            } else if (text_of(**message, "code") == "ledger.write_failed" ||
                       text_of(**message, "code") == "login.rate_limited") {
                unwritten_.insert(request_of(**message));
            }
        }
    }

    int descriptor_;
    std::string said_;
    ukey::FrameDecoder heard_{ukey::login_frame_max_bytes};
    ukey::FrameDecoder said_decoder_{ukey::login_frame_max_bytes};
    std::uint64_t last_request_ = 0;
    std::uint64_t highest_request_ = 0;
    std::uint64_t last_question_ = 0;
    std::multimap<std::uint64_t, std::string> verdicts_;
    std::set<std::uint64_t> unwritten_;
    std::set<std::string> told_again_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> told_;
};

class Play {
  public:
    explicit Play(Script script) : script_(script) { listen_anew(); }
    ~Play() { close(listener_); }
    Play(const Play&) = delete;
    Play& operator=(const Play&) = delete;

    void run() {
        for (std::size_t step = 0; step < steps_max && !script_.over(); ++step) {
            const auto begin = std::chrono::steady_clock::now();
            const std::uint8_t what = script_.byte();
            if (what % 2 == 0) {
                application_step(what / 2U);
            } else {
                peer_step(what / 2U);
            }
            require(std::chrono::steady_clock::now() - begin < patience);
            accept_waiting();
            if (connection_) {
                connection_->listen_to_it();
            }
            if (verdict_) {
                require(connection_ && connection_->gave(*verdict_));
                verdict_.reset();
            }
        }
    }

  private:
    void application_step(unsigned what) {
        const ukey::filter::SlotIndex slot = (what >> 3U) % 3;
        switch (what % 6) {
        case 0:
            if (const auto verdict = client_.ask(ukey::filter::ask_message(token_, {}), deadline())) {
                verdict_ = verdict->word;
            }
            break;
        case 1:
            begin(slot, what % 5 == 0);
            break;
        case 2:
            end(slot, "logout");
            break;
        case 3:
            client_.note(
                ukey::filter::OtherReport{ukey::filter::pin_message("C_SetPIN", token_, 0, true), false},
                deadline());
            client_.deliver(deadline());
            break;
        case 4:
            if (uses_.add(slot)) {
                client_.tell_use(slot);
            }
            break;
        default:
            for (const ukey::filter::SlotIndex each : {0U, 1U, 2U}) {
                end(each, "finalized");
            }
            client_.close_if_all_told();
        }
    }

    /// Sometimes the login has ended by the time it is told, sometimes the next one begins before.
    void begin(ukey::filter::SlotIndex slot, bool late) {
        end(slot, "sessions_closed");
        const std::uint64_t number = uses_.begin(slot);
        if (script_.byte() % 4 == 0) {
            end(slot, "logout");
        }
        boost::json::object result = ukey::filter::result_message(new_id(), token_, {});
        result["attestation"] = boost::json::object();
        client_.note(ukey::filter::LoginBegin{slot, number, std::move(result), late, script_.byte() % 4U},
                     deadline());
        client_.deliver(deadline());
    }

    void end(ukey::filter::SlotIndex slot, std::string_view reason) {
        if (!uses_.is_open(slot)) {
            return;
        }
        const std::uint64_t number = uses_.number(slot);
        client_.note(ukey::filter::LoginEnd{slot, number, reason, uses_.end(slot), {}}, deadline());
        client_.deliver(deadline());
    }

    static std::chrono::steady_clock::time_point deadline() {
        return std::chrono::steady_clock::now() + wait;
    }

    void peer_step(unsigned what) {
        if (what % 16 == 15) {
            listen_anew();
        }
        if (!connection_) {
            return;
        }
        switch (what % 8) {
        case 0:
        case 1:
        case 2:
        case 3:
            connection_->say(ukey::encode_frame(answer(what)));
            break;
        case 4:
            connection_->say(ukey::encode_frame(answer(what)).substr(0, script_.byte()));
            break;
        case 5:
            connection_->say(script_.bytes(script_.byte()));
            break;
        case 6:
            for (unsigned count = script_.byte(); count > 0; --count) {
                connection_->say(ukey::encode_frame(answer(what)));
            }
            break;
        default:
            connection_.reset();
        }
    }

    /// To a request that was made, or will be, or neither.
    boost::json::object answer(unsigned what) {
        static constexpr std::array types{"recorded", "verdict", "error", "perhaps"};
        static constexpr std::array verdicts{"allow", "warn", "deny", "perhaps"};
        static constexpr std::array codes{"ledger.write_failed", "login.rate_limited"};
        const std::uint8_t choice = script_.byte();
        const std::uint64_t request = connection_->last_request() + 2 - choice % 4;
        boost::json::object message{{"type", types[what % 4]}, {"request", request}};
        message["verdict"] = verdicts[(choice >> 2U) % 4];
        message["code"] = codes[(choice >> 4U) % 2];
        return message;
    }

    void accept_waiting() {
        const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            connection_.emplace(descriptor);
        }
    }

    void listen_anew() {
        close(listener_);
        unlink(socket_path().c_str());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, socket_path().data(), socket_path().size());
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        require(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        require(listen(listener_, 8) == 0);
    }

    std::string new_id() { return "login" + std::to_string(++last_id_); }

    Script script_;
    int listener_ = -1;
    std::optional<Connection> connection_;
    TokenIdentity token_{"maker", "model", "serial", "label"};
    UseCounter uses_;
    LoginClient client_{socket_path(), wait, uses_};
    std::optional<std::string> verdict_;
    unsigned last_id_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Play(Script(data, size)).run();
    return 0;
}
