// SPDX-License-Identifier: Apache-2.0
// One PKCS#11 module in a process of its own, whose calls are timed (CLOCK_MONOTONIC).
//
//   filter_worker MODULE                obeys standard input, a line each, and answers nanoseconds, or
//   "failed …":
//     open LABEL PIN                    initialise, log in to the token with this label, open a session per
//     thread run CALL THREADS COUNT            so many calls in all, from the first thread's start to the
//     last one's end login PIN, logout                 one call each initialize COUNT C_Initialize and
//     C_Finalize, so often; not after open
//   filter_worker MODULE load [LIBRARY…]  dlopen and C_GetFunctionList, once, with these libraries already
//   there
//
// It is linked with nothing but libc, so that loading a module is not made cheap by what this program has
// loaded.
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t threads_max = 4;

std::int64_t nanoseconds_since(Clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
}

void expect_ok(CK_RV rv, const char* what) {
    if (rv != CKR_OK) {
        throw std::runtime_error(std::string(what) + ": " + std::to_string(rv));
    }
}

CK_FUNCTION_LIST* load(const char* path) {
    void* module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) {
        throw std::runtime_error(dlerror());
    }
    const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(module, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (get_list == nullptr || get_list(&functions) != CKR_OK) {
        throw std::runtime_error(std::string(path) + " gives no function list");
    }
    return functions;
}

class Worker {
  public:
    explicit Worker(CK_FUNCTION_LIST* functions) : p11_(*functions) {}

    void open(const std::string& label, std::string pin) {
        initialize();
        slot_ = find_slot(label);
        for (CK_SESSION_HANDLE& session : sessions_) {
            expect_ok(p11_.C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session),
                      "C_OpenSession");
        }
        login(std::move(pin));
        rsa_key_ = find_key(CKK_RSA);
        ec_key_ = find_key(CKK_EC);
    }

    std::int64_t login(std::string pin) {
        const auto begin = Clock::now();
        const CK_RV rv =
            p11_.C_Login(sessions_[0], CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size());
        const std::int64_t took = nanoseconds_since(begin);
        expect_ok(rv, "C_Login");
        return took;
    }

    std::int64_t logout() {
        const auto begin = Clock::now();
        const CK_RV rv = p11_.C_Logout(sessions_[0]);
        const std::int64_t took = nanoseconds_since(begin);
        expect_ok(rv, "C_Logout");
        return took;
    }

    std::int64_t initialize_and_finalize(unsigned count) {
        const auto begin = Clock::now();
        for (unsigned index = 0; index < count; ++index) {
            initialize();
            expect_ok(p11_.C_Finalize(nullptr), "C_Finalize");
        }
        return nanoseconds_since(begin);
    }

    std::int64_t run(std::string_view call, std::size_t threads, unsigned count) {
        const Call function = call_named(call);
        if (threads <= 1) {
            const auto begin = Clock::now();
            repeat(function, 0, count);
            return nanoseconds_since(begin);
        }
        return run_in_threads(function, std::min(threads, threads_max), count);
    }

  private:
    using Call = void (Worker::*)(std::size_t);

    void initialize() {
        // Without this flag SoftHSM takes no locks.
        CK_C_INITIALIZE_ARGS arguments{};
        arguments.flags = CKF_OS_LOCKING_OK;
        expect_ok(p11_.C_Initialize(&arguments), "C_Initialize");
    }

    CK_SLOT_ID find_slot(const std::string& label) {
        std::array<CK_SLOT_ID, 64> slots{};
        CK_ULONG count = slots.size();
        expect_ok(p11_.C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
        std::string padded = label;
        padded.resize(32, ' ');
        for (CK_ULONG index = 0; index < count; ++index) {
            CK_TOKEN_INFO info{};
            expect_ok(p11_.C_GetTokenInfo(slots[index], &info), "C_GetTokenInfo");
            if (std::equal(padded.begin(), padded.end(), reinterpret_cast<const char*>(info.label))) {
                return slots[index];
            }
        }
        throw std::runtime_error("no token " + label);
    }

    CK_OBJECT_HANDLE find_key(CK_KEY_TYPE type) {
        CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
        std::array<CK_ATTRIBUTE, 2> attributes{CK_ATTRIBUTE{CKA_CLASS, &wanted, sizeof wanted},
                                               CK_ATTRIBUTE{CKA_KEY_TYPE, &type, sizeof type}};
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG count = 0;
        expect_ok(p11_.C_FindObjectsInit(sessions_[0], attributes.data(), attributes.size()),
                  "C_FindObjectsInit");
        expect_ok(p11_.C_FindObjects(sessions_[0], &key, 1, &count), "C_FindObjects");
        expect_ok(p11_.C_FindObjectsFinal(sessions_[0]), "C_FindObjectsFinal");
        if (count == 0) {
            throw std::runtime_error("no private key");
        }
        return key;
    }

    static Call call_named(std::string_view name) {
        struct Named {
            std::string_view name;
            Call call;
        };
        static constexpr std::array calls{
            Named{"C_GetSessionInfo", &Worker::get_session_info},
            Named{"C_GetTokenInfo", &Worker::get_token_info},
            Named{"C_GenerateRandom", &Worker::generate_random},
            Named{"C_FindObjects", &Worker::find_objects},
            Named{"C_Sign/RSA-2048", &Worker::sign_rsa},
            Named{"C_Sign/P-256", &Worker::sign_ec},
            Named{"C_OpenSession+C_CloseSession", &Worker::open_and_close},
        };
        const auto* found =
            std::find_if(calls.begin(), calls.end(), [=](const Named& one) { return one.name == name; });
        if (found == calls.end()) {
            throw std::runtime_error("no such call");
        }
        return found->call;
    }

    void repeat(Call call, std::size_t thread, unsigned count) {
        for (unsigned index = 0; index < count; ++index) {
            (this->*call)(thread);
        }
    }

    std::int64_t run_in_threads(Call call, std::size_t threads, unsigned count) {
        std::atomic<std::size_t> ready{0};
        std::atomic<bool> started{false};
        std::atomic<bool> failed{false};
        std::vector<std::thread> running;
        running.reserve(threads);
        for (std::size_t thread = 0; thread < threads; ++thread) {
            running.emplace_back([&, thread] {
                ++ready;
                ready.notify_one();
                started.wait(false);
                try {
                    repeat(call, thread, count / static_cast<unsigned>(threads));
                } catch (const std::exception&) {
                    failed = true;
                }
            });
        }
        for (std::size_t seen = ready; seen < threads; seen = ready) {
            ready.wait(seen);
        }
        const auto begin = Clock::now();
        started = true;
        started.notify_all();
        for (std::thread& thread : running) {
            thread.join();
        }
        const std::int64_t took = nanoseconds_since(begin);
        if (failed) {
            throw std::runtime_error("a call in a thread");
        }
        return took;
    }

    // --- The calls ---

    void get_session_info(std::size_t thread) {
        CK_SESSION_INFO info{};
        expect_ok(p11_.C_GetSessionInfo(sessions_[thread], &info), "C_GetSessionInfo");
    }

    void get_token_info(std::size_t /*thread*/) {
        CK_TOKEN_INFO info{};
        expect_ok(p11_.C_GetTokenInfo(slot_, &info), "C_GetTokenInfo");
    }

    void generate_random(std::size_t thread) {
        std::array<CK_BYTE, 32> bytes{};
        expect_ok(p11_.C_GenerateRandom(sessions_[thread], bytes.data(), bytes.size()), "C_GenerateRandom");
    }

    void find_objects(std::size_t thread) {
        CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE attribute{CKA_CLASS, &wanted, sizeof wanted};
        std::array<CK_OBJECT_HANDLE, 4> found{};
        CK_ULONG count = 0;
        expect_ok(p11_.C_FindObjectsInit(sessions_[thread], &attribute, 1), "C_FindObjectsInit");
        expect_ok(p11_.C_FindObjects(sessions_[thread], found.data(), found.size(), &count), "C_FindObjects");
        expect_ok(p11_.C_FindObjectsFinal(sessions_[thread]), "C_FindObjectsFinal");
    }

    void sign(std::size_t thread, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key) {
        CK_MECHANISM mechanism{type, nullptr, 0};
        std::array<CK_BYTE, 32> digest{};
        std::array<CK_BYTE, 256> signature{};
        CK_ULONG length = signature.size();
        expect_ok(p11_.C_SignInit(sessions_[thread], &mechanism, key), "C_SignInit");
        expect_ok(p11_.C_Sign(sessions_[thread], digest.data(), digest.size(), signature.data(), &length),
                  "C_Sign");
    }

    void sign_rsa(std::size_t thread) { sign(thread, CKM_RSA_PKCS, rsa_key_); }
    void sign_ec(std::size_t thread) { sign(thread, CKM_ECDSA, ec_key_); }

    void open_and_close(std::size_t /*thread*/) {
        CK_SESSION_HANDLE session = 0;
        expect_ok(p11_.C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session), "C_OpenSession");
        expect_ok(p11_.C_CloseSession(session), "C_CloseSession");
    }

    CK_FUNCTION_LIST& p11_;
    CK_SLOT_ID slot_ = 0;
    std::array<CK_SESSION_HANDLE, threads_max> sessions_{};
    CK_OBJECT_HANDLE rsa_key_ = 0;
    CK_OBJECT_HANDLE ec_key_ = 0;
};

std::int64_t obey(Worker& worker, const std::string& line) {
    std::istringstream words(line);
    std::string command;
    std::string name;
    words >> command;
    if (command == "open") {
        std::string pin;
        words >> name >> pin;
        worker.open(name, pin);
        return 0;
    }
    if (command == "login") {
        words >> name;
        return worker.login(name);
    }
    if (command == "logout") {
        return worker.logout();
    }
    unsigned count = 0;
    if (command == "initialize") {
        words >> count;
        return worker.initialize_and_finalize(count);
    }
    std::size_t threads = 0;
    if (command != "run" || !(words >> name >> threads >> count)) {
        throw std::runtime_error("not understood: " + line);
    }
    return worker.run(name, threads, count);
}

int serve(const char* path) {
    Worker worker(load(path));
    for (std::string line; std::getline(std::cin, line);) {
        try {
            std::cout << obey(worker, line) << std::endl;
        } catch (const std::exception& error) {
            std::cout << "failed " << error.what() << std::endl;
        }
    }
    return 0;
}

int time_load(const char* path, char** libraries) {
    for (; *libraries != nullptr; ++libraries) {
        if (dlopen(*libraries, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
            throw std::runtime_error(dlerror());
        }
    }
    const auto begin = Clock::now();
    load(path);
    std::cout << nanoseconds_since(begin) << std::endl;
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 2) {
            return serve(argv[1]);
        }
        if (argc >= 3 && std::string_view(argv[2]) == "load") {
            return time_load(argv[1], argv + 3);
        }
    } catch (const std::exception& error) {
        std::cout << "failed " << error.what() << std::endl;
        return 1;
    }
    std::cerr << "usage: filter_worker MODULE [load [LIBRARY…]]\n";
    return 2;
}
