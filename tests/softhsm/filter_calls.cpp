// SPDX-License-Identifier: Apache-2.0
// Calls that shall cost the process nothing through the filter but the backend's own.
//
//   filter_calls FILTER BACKEND PIN COUNT
//
// Both modules are in this process, so the filter's backend is the other one with its one state: the same
// session, the same heap. Each call is made through the one and then the other, with lines on standard output
// around the calls: "begin CALL direct|filter PHASE", "end CALL direct|filter PHASE ALLOCATIONS". The lines
// separate the phases in a trace of system calls too.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <p11-kit/pkcs11.h>

// Every allocation of the process comes here first (the program's symbols go before the C library's).
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the C library's names
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

namespace {
std::atomic<unsigned long> allocations{0};
}

extern "C" void* malloc(std::size_t bytes) {
    ++allocations;
    return __libc_malloc(bytes);
}
extern "C" void* calloc(std::size_t count, std::size_t bytes) {
    ++allocations;
    return __libc_calloc(count, bytes);
}
extern "C" void* realloc(void* memory, std::size_t bytes) {
    ++allocations;
    return __libc_realloc(memory, bytes);
}

namespace {

constexpr int warm_up_calls = 50;

void expect_ok(CK_RV rv, const char* what) {
    if (rv != CKR_OK) {
        throw std::runtime_error(std::string(what) + ": " + std::to_string(rv));
    }
}

CK_FUNCTION_LIST& load(const char* path) {
    void* module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const auto get_list = module == nullptr
                              ? nullptr
                              : reinterpret_cast<CK_C_GetFunctionList>(dlsym(module, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (get_list == nullptr || get_list(&functions) != CKR_OK) {
        throw std::runtime_error(std::string(path) + " gives no function list");
    }
    return *functions;
}

/// One system call, which is the line between two phases.
void write_line(const std::string& line) {
    if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        throw std::runtime_error("standard output");
    }
}

class Calls {
  public:
    Calls(CK_FUNCTION_LIST& filter, std::string pin) {
        CK_C_INITIALIZE_ARGS arguments{};
        arguments.flags = CKF_OS_LOCKING_OK;
        expect_ok(filter.C_Initialize(&arguments), "C_Initialize");
        std::array<CK_SLOT_ID, 8> slots{};
        CK_ULONG count = slots.size();
        expect_ok(filter.C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
        slot_ = slots[0];
        expect_ok(filter.C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session_),
                  "C_OpenSession");
        expect_ok(filter.C_Login(session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size()),
                  "C_Login");
        key_ = find_key(filter);
    }

    void make(std::string_view call, CK_FUNCTION_LIST& module) {
        if (call == "C_GetSessionInfo") {
            CK_SESSION_INFO info{};
            expect_ok(module.C_GetSessionInfo(session_, &info), "C_GetSessionInfo");
        } else if (call == "C_GetTokenInfo") {
            CK_TOKEN_INFO info{};
            expect_ok(module.C_GetTokenInfo(slot_, &info), "C_GetTokenInfo");
        } else if (call == "C_GenerateRandom") {
            std::array<CK_BYTE, 32> bytes{};
            expect_ok(module.C_GenerateRandom(session_, bytes.data(), bytes.size()), "C_GenerateRandom");
        } else if (call == "C_FindObjects") {
            find_key(module);
        } else if (call == "C_Sign") {
            sign(module);
        } else {
            CK_SESSION_HANDLE session = 0;
            expect_ok(module.C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session),
                      "C_OpenSession");
            expect_ok(module.C_CloseSession(session), "C_CloseSession");
        }
    }

  private:
    CK_OBJECT_HANDLE find_key(CK_FUNCTION_LIST& module) {
        CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE attribute{CKA_CLASS, &wanted, sizeof wanted};
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG count = 0;
        expect_ok(module.C_FindObjectsInit(session_, &attribute, 1), "C_FindObjectsInit");
        expect_ok(module.C_FindObjects(session_, &key, 1, &count), "C_FindObjects");
        expect_ok(module.C_FindObjectsFinal(session_), "C_FindObjectsFinal");
        if (count != 1) {
            throw std::runtime_error("no private key");
        }
        return key;
    }

    void sign(CK_FUNCTION_LIST& module) {
        CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
        std::array<CK_BYTE, 32> digest{};
        std::array<CK_BYTE, 64> signature{};
        CK_ULONG length = signature.size();
        expect_ok(module.C_SignInit(session_, &mechanism, key_), "C_SignInit");
        expect_ok(module.C_Sign(session_, digest.data(), digest.size(), signature.data(), &length), "C_Sign");
    }

    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE session_ = 0;
    CK_OBJECT_HANDLE key_ = 0;
};

/// Through the backend and the filter, after some through each to warm up.
void measure(Calls& calls, const std::string& call, CK_FUNCTION_LIST& direct, CK_FUNCTION_LIST& filter,
             int count) {
    struct Way {
        const char* name;
        CK_FUNCTION_LIST& module;
    };
    const std::array<Way, 2> ways{Way{"direct", direct}, Way{"filter", filter}};
    for (const char* phase : {"warm-up", "counted"}) {
        const int calls_in_phase = std::string_view(phase) == "counted" ? count : warm_up_calls;
        for (const Way& way : ways) {
            const std::string name = call + " " + way.name + " " + phase;
            write_line("begin " + name + "\n");
            const unsigned long before = allocations;
            for (int made = 0; made < calls_in_phase; ++made) {
                calls.make(call, way.module);
            }
            const unsigned long allocated = allocations - before;
            write_line("end " + name + " " + std::to_string(allocated) + "\n");
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        return 2;
    }
    try {
        CK_FUNCTION_LIST& filter = load(argv[1]);
        CK_FUNCTION_LIST& direct = load(argv[2]);
        Calls calls(filter, argv[3]);
        for (const char* call : {"C_GetSessionInfo", "C_GetTokenInfo", "C_GenerateRandom", "C_FindObjects",
                                 "C_Sign", "C_OpenSession+C_CloseSession"}) {
            measure(calls, call, direct, filter, std::stoi(argv[4]));
        }
        expect_ok(filter.C_Finalize(nullptr), "C_Finalize");
    } catch (const std::exception& error) {
        write_line(std::string("failed ") + error.what() + "\n");
        return 1;
    }
    return 0;
}
