// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/run_card.hpp"

#include <csignal>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>

#include "tests/card/virtual_ukey/link/control_server.hpp"
#include "tests/card/virtual_ukey/link/vpcd_reader.hpp"
#include "tests/card/virtual_ukey/link/vscard_reader.hpp"

namespace ukey::virtual_card {

namespace asio = boost::asio;

namespace {

/// QEMU confirms a removal; a hung one must not keep us.
constexpr std::chrono::milliseconds removal_timeout{1000};

std::unique_ptr<Reader> make_reader(asio::io_context& context, PivCard& card, const RunOptions& options) {
    switch (options.protocol) {
    case ReaderProtocol::vpcd:
        return std::make_unique<VpcdReader>(context, card, options.reader);
    case ReaderProtocol::vscard:
        return std::make_unique<VscardReader>(context, card, options.reader);
    }
    return nullptr;
}

void rethrow(const std::exception_ptr& exception) {
    if (exception)
        std::rethrow_exception(exception);
}

asio::awaitable<void> until_stopped(asio::io_context& context, Reader& reader, Signal& quit) {
    co_await quit.wait();
    reader.remove();
    co_await reader.wait_removed(removal_timeout);
    reader.stop();
    context.stop();
}

} // namespace

Result<void> run_card(const RunOptions& options) {
    auto card = PivCard::open(options.card_folder);
    if (!card)
        return tl::unexpected(card.error());
    if (auto set = (*card)->set_fault(options.fault, options.delay); !set)
        return set;

    asio::io_context context(1);
    Signal quit(context.get_executor());
    asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&quit](boost::system::error_code error, int) {
        if (!error)
            quit.notify_all();
    });
    const auto reader = make_reader(context, **card, options);
    ControlServer control(context, **card, *reader, [&quit] { quit.notify_all(); });
    if (options.inserted)
        reader->insert();
    asio::co_spawn(context, until_stopped(context, *reader, quit), rethrow);
    asio::co_spawn(context, reader->run(), rethrow);
    if (!options.control_socket.empty()) {
        if (auto listening = control.listen(options.control_socket); !listening)
            return listening;
        asio::co_spawn(context, control.run(), rethrow);
        fmt::print("ready\n");
        std::fflush(stdout);
    }
    context.run();
    return {};
}

} // namespace ukey::virtual_card
