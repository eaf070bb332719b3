// SPDX-License-Identifier: Apache-2.0
// Calls of a program whose memory runs out in the middle: they may go unreported, or fail with
// CKR_HOST_MEMORY, but they come back.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <malloc.h>
#include <thread>

#include "tests/softhsm/fault_fixture.hpp"

// Every allocation of the process comes here first (the program's symbols go before the C library's), also
// those of the dynamic linker.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the C library's names
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void __libc_free(void* memory);
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

namespace {

/// What this thread may still allocate; what it frees it may allocate again.
thread_local std::size_t bytes_left = 0;
thread_local bool bounded = false;
thread_local bool ran_out = false;

bool out_of_memory(std::size_t bytes) {
    if (!bounded || bytes <= bytes_left) {
        return false;
    }
    ran_out = true;
    errno = ENOMEM;
    return true;
}

void* taken(void* memory) {
    const std::size_t bytes = malloc_usable_size(memory);
    bytes_left -= bounded ? std::min(bytes, bytes_left) : 0;
    return memory;
}

void give_back(void* memory) {
    bytes_left += bounded ? malloc_usable_size(memory) : 0;
}

} // namespace

extern "C" void* malloc(std::size_t bytes) {
    return out_of_memory(bytes) ? nullptr : taken(__libc_malloc(bytes));
}
extern "C" void* calloc(std::size_t count, std::size_t bytes) {
    return out_of_memory(count * bytes) ? nullptr : taken(__libc_calloc(count, bytes));
}
extern "C" void* realloc(void* memory, std::size_t bytes) {
    if (out_of_memory(bytes)) {
        return nullptr;
    }
    give_back(memory);
    return taken(__libc_realloc(memory, bytes));
}
extern "C" void free(void* memory) {
    give_back(memory);
    __libc_free(memory);
}

namespace ukey::test {
namespace {

class FilterMemoryTest : public FaultFilterTest {
  protected:
    /// Calls after `prepare`, in a thread that has thrown nothing yet, with no memory, with a little, and so
    /// on until it is enough.
    template <typename Prepare, typename Call>
    static void with_little_memory(Prepare prepare, Call call) {
        constexpr std::size_t step_bytes = 16;
        constexpr std::size_t enough_bytes = std::size_t{1024} * 1024;
        bool too_little = true;
        for (std::size_t bytes = 0; too_little; bytes += step_bytes) {
            ASSERT_LT(bytes, enough_bytes);
            prepare();
            CK_RV rv = CKR_GENERAL_ERROR;
            std::thread([&] {
                bytes_left = bytes;
                ran_out = false;
                bounded = true;
                rv = call();
                bounded = false;
                too_little = ran_out;
            }).join();
            EXPECT_TRUE(rv == CKR_OK || rv == CKR_HOST_MEMORY) << rv << " with " << bytes;
        }
    }

    CK_RV sign_in(CK_SESSION_HANDLE session) {
        CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
        CK_BYTE byte = 0;
        CK_ULONG bytes = 1;
        const CK_RV rv = filter().C_SignInit(session, &mechanism, 1);
        return rv == CKR_OK ? filter().C_Sign(session, &byte, 1, &byte, &bytes) : rv;
    }

    void log_in_anew(CK_SESSION_HANDLE session) {
        filter().C_Logout(session);
        ASSERT_EQ(login(session, default_pin), CKR_OK);
    }
};

TEST_F(FilterMemoryTest, function_list) {
    CK_FUNCTION_LIST* functions = nullptr;
    std::unique_ptr<LoadedModule> module;
    setenv("UKEY_PKCS11_MODULE", "/nonexistent.so", 1);
    with_little_memory(
        [&] {
            module.reset();
            module = std::make_unique<LoadedModule>(UKEY_FILTER_MODULE); // finds no backend
        },
        [&] {
            const CK_RV rv = module->entry()(&functions);
            return rv == CKR_GENERAL_ERROR ? CKR_OK : rv;
        });
}

TEST_F(FilterMemoryTest, first_call_in_a_process) {
    std::unique_ptr<LoadedModule> module;
    with_little_memory(
        [&] {
            module.reset();
            module = std::make_unique<LoadedModule>(UKEY_FILTER_MODULE);
        },
        [&] { return module->functions()->C_Initialize(nullptr); });
}

TEST_F(FilterMemoryTest, login_logout_signature_and_pin) {
    start_peer();
    const CK_SESSION_HANDLE session = open_fault_session();
    with_little_memory([&] { filter().C_Logout(session); }, [&] { return login(session, default_pin); });
    with_little_memory([&] { log_in_anew(session); }, [&] { return sign_in(session); });
    with_little_memory([&] { log_in_anew(session); }, [&] { return filter().C_Logout(session); });
    with_little_memory([] {}, [&] { return set_pin(session, default_pin, default_pin); });
    with_little_memory([&] { log_in_anew(session); }, [&] { return filter().C_Finalize(nullptr); });
}

TEST_F(FilterMemoryTest, login_and_logout_without_a_daemon) {
    const CK_SESSION_HANDLE session = open_fault_session();
    with_little_memory([&] { filter().C_Logout(session); }, [&] { return login(session, default_pin); });
    with_little_memory([&] { log_in_anew(session); }, [&] { return filter().C_Logout(session); });
}

TEST_F(FilterMemoryTest, login_without_a_daemon_stays_refused) {
    std::ofstream(path("pkcs11.conf")) << "without_daemon = refuse\n";
    const CK_SESSION_HANDLE session = open_fault_session();
    with_little_memory([] {},
                       [&] {
                           const CK_RV rv = login(session, default_pin);
                           EXPECT_NE(rv, CKR_OK);
                           return rv == CKR_FUNCTION_REJECTED ? CKR_OK : rv;
                       });
}

TEST_F(FilterMemoryTest, new_pin_that_may_not_be_set_stays_refused) {
    std::ofstream(path("pkcs11.conf")) << "refuse_new_pins = 123456\n";
    const CK_SESSION_HANDLE session = open_fault_session();
    ASSERT_EQ(login(session, default_pin), CKR_OK);
    with_little_memory([] {},
                       [&] {
                           const CK_RV rv = set_pin(session, default_pin, default_pin);
                           EXPECT_EQ(rv, CKR_PIN_INVALID);
                           return rv == CKR_PIN_INVALID ? CKR_OK : rv;
                       });
}

TEST_F(FilterMemoryTest, unloading_with_reports_to_be_told) {
    with_little_memory(
        [&] {
            stop_peer();
            ASSERT_EQ(login(open_fault_session(), default_pin), CKR_OK);
            start_peer();
        },
        [&] {
            unload_unfinished();
            return CKR_OK;
        });
    EXPECT_EQ(peer().messages("result").size(), 1U) << "with memory enough";
}

} // namespace
} // namespace ukey::test
