// SPDX-License-Identifier: Apache-2.0
#include "tests/softhsm/fault_fixture.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace ukey::test {

CancellableThread::CancellableThread(std::function<void()> work) : work_(std::move(work)) {
    if (pthread_create(&thread_, nullptr, run, this) != 0) {
        throw std::runtime_error("no thread");
    }
}

CancellableThread::~CancellableThread() {
    if (!joined_) {
        pthread_join(thread_, nullptr);
    }
}

void* CancellableThread::run(void* self) {
    static_cast<CancellableThread*>(self)->work_();
    return nullptr;
}

bool CancellableThread::join_cancelled() {
    void* result = nullptr;
    joined_ = pthread_join(thread_, &result) == 0;
    return result == PTHREAD_CANCELED;
}

void FaultFilterTest::SetUp() {
    FilterTest::SetUp();
    if (IsSkipped()) {
        return;
    }
    setenv("UKEY_PKCS11_MODULE", UKEY_FAULT_MODULE, 1);
    setenv("UKEY_FAULT_MODULE_BEHAVIOUR", path("behaviour").c_str(), 1);
    setenv("UKEY_FAULT_MODULE_FILTER", UKEY_FILTER_MODULE, 1);
    ASSERT_EQ(mkfifo(path("behaviour.calls").c_str(), 0600), 0);
    ASSERT_EQ(mkfifo(path("behaviour.gate").c_str(), 0600), 0);
    calls_ = open(path("behaviour.calls").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(calls_, 0);
    behave("good");
}

void FaultFilterTest::TearDown() {
    FilterTest::TearDown();
    if (calls_ >= 0) {
        close(calls_);
    }
    unsetenv("UKEY_FAULT_MODULE_BEHAVIOUR");
    unsetenv("UKEY_FAULT_MODULE_FILTER");
}

void FaultFilterTest::behave(std::string_view behaviour) {
    std::ofstream(path("behaviour")) << behaviour << "\n";
}

void FaultFilterTest::await_call(char call) {
    char noted = '\0';
    while (noted != call) {
        ASSERT_EQ(read(calls_, &noted, 1), 1);
    }
}

void FaultFilterTest::open_gate() {
    close(open(path("behaviour.gate").c_str(), O_WRONLY | O_CLOEXEC));
}

CK_SESSION_HANDLE FaultFilterTest::open_fault_session() {
    CK_SESSION_HANDLE session = 0;
    EXPECT_EQ(
        filter().C_OpenSession(fault_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
        CKR_OK);
    return session;
}

} // namespace ukey::test
