// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/loading_thread.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {
namespace {

/// Process above, thread below, by the kernel's numbers: no thread of a forked child is taken for one of its
/// parent that was loading when it forked, and their places are free there. 0: free.
constinit std::array<std::atomic<std::uint64_t>, loading_threads_max> loading_threads{};
constexpr unsigned process_shift = 32;

} // namespace

LoadingThread::LoadingThread() noexcept {
    const auto process = static_cast<std::uint64_t>(getpid());
    const std::uint64_t thread = (process << process_shift) | static_cast<std::uint64_t>(gettid());
    again_ = std::ranges::any_of(loading_threads, [=](const auto& place) { return place.load() == thread; });
    for (auto place = loading_threads.begin(); !again_ && place_ == nullptr && place != loading_threads.end();
         ++place) {
        std::uint64_t present = place->load();
        if (present >> process_shift != process && place->compare_exchange_strong(present, thread)) {
            place_ = &*place;
        }
    }
}

LoadingThread::~LoadingThread() {
    if (place_ != nullptr) {
        place_->store(0);
    }
}

} // namespace ukey::filter
