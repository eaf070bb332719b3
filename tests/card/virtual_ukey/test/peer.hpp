// SPDX-License-Identifier: Apache-2.0
// The reader's side of a connection, played by a test: vpcd or QEMU. Blocking, with a deadline on every read.
#pragma once

#include <filesystem>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "tests/card/virtual_ukey/link/reader.hpp"

namespace ukey::virtual_card {

/// A listening unix socket and at most one accepted connection.
class Peer {
  public:
    explicit Peer(const std::filesystem::path& path);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    bool accept();
    void hang_up();
    void write(ByteView bytes) const;
    /// Fewer bytes than asked for: the other side hung up, or nothing came in time.
    Bytes read(std::size_t size) const;

  private:
    int listener_ = -1;
    int connection_ = -1;
};

/// Runs a reader in a thread of its own until it is destroyed.
class RunningReader {
  public:
    RunningReader(boost::asio::io_context& context, Reader& reader);
    ~RunningReader();
    RunningReader(const RunningReader&) = delete;
    RunningReader& operator=(const RunningReader&) = delete;

    void insert();
    /// Returns whether the reader confirmed it.
    bool insert_and_wait();
    bool remove_and_wait();

  private:
    boost::asio::io_context& context_;
    Reader& reader_;
    std::thread thread_;
};

} // namespace ukey::virtual_card
