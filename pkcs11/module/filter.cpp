// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/filter.hpp"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <unistd.h>

#include "pkcs11/module/backend.hpp"
#include "pkcs11/module/function_table.hpp"
#include "pkcs11/module/loading_thread.hpp"

// Itanium C++ ABI §3.3.6.3; the compiler's own calls for static objects are the same.
// NOLINTBEGIN(bugprone-reserved-identifier): the ABI's names
extern "C" int __cxa_atexit(void (*function)(void*), void* argument, void* library);
extern "C" __attribute__((visibility("hidden"))) void* __dso_handle;
// NOLINTEND(bugprone-reserved-identifier)

#ifdef UKEY_STATIC_CXX_RUNTIME
namespace __gnu_cxx { // NOLINT(bugprone-reserved-identifier): the C++ library's name
void __freeres();     // NOLINT(bugprone-reserved-identifier): gives its exception pool back
                      // (libsupc++/eh_alloc.cc)
} // namespace __gnu_cxx
#endif

namespace ukey::filter {

constinit SessionTracker the_sessions;
constinit UseCounter the_uses;
constinit std::atomic<const CK_FUNCTION_LIST*> the_backend{nullptr};

namespace {

struct Loaded {
    Loaded(Configuration settings, Backend module, const FunctionList30& overrides)
        : configuration(std::move(settings)), backend(std::move(module)),
          table(make_function_table(backend.functions(), overrides)), interfaces(backend, table, overrides) {}

    Configuration configuration;
    Backend backend;
    CK_FUNCTION_LIST table;
    Interfaces interfaces;
};

// All of it without constructor and destructor: a thread of the application may still sign while the process
// exits.
constinit std::atomic<Loaded*> loaded{nullptr};
constinit std::atomic<LoginFlow*> process_flow{nullptr};
constinit std::atomic<bool> process_exits{false};

/// By the file that the dynamic linker was told to load.
std::string_view own_name() {
    Dl_info library{};
    return dladdr(&loaded, &library) != 0 && library.dli_fname != nullptr ? filter_name(library.dli_fname)
                                                                          : std::string_view();
}

std::unique_ptr<Loaded> load_backend(CK_C_GetFunctionList own, const FunctionList30& overrides) {
    Configuration configuration = load_configuration(own_name());
    Result<Backend> module = Backend::load(configuration.backend_path, own);
    if (!module) {
        const Error& error = module.error();
        debug_message(error.code + ": " + error.object + ": " + error.reason);
        return nullptr;
    }
    return std::make_unique<Loaded>(std::move(configuration), std::move(*module), overrides);
}

/// exit() calls what is registered so before any library's destructors, dlclose() after those of its library.
/// This is what atexit() does, but with the library's name on it whoever has put an atexit() of its own in
/// front (ThreadSanitizer has): the call must not stay when the library goes.
void tell_exit_from_dlclose() {
    // If it can't be registered, exit() unloads as dlclose() does.
    __cxa_atexit([](void*) { process_exits = true; }, nullptr, &__dso_handle);
}

/// Tells what is still to be told. False when another thread is at work in the flow.
bool close_for_good(LoginFlow& flow) noexcept {
    if (!can_throw()) {
        return false;
    }
    try {
        return flow.close();
    } catch (...) {
        debug_message("reports were lost: out of memory");
        return true; // no other thread is there
    }
}

/// Runs when the module is unloaded, and when the process ends.
[[gnu::destructor]] void unload() {
    const CancellationOff off;
    LoginFlow* flow = process_flow.load();
    if (flow != nullptr && flow->process() != getpid()) {
        flow->abandon_in_child(); // and leave it: another thread of the parent may have been at work in it
        flow = nullptr;
    }
    const bool closed = flow != nullptr && close_for_good(*flow);
    if (process_exits) {
        return; // the application's threads run on until the process is gone, and may call us and the backend
    }
    if (closed) {
        process_flow.store(nullptr);
        delete flow;
    }
    delete loaded.exchange(nullptr); // unloads the backend
#ifdef UKEY_STATIC_CXX_RUNTIME
    __gnu_cxx::__freeres();
#endif
}

} // namespace

CK_RV load(CK_C_GetFunctionList own, const FunctionList30& overrides) {
    if (the_backend.load(std::memory_order_acquire) != nullptr) {
        return CKR_OK;
    }
    const CancellationOff off;
    const LoadingThread here;
    if (here.again()) {
        return CKR_GENERAL_ERROR; // the backend loads us in turn
    }
    if (!can_throw()) {
        return CKR_HOST_MEMORY;
    }
    prepare_unwinding();
    if (loaded.load() == nullptr) {
        std::unique_ptr<Loaded> fresh = load_backend(own, overrides);
        if (fresh == nullptr) {
            return CKR_GENERAL_ERROR;
        }
        tell_exit_from_dlclose();
        Loaded* none = nullptr;
        if (loaded.compare_exchange_strong(none, fresh.get())) {
            static_cast<void>(fresh.release()); // otherwise another thread was first, and this one's goes
        }
    }
    the_backend.store(&loaded.load()->backend.functions(), std::memory_order_release);
    return CKR_OK;
}

CK_FUNCTION_LIST_PTR function_table() noexcept {
    return &loaded.load(std::memory_order_acquire)->table;
}

Interfaces& interfaces() noexcept {
    return loaded.load(std::memory_order_acquire)->interfaces;
}

const FunctionList30& backend_3x() noexcept {
    return interfaces().backend_functions();
}

bool refuses_without_daemon() noexcept {
    return loaded.load(std::memory_order_acquire)->configuration.without_daemon == WithoutDaemon::refuse;
}

CK_C_GetFunctionList backend_get_function_list() noexcept {
    return loaded.load(std::memory_order_acquire)->backend.get_function_list();
}

namespace {

std::unique_ptr<LoginFlow> make_flow(pid_t process) noexcept {
    try {
        if (can_throw()) {
            return std::make_unique<LoginFlow>(loaded.load()->configuration, backend(), the_sessions,
                                               the_uses, process);
        }
    } catch (...) { // as without memory for an exception
    }
    return nullptr;
}

} // namespace

LoginFlow* present_login_flow() noexcept {
    return process_flow.load(std::memory_order_acquire);
}

LoginFlow* login_flow() noexcept {
    const pid_t process = getpid();
    LoginFlow* flow = process_flow.load(std::memory_order_acquire);
    if (flow != nullptr && flow->process() == process) {
        return flow;
    }
    std::unique_ptr<LoginFlow> fresh = make_flow(process);
    if (fresh == nullptr || !process_flow.compare_exchange_strong(flow, fresh.get())) {
        return fresh == nullptr ? nullptr : process_flow.load(); // another thread was first
    }
    if (flow != nullptr) {
        // A forked child: the parent's object stays as it is, a lock of it may be held for ever. The sessions
        // are those that the backend has here too, until C_Initialize or C_Finalize says otherwise.
        flow->abandon_in_child();
        the_uses.reset();
    }
    return fresh.release();
}

} // namespace ukey::filter
