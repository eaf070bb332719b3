// SPDX-License-Identifier: Apache-2.0
// Threads and forked children that come to the filter while another thread loads its backend.
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/softhsm/fault_fixture.hpp"

namespace ukey::test {
namespace {

class FilterLoadingTest : public FaultFilterTest {
  protected:
    /// A thread that is inside the backend's C_GetFunctionList until the gate opens.
    class WaitingLoader {
      public:
        explicit WaitingLoader(FilterLoadingTest& test, CK_C_GetFunctionList entry) : test_(test) {
            test_.behave("wait_in_function_list");
            thread_ = std::thread([this, entry] { rv_ = entry(&functions_); });
            test_.await_call('w');
            test_.behave("good");
        }
        ~WaitingLoader() { finish(); }
        WaitingLoader(const WaitingLoader&) = delete;
        WaitingLoader& operator=(const WaitingLoader&) = delete;

        CK_FUNCTION_LIST* finish() {
            if (thread_.joinable()) {
                test_.open_gate();
                thread_.join();
            }
            return rv_ == CKR_OK ? functions_ : nullptr;
        }

      private:
        FilterLoadingTest& test_;
        CK_RV rv_ = CKR_GENERAL_ERROR;
        CK_FUNCTION_LIST* functions_ = nullptr;
        std::thread thread_;
    };

    static constexpr unsigned child_patience_s = 10;
};

/// A lock here would be a deadlock when the one holds the dynamic linker's and the other waits for it.
TEST_F(FilterLoadingTest, two_threads_load_and_share_what_the_first_to_end_has_loaded) {
    behave("load_filter_in_function_list"); // fails: the module stays, and loads its backend at the next call
    const LoadedModule module(UKEY_FILTER_MODULE);
    ASSERT_EQ(module.functions(), nullptr);
    WaitingLoader loader(*this, module.entry());
    CK_FUNCTION_LIST* functions = nullptr;
    ASSERT_EQ(module.entry()(&functions), CKR_OK);
    EXPECT_EQ(loader.finish(), functions);
    EXPECT_EQ(functions->C_Initialize(nullptr), CKR_OK);
    EXPECT_EQ(functions->C_Finalize(nullptr), CKR_OK);
}

TEST_F(FilterLoadingTest, child_forked_meanwhile_loads_by_itself) {
    behave("load_filter_in_function_list");
    const LoadedModule module(UKEY_FILTER_MODULE);
    WaitingLoader loader(*this, module.entry());
    const pid_t child = fork();
    if (child == 0) {
        alarm(child_patience_s);
        CK_FUNCTION_LIST* functions = nullptr;
        _exit(module.entry()(&functions) == CKR_OK && functions->C_Initialize(nullptr) == CKR_OK ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_NE(loader.finish(), nullptr);
}

TEST_F(FilterLoadingTest, backend_that_loads_the_filter_is_refused_each_time) {
    behave("load_filter_in_function_list");
    const LoadedModule module(UKEY_FILTER_MODULE);
    EXPECT_EQ(module.list_rv(), CKR_GENERAL_ERROR);
    CK_FUNCTION_LIST* functions = nullptr;
    EXPECT_EQ(module.entry()(&functions), CKR_GENERAL_ERROR);
    behave("good");
    EXPECT_EQ(module.entry()(&functions), CKR_OK);
}

} // namespace
} // namespace ukey::test
