// SPDX-License-Identifier: Apache-2.0
// A loop shared out among threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace ukey::ctl {

/// Calls `work(begin, end)` for pieces that together are 0 … count - 1, each in a thread of its own; for less
/// than `piece_min` a thread is not worth it. `work` must not throw.
template <typename Work>
void share_out(std::size_t count, unsigned threads, const Work& work, std::size_t piece_min = 64) {
    const std::size_t pieces = std::clamp<std::size_t>(count / piece_min, 1, std::max(1U, threads));
    std::vector<std::jthread> others;
    for (std::size_t piece = 1; piece < pieces; ++piece) {
        others.emplace_back([&work, begin = count * piece / pieces, end = count * (piece + 1) / pieces] {
            work(begin, end);
        });
    }
    work(0, count / pieces);
}

} // namespace ukey::ctl
