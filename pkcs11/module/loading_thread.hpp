// SPDX-License-Identifier: Apache-2.0
// Tells a backend that leads back to the filter while it is loaded (p11-kit-proxy, a constructor that looks
// for PKCS#11 modules) from another thread that loads it too. No lock: the dynamic linker has one of its own,
// and threads come here with and without it.
#pragma once

#include <atomic>
#include <cstdint>

namespace ukey::filter {

/// The calling thread is loading, until this object's end.
class LoadingThread {
  public:
    LoadingThread() noexcept;
    LoadingThread(const LoadingThread&) = delete; // its place would be given back twice
    LoadingThread& operator=(const LoadingThread&) = delete;
    ~LoadingThread();

    /// It was already, further up.
    bool again() const noexcept { return again_; }

  private:
    std::atomic<std::uint64_t>* place_ = nullptr;
    bool again_ = false;
};

} // namespace ukey::filter
