// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/state_lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

/// What another process is told that wants the lock; empty: it gets it.
std::string asked_by_another(const std::string& folder) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
        const auto lock = StateLock::take(folder);
        const std::string told = lock ? std::string() : lock.error().code + " " + lock.error().reason;
        _exit(write(ends[1], told.data(), told.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::string told(256, '\0');
    const ssize_t length = read(ends[0], told.data(), told.size());
    told.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    close(ends[0]);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    return told;
}

TEST(StateLock, OneProcessAtATime) {
    const test::TemporaryFolder folder;
    {
        const auto lock = StateLock::take(folder.path());
        ASSERT_TRUE(lock);
        EXPECT_EQ(asked_by_another(folder.path()), "state.in_use process " + std::to_string(getpid()));
    }
    EXPECT_EQ(asked_by_another(folder.path()), "");
}

TEST(StateLock, NeedsAFolderThatCanBeWritten) {
    EXPECT_EQ(StateLock::take("/nonexistent").error().code, "state.unusable");
    const test::TemporaryFolder folder;
    folder.write("elsewhere", "");
    ASSERT_EQ(symlink("elsewhere", (folder.path() / "ukeyd.lock").c_str()), 0);
    EXPECT_EQ(StateLock::take(folder.path()).error().code, "state.unusable") << "it follows no link";
}

} // namespace
} // namespace ukey
