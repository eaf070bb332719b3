// SPDX-License-Identifier: Apache-2.0
// Forked children, threads, and applications that close what is not theirs.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

class FilterProcessTest : public FilterTest {
  protected:
    /// Runs `work` in a forked child; its answer.
    template <typename Work>
    static int in_child(Work work) {
        const pid_t child = fork();
        if (child == 0) {
            _exit(work());
        }
        int status = 0;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
};

TEST_F(FilterProcessTest, child_does_not_end_its_parents_login) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    CK_FUNCTION_LIST& pkcs11 = filter();
    EXPECT_EQ(in_child([] { return 7; }), 7);
    EXPECT_EQ(in_child([&] {
                  pkcs11.C_CloseSession(session);
                  pkcs11.C_Finalize(nullptr);
                  return 8;
              }),
              8);
    EXPECT_TRUE(peer().messages("end").empty());
    EXPECT_EQ(peer().connections_made(), 1U);
    ASSERT_EQ(sign(session, make_key(session)), CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), 1);
    EXPECT_EQ(peer().connections_made(), 1U);
}

TEST_F(FilterProcessTest, childs_login_is_its_own) {
    start_peer();
    ASSERT_EQ(login(open_session(), default_pin), CKR_OK);
    EXPECT_EQ(in_child([&] {
                  filter().C_Finalize(nullptr);
                  if (filter().C_Initialize(nullptr) != CKR_OK ||
                      login(open_session(), default_pin) != CKR_OK) {
                      return 1;
                  }
                  return filter().C_Finalize(nullptr) == CKR_OK ? 0 : 2;
              }),
              0);
    EXPECT_EQ(peer().connections_made(), 2U);
    const auto results = peer().messages("result");
    ASSERT_EQ(results.size(), 2U);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("login"), results[1].at("login"));
}

TEST_F(FilterProcessTest, childs_exit_by_exit_handlers_leaves_the_connection) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    in_child([this] {
        unload(); // dlclose in the child
        return 0;
    });
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().messages("end").size(), 1U);
    EXPECT_EQ(peer().connections_made(), 1U);
}

TEST_F(FilterProcessTest, descriptor_that_became_another_file_is_left_alone) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    const int lowest = dup(0); // the number that the connection will get
    close(lowest);
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    struct stat status {};
    ASSERT_EQ(fstat(lowest, &status), 0);
    ASSERT_TRUE(S_ISSOCK(status.st_mode)) << "the connection has another number";
    close(lowest);
    ASSERT_EQ(open(path("own_file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600), lowest);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    ASSERT_EQ(fstat(lowest, &status), 0);
    EXPECT_EQ(status.st_size, 0);
    EXPECT_EQ(peer().connections_made(), 2U);
    EXPECT_EQ(peer().messages("end").size(), 1U);
    close(lowest);
}

TEST_F(FilterProcessTest, childs_file_in_the_connections_place_stays_open) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    const int lowest = dup(0); // the number that the connection will get
    close(lowest);
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    /// In a child that closes everything and then opens a file of its own.
    const auto survives = [&](const auto& call) {
        return in_child([&] {
            close(lowest);
            const bool taken = open("/dev/null", O_RDONLY | O_CLOEXEC) == lowest;
            call();
            return taken && fcntl(lowest, F_GETFD) >= 0 ? 0 : 1;
        });
    };
    EXPECT_EQ(survives([&] { filter().C_Initialize(nullptr); }), 0);
    EXPECT_EQ(survives([&] { unload_unfinished(); }), 0);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(peer().connections_made(), 1U);
}

TEST_F(FilterProcessTest, childs_own_copy_of_the_connection_is_given_back) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    const int lowest = dup(0);
    close(lowest);
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    EXPECT_EQ(in_child([&] {
                  filter().C_Initialize(nullptr);
                  return fcntl(lowest, F_GETFD) < 0 ? 0 : 1;
              }),
              0);
}

/// As a browser's child does that was forked from a process which had initialised the module.
TEST_F(FilterProcessTest, childs_sessions_are_known_without_an_initialise_of_its_own) {
    start_peer();
    filter();
    EXPECT_EQ(in_child([&] {
                  const CK_SESSION_HANDLE kept = open_session();
                  const CK_SESSION_HANDLE used = open_session();
                  if (login(used, default_pin) != CKR_OK || filter().C_CloseSession(used) != CKR_OK ||
                      session_state(kept) != CKS_RW_USER_FUNCTIONS) {
                      return 1;
                  }
                  return 0;
              }),
              0);
    EXPECT_EQ(peer().wait_for("result", 1).size(), 1U);
    EXPECT_TRUE(peer().messages("end").empty()) << "the child's other session keeps the login";
}

TEST_F(FilterProcessTest, threads_sign_log_in_and_out) {
    start_peer();
    const CK_SESSION_HANDLE kept = open_session();
    ASSERT_EQ(login(kept, default_pin), CKR_OK);
    const CK_OBJECT_HANDLE key = make_key(kept);
    constexpr int thread_count = 4;
    constexpr int rounds = 50;
    std::atomic<int> signatures{0};
    std::vector<std::thread> threads;
    threads.reserve(thread_count);
    for (int index = 0; index < thread_count; ++index) {
        threads.emplace_back([&] {
            for (int round = 0; round < rounds; ++round) {
                const CK_SESSION_HANDLE session = open_session();
                signatures += sign(session, key) == CKR_OK ? 1 : 0;
                EXPECT_EQ(login(session, default_pin), CKR_USER_ALREADY_LOGGED_IN);
                EXPECT_EQ(filter().C_CloseSession(session), CKR_OK);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(signatures, thread_count * rounds);
    EXPECT_TRUE(peer().messages("end").empty());
    EXPECT_EQ(filter().C_CloseSession(kept), CKR_OK);
    const auto ends = peer().messages("end");
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), thread_count * rounds);
    EXPECT_EQ(peer().messages("use").size(), 1U);
}

TEST_F(FilterProcessTest, threads_race_for_login_and_logout) {
    start_peer();
    filter();
    constexpr int rounds = 40;
    std::atomic<int> logins{0};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int index = 0; index < 4; ++index) {
        threads.emplace_back([&] {
            for (int round = 0; round < rounds; ++round) {
                const CK_SESSION_HANDLE session = open_session();
                logins += login(session, default_pin) == CKR_OK ? 1 : 0;
                filter().C_Logout(session);
                filter().C_CloseSession(session);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(filter().C_Finalize(nullptr), CKR_OK);
    const auto results = peer().messages("result");
    const auto successful =
        std::count_if(results.begin(), results.end(), [](const boost::json::object& result) {
            return result.at("rv").to_number<CK_RV>() == CKR_OK;
        });
    EXPECT_EQ(successful, logins);
    EXPECT_EQ(peer().messages("end").size(), static_cast<std::size_t>(logins));
}

TEST_F(FilterProcessTest, program_with_an_endless_name_is_asked_about_and_told) {
    start_peer();
    std::string name(40'000, '\x01');
    char* const before = program_invocation_short_name;
    program_invocation_short_name = name.data();
    const CK_SESSION_HANDLE session = open_session();
    const CK_RV rv = login(session, default_pin);
    program_invocation_short_name = before;
    EXPECT_EQ(rv, CKR_OK);
    EXPECT_EQ(filter().C_Logout(session), CKR_OK);
    EXPECT_EQ(texts(peer().messages(), "type"), (std::vector<std::string>{"ask", "result", "end"}));
}

TEST_F(FilterProcessTest, concurrent_initialise_succeeds_once) {
    filter().C_Finalize(nullptr);
    std::atomic<int> succeeded{0};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int index = 0; index < 8; ++index) {
        threads.emplace_back([&] {
            const CK_RV rv = initialize(filter());
            EXPECT_TRUE(rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) << rv;
            succeeded += rv == CKR_OK ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(succeeded, 1);
}

} // namespace
} // namespace ukey::test
