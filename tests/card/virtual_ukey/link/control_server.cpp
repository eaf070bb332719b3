// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/control_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace ukey::virtual_card {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t line_max_bytes = 4096;
constexpr milliseconds default_timeout{10'000};

auto keep_error(boost::system::error_code& error) {
    return asio::redirect_error(asio::use_awaitable, error);
}

json::object refusal(std::string_view reason) {
    return {{"ok", false}, {"error", reason}};
}

json::object outcome(const Result<void>& result) {
    if (result)
        return {{"ok", true}};
    const Error& error = result.error();
    return refusal(error.context + ": " + error.object + ": " + error.reason);
}

/// Throws what Boost.JSON throws when the field is no number.
milliseconds milliseconds_field(const json::object& command, std::string_view name, milliseconds otherwise) {
    const json::value* value = command.if_contains(name);
    return value != nullptr ? milliseconds(value->to_number<std::uint32_t>()) : otherwise;
}

/// Broken invariants end the process: nothing is to go on behind a test's back.
void rethrow(const std::exception_ptr& exception) {
    if (exception)
        std::rethrow_exception(exception);
}

} // namespace

ControlServer::ControlServer(asio::io_context& context, PivCard& card, Reader& reader,
                             std::function<void()> quit)
    : context_(context), card_(card), reader_(reader), quit_(std::move(quit)), acceptor_(context) {}

ControlServer::~ControlServer() {
    stop();
}

Result<void> ControlServer::listen(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_socket(path, ignored))
        fs::remove(path, ignored);
    boost::system::error_code error;
    const asio::local::stream_protocol::endpoint endpoint(path.string());
    acceptor_.open(endpoint.protocol(), error);
    if (!error)
        acceptor_.bind(endpoint, error);
    if (!error) {
        path_ = path;
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error)
        return fail("io.failed", "listen on the control socket", path.string(), error.message());
    return {};
}

void ControlServer::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    if (path_.empty())
        return;
    std::error_code gone;
    fs::remove(path_, gone);
    path_.clear();
}

asio::awaitable<void> ControlServer::run() {
    while (acceptor_.is_open()) {
        boost::system::error_code error;
        auto socket = std::make_shared<Socket>(context_);
        co_await acceptor_.async_accept(*socket, keep_error(error));
        if (!error)
            asio::co_spawn(context_, serve(std::move(socket)), rethrow);
    }
}

asio::awaitable<void> ControlServer::serve(std::shared_ptr<Socket> socket) {
    std::string buffer;
    while (true) {
        boost::system::error_code error;
        const std::size_t size = co_await asio::async_read_until(
            *socket, asio::dynamic_buffer(buffer, line_max_bytes), '\n', keep_error(error));
        if (error)
            co_return;
        const std::string line = buffer.substr(0, size);
        buffer.erase(0, size);
        const std::string answer = json::serialize(co_await execute(line)) + "\n";
        co_await asio::async_write(*socket, asio::buffer(answer), keep_error(error));
        if (error)
            co_return;
    }
}

asio::awaitable<json::object> ControlServer::execute(std::string_view line) {
    // An exception cannot be answered from within its handler, where nothing may be awaited.
    std::string reason;
    try {
        const json::value parsed = json::parse(line);
        co_return co_await dispatch(parsed.as_object());
    } catch (const std::exception& error) {
        reason = error.what();
    }
    co_return refusal(reason);
}

asio::awaitable<json::object> ControlServer::dispatch(const json::object& command) {
    const std::string_view verb = command.at("do").as_string();
    if (verb == "insert")
        co_return co_await insert(command);
    if (verb == "remove")
        co_return co_await remove(command);
    if (verb == "status")
        co_return status();
    if (verb == "fault")
        co_return set_fault(command);
    if (verb == "reload")
        co_return reload();
    if (verb == "quit") {
        quit_();
        co_return json::object{{"ok", true}};
    }
    co_return refusal("unknown command");
}

asio::awaitable<json::object> ControlServer::insert(const json::object& command) {
    const milliseconds timeout = milliseconds_field(command, "timeout_ms", default_timeout);
    reader_.insert();
    if (!co_await reader_.wait_inserted(timeout))
        co_return refusal("the reader has not taken the card");
    co_return json::object{{"ok", true}, {"inserted", true}};
}

asio::awaitable<json::object> ControlServer::remove(const json::object& command) {
    const milliseconds timeout = milliseconds_field(command, "timeout_ms", default_timeout);
    reader_.remove();
    if (!co_await reader_.wait_removed(timeout))
        co_return refusal("the reader has not released the card");
    co_return json::object{{"ok", true}, {"inserted", false}};
}

json::object ControlServer::set_fault(const json::object& command) {
    const auto fault = parse_fault(command.at("fault").as_string());
    if (!fault)
        return refusal("unknown fault");
    return outcome(card_.set_fault(*fault, milliseconds_field(command, "delay_ms", milliseconds(0))));
}

json::object ControlServer::reload() {
    return outcome(card_.reload());
}

json::object ControlServer::status() const {
    json::object answer{{"ok", true},
                        {"inserted", reader_.inserted()},
                        {"connected", reader_.present()},
                        {"powered", card_.powered()},
                        {"pin_verified", card_.pin_verified()},
                        {"pin_locked", card_.pin_locked()},
                        {"retries_left", card_.pin_tries_left()},
                        {"retries_max", card_.state().pin.tries_max()},
                        {"puk_retries_left", card_.state().puk.tries_left()},
                        {"fault", fault_name(card_.fault())},
                        {"guid", to_hex(card_.state().guid)}};
    for (const CounterField& field : counter_fields)
        answer[field.name] = card_.state().counters.*field.value;
    return answer;
}

} // namespace ukey::virtual_card
