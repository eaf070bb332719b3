// SPDX-License-Identifier: Apache-2.0
// The control socket of a running card: one JSON object per line each way.
//   {"do":"insert"}  {"do":"remove"}    answered when the reader has taken or released the card; "timeout_ms"
//                                       (10000 unless given) bounds the wait
//   {"do":"status"}                     inserted (meant to be in the reader), connected (the reader has it),
//                                       powered, pin_verified, pin_locked, retries_left, retries_max,
//                                       puk_retries_left, fault, guid, and every counter of card_state.hpp
//   {"do":"fault","fault":NAME}         NAME as in fault.hpp; "delay_ms" for `slow`
//   {"do":"reload"}                     read keys and certificates from the folder again
//   {"do":"quit"}
// Every answer has "ok"; a refusal has "error" instead of anything else.
#pragma once

#include <filesystem>
#include <functional>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json.hpp>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/link/reader.hpp"

namespace ukey::virtual_card {

class ControlServer {
  public:
    ControlServer(boost::asio::io_context& context, PivCard& card, Reader& reader,
                  std::function<void()> quit);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    /// Takes the place of a socket that a killed process left behind, but of no other file.
    Result<void> listen(const std::filesystem::path& path);
    boost::asio::awaitable<void> run();
    /// Ends `run` and every connection, and removes the socket file.
    void stop();

    /// Answers one command; malformed ones too.
    boost::asio::awaitable<boost::json::object> execute(std::string_view line);

  private:
    using Socket = boost::asio::local::stream_protocol::socket;

    boost::asio::awaitable<void> serve(std::shared_ptr<Socket> socket);
    boost::asio::awaitable<boost::json::object> dispatch(const boost::json::object& command);
    boost::asio::awaitable<boost::json::object> insert(const boost::json::object& command);
    boost::asio::awaitable<boost::json::object> remove(const boost::json::object& command);
    boost::json::object set_fault(const boost::json::object& command);
    boost::json::object reload();
    boost::json::object status() const;

    boost::asio::io_context& context_;
    PivCard& card_;
    Reader& reader_;
    std::function<void()> quit_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    std::filesystem::path path_;
};

} // namespace ukey::virtual_card
