// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/control_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace ukey::virtual_card {

namespace asio = boost::asio;

Result<std::string> send_control_command(const std::filesystem::path& path, const std::string& command) {
    asio::io_context context;
    asio::local::stream_protocol::socket socket(context);
    boost::system::error_code error;
    std::string answer;
    socket.connect(asio::local::stream_protocol::endpoint(path.string()), error);
    if (!error)
        asio::write(socket, asio::buffer(command + "\n"), error);
    if (!error)
        asio::read_until(socket, asio::dynamic_buffer(answer), '\n', error);
    if (error)
        return fail("io.failed", "speak to a card", path.string(), error.message());
    return answer.substr(0, answer.find('\n'));
}

} // namespace ukey::virtual_card
