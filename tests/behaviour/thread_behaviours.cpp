// SPDX-License-Identifier: Apache-2.0
// Threads at once, calls that block, and C_Finalize beside them. Results are counted: their order is chance.
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

constexpr int thread_count = 16;

/// How often which answer came.
class Tally {
  public:
    void add(const std::string& step, CK_RV rv) {
        const std::lock_guard lock(mutex_);
        ++counts_[step + ": " + name_of(rv)];
    }
    void print() const {
        for (const auto& [line, count] : counts_) {
            note(line, count);
        }
    }

  private:
    std::mutex mutex_;
    std::map<std::string, int> counts_;
};

void at_once(const std::function<void(int)>& work) {
    std::barrier start(thread_count);
    std::vector<std::thread> threads;
    threads.reserve(thread_count);
    for (int number = 0; number < thread_count; ++number) {
        threads.emplace_back([&, number] {
            start.arrive_and_wait();
            work(number);
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

void threads_initialize(const std::string& module) {
    const Scene scene(module);
    for (int round = 0; round < 5; ++round) {
        Tally tally;
        at_once([&](int) {
            CK_C_INITIALIZE_ARGS arguments{};
            arguments.flags = CKF_OS_LOCKING_OK;
            tally.add("initialize", scene.p11().C_Initialize(&arguments));
        });
        tally.print();
        Say{"finalize", scene.p11().C_Finalize(nullptr)};
    }
}

void threads_sign(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE kept = scene.open();
    Say{"login", scene.login(kept)};
    const CK_OBJECT_HANDLE key = scene.find(kept, CKO_PRIVATE_KEY, CKK_EC);
    Tally tally;
    at_once([&](int) {
        for (int round = 0; round < 4; ++round) {
            CK_SESSION_HANDLE session = 0;
            tally.add("open", scene.p11().C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr,
                                                        &session));
            tally.add("login", scene.login(session));
            tally.add("sign", scene.sign(session, key));
            tally.add("close", scene.p11().C_CloseSession(session));
        }
    });
    tally.print();
    note("state", scene.state(kept));
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
}

void threads_log_in_and_out(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE kept = scene.open();
    std::atomic<int> logins{0};
    std::atomic<int> logouts{0};
    std::atomic<int> others{0};
    at_once([&](int number) {
        for (int round = 0; round < 4; ++round) {
            CK_SESSION_HANDLE session = 0;
            others += scene.p11().C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr,
                                                &session) != CKR_OK;
            const CK_RV in = number % 2 == 0 ? scene.login(session) : scene.p11().C_Logout(session);
            logins += number % 2 == 0 && in == CKR_OK;
            logouts += number % 2 == 1 && in == CKR_OK;
            others += in != CKR_OK && in != CKR_USER_ALREADY_LOGGED_IN && in != CKR_USER_NOT_LOGGED_IN;
            others += scene.p11().C_CloseSession(session) != CKR_OK;
        }
    });
    const bool logged_in = scene.state(kept) == CKS_RO_USER_FUNCTIONS;
    note("each logout after a login", logins - logouts == (logged_in ? 1 : 0), "others", others.load());
    note("some login", logins > 0);
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
}

void threads_open_and_close_all(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    // SoftHSM answers an open beside a close of all by CKR_SESSION_HANDLE_INVALID now and then.
    std::atomic<int> unexpected{0};
    const auto expected = [](CK_RV rv) {
        return rv == CKR_OK || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED;
    };
    at_once([&](int number) {
        for (int round = 0; round < 20; ++round) {
            CK_SESSION_HANDLE session = 0;
            const CK_RV opened =
                scene.p11().C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &session);
            const CK_RV closed = number == 0 ? scene.p11().C_CloseAllSessions(scene.slot())
                                             : scene.p11().C_CloseSession(session);
            unexpected += expected(opened) && expected(closed) ? 0 : 1;
        }
    });
    note("unexpected", unexpected.load());
    Say{"close all", scene.p11().C_CloseAllSessions(scene.slot())};
    CK_TOKEN_INFO token{};
    Say{"token", scene.p11().C_GetTokenInfo(scene.slot(), &token), token.ulSessionCount};
}

/// How often a thread has gone to sleep of its own accord; nothing when it is gone.
std::string sleeps_of(pid_t thread) {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("voluntary_ctxt_switches")) {
            return line;
        }
    }
    return "";
}

bool is_asleep(pid_t thread) {
    std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(')');
    return name_end != std::string::npos && text[name_end + 2] == 'S';
}

/// Waits until a thread has slept through one and the same sleep at so many looks, or is gone. That a call
/// blocks has no event: a module may ask pcscd many things before, by the same system call. So it is looked
/// at every 20 ms, within a deadline.
void await_blocked(pid_t thread) {
    constexpr auto between_looks = std::chrono::milliseconds(20);
    constexpr int looks_asleep = 10;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string sleeps;
    for (int asleep = 0; asleep < looks_asleep;) {
        const std::string now = sleeps_of(thread);
        if (now.empty()) {
            return;
        }
        asleep = is_asleep(thread) && now == sleeps ? asleep + 1 : 0;
        sleeps = now;
        if (std::chrono::steady_clock::now() > end) {
            note("never blocked");
            return;
        }
        std::this_thread::sleep_for(between_looks);
    }
}

/// A thread in C_WaitForSlotEvent; its answer when it comes back.
class Waiter {
  public:
    explicit Waiter(const Scene& scene) {
        std::promise<pid_t> started;
        std::future<pid_t> number = started.get_future();
        thread_ = std::thread([this, &scene, promise = std::move(started)]() mutable {
            promise.set_value(static_cast<pid_t>(syscall(SYS_gettid)));
            CK_SLOT_ID slot = 0;
            const CK_RV rv = scene.p11().C_WaitForSlotEvent(0, &slot, nullptr);
            answer_.set_value(rv);
        });
        await_blocked(number.get());
    }
    Waiter(const Waiter&) = delete; // it has a thread
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        if (thread_.joinable()) {
            thread_.detach();
        }
    }

    /// Its answer, or "blocked": it still blocks after twenty seconds.
    std::string answer() {
        if (result_.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
            return "blocked";
        }
        thread_.join();
        return name_of(result_.get());
    }
    bool back() const { return result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

  private:
    std::promise<CK_RV> answer_;
    std::future<CK_RV> result_ = answer_.get_future();
    std::thread thread_;
};

void finalize_while_waiting(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_SLOT_ID slot = 0;
    while (scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, nullptr) == CKR_OK) {
    }
    auto* waiter = new Waiter(scene); // a thread that never comes back still uses it
    note("back at once", waiter->back());
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
    note("waited", waiter->answer());
    Say{"finalize again", scene.p11().C_Finalize(nullptr)};
    _exit(0);
}

void sessions_while_waiting(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_SLOT_ID slot = 0;
    while (scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, nullptr) == CKR_OK) {
    }
    auto* waiter = new Waiter(scene);
    note("back at once", waiter->back());
    const CK_SESSION_HANDLE session = scene.open();
    Say{"login", scene.login(session)};
    Say{"sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
    Say{"second initialize", scene.p11().C_Initialize(nullptr)};
    _exit(0); // with the thread still in its call
}

/// With a thread still in its call, by exit().
void exit_while_waiting(const std::string& module) {
    isolated("exit", [&] {
        auto* scene = new Scene(module);
        scene->initialize();
        new Waiter(*scene);
        std::exit(0); // NOLINT(concurrency-mt-unsafe): that is what is tried
    });
}

/// A handler of exit() that a program registered first runs after the modules' own: threads still sign then.
/// The bare module may crash there too; the filter's own code must not be why.
void sign_after_exit_handlers(const std::string& module) {
    static Scene* scene = nullptr;
    isolated("exit", [&] {
        std::atexit([] {
            CK_SESSION_INFO info{};
            note("late", scene->p11().C_GetSessionInfo(invalid_handle, &info) != CKR_OK);
            note("late login", scene->login(invalid_handle) != CKR_OK);
            note("late sign", scene->sign(invalid_handle, 1) != CKR_OK);
            note("late close", scene->p11().C_CloseSession(invalid_handle) != CKR_OK);
        });
        scene = new Scene(module);
        scene->initialize();
        Say{"login", scene->login(scene->open())};
        std::exit(0); // NOLINT(concurrency-mt-unsafe): that is what is tried
    });
}

/// Calls `work` at the end of exit(), after all destructors of all libraries: that is when the C library
/// writes out what its streams still hold.
void at_the_very_end(std::function<void()> work) {
    cookie_io_functions_t functions{};
    functions.write = [](void* cookie, const char*, std::size_t size) {
        (*static_cast<std::function<void()>*>(cookie))();
        return static_cast<ssize_t>(size);
    };
    std::FILE* stream = fopencookie(new std::function<void()>(std::move(work)), "w", functions);
    std::fputc('.', stream);
}

/// main() returns while threads `call`, and the process lives on until each has called a few times more.
void return_from_main(const std::string& module, void (*call)(const Scene&, CK_SESSION_HANDLE)) {
    constexpr int calling = 4;
    constexpr int more_calls = 5;
    auto* scene = new Scene(module); // stays loaded
    scene->initialize_quietly();
    auto* started = new std::barrier<>(calling + 1);
    auto* exiting = new std::atomic<bool>(false);
    auto* late = new std::barrier<>(calling + 1);
    for (int number = 0; number < calling; ++number) {
        std::thread([=] {
            CK_SESSION_HANDLE session = 0;
            scene->p11().C_OpenSession(scene->slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &session);
            scene->login(session);
            started->arrive_and_wait();
            while (!*exiting) {
                call(*scene, session);
            }
            for (int count = 0; count < more_calls; ++count) {
                call(*scene, session);
            }
            late->arrive_and_wait();
        }).detach();
    }
    started->arrive_and_wait();
    at_the_very_end([=] {
        *exiting = true;
        late->arrive_and_wait();
    });
    std::exit(0); // NOLINT(concurrency-mt-unsafe): as after main()
}

int crashes_at_return(int times, const std::string& module, void (*call)(const Scene&, CK_SESSION_HANDLE)) {
    int crashes = 0;
    for (int time = 0; time < times; ++time) {
        crashes += crashes_in_child([&] { return_from_main(module, call); }) ? 1 : 0;
    }
    return crashes;
}

/// SoftHSM and OpenSC themselves sign with what their own and OpenSSL's destructors have taken away.
void sign_while_main_returns(const std::string& module) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr int times = 3; // a crash in the middle of a report blocks for the child's whole time
#else
    constexpr int times = 6;
#endif
    by_chance("crashes",
              crashes_at_return(times, module,
                                [](const Scene& scene, CK_SESSION_HANDLE session) {
                                    scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC));
                                }),
              times);
}

/// The functions that the filter overrides, with a session that there is not.
void call_while_main_returns(const std::string& module) {
    note("crashes", crashes_at_return(3, module, [](const Scene& scene, CK_SESSION_HANDLE) {
             CK_SESSION_INFO info{};
             scene.p11().C_GetSessionInfo(invalid_handle, &info);
             scene.login(invalid_handle);
             scene.sign(invalid_handle, 1);
             scene.p11().C_CloseSession(invalid_handle);
         }));
}

/// Only which answers come: how far each thread got is chance.
void finalize_while_reading(const std::string& module) {
    Scene scene(module);
    for (int round = 0; round < 3; ++round) {
        scene.initialize();
        const CK_SESSION_HANDLE kept = scene.open();
        Say{"login", scene.login(kept)};
        std::atomic<bool> finalized{false};
        std::thread reader([&] {
            CK_RV rv = CKR_OK;
            do {
                CK_INFO info{};
                rv = scene.p11().C_GetInfo(&info);
            } while (rv == CKR_OK && !finalized);
        });
        Say{"finalize", scene.p11().C_Finalize(nullptr)};
        finalized = true;
        reader.join();
    }
}

/// Played with a card that comes and goes; the test reads the line before it acts.
void wait_for_insertion(const std::string& module) {
    Scene scene(module);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    Say{"initialize", scene.p11().C_Initialize(&arguments)};
    CK_SLOT_ID slot = 0;
    while (scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, nullptr) == CKR_OK) {
    }
    CK_ULONG count = 0;
    Say{"tokens", scene.p11().C_GetSlotList(CK_TRUE, nullptr, &count), count};
    Waiter waiter(scene);
    note("blocked", !waiter.back());
    note("waited", waiter.answer());
    count = 0;
    Say{"tokens", scene.p11().C_GetSlotList(CK_TRUE, nullptr, &count), count};
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
}

constexpr std::array table{
    Behaviour{"threads_initialize", threads_initialize},
    Behaviour{"threads_sign", threads_sign},
    Behaviour{"threads_log_in_and_out", threads_log_in_and_out},
    Behaviour{"threads_open_and_close_all", threads_open_and_close_all},
    Behaviour{"finalize_while_waiting", finalize_while_waiting},
    Behaviour{"sessions_while_waiting", sessions_while_waiting},
    Behaviour{"exit_while_waiting", exit_while_waiting},
    Behaviour{"sign_after_exit_handlers", sign_after_exit_handlers},
    Behaviour{"sign_while_main_returns", sign_while_main_returns},
    Behaviour{"call_while_main_returns", call_while_main_returns},
    Behaviour{"finalize_while_reading", finalize_while_reading},
    Behaviour{"wait_for_insertion", wait_for_insertion},
};

} // namespace

std::span<const Behaviour> thread_behaviours() {
    return table;
}

} // namespace ukey::behaviour
