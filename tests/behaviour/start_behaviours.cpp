// SPDX-License-Identifier: Apache-2.0
// Lists and interfaces, C_Initialize and C_Finalize, and every function before C_Initialize.
#include <array>
#include <atomic>
#include <pthread.h>
#include <sys/mman.h>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

void function_list(const std::string& module) {
    const Scene scene(module);
    note("version", int{scene.p11().version.major}, int{scene.p11().version.minor});
    std::string absent;
    const auto entries = entries_of(scene.p11());
    for (std::size_t place = 0; place < entries.size(); ++place) {
        absent += entries[place] == nullptr ? " " + std::to_string(place) : "";
    }
    note("absent", absent);
    CK_FUNCTION_LIST_PTR again = nullptr;
    Say{"again", scene.get_function_list()(&again), again == &scene.p11()};
    Say{"by the list", scene.p11().C_GetFunctionList(&again), again == &scene.p11()};
    Say{"null", scene.get_function_list()(nullptr)};
}

/// What an application sees that asks for interfaces and, where there are none to ask, for the list of 2.40
/// (3.0 §5.4).
void interfaces(const std::string& module) {
    const Scene scene(module);
    const auto list = reinterpret_cast<filter::GetInterfaceList>(scene.symbol("C_GetInterfaceList"));
    std::array<filter::Interface, 16> found{};
    CK_ULONG count = found.size();
    if (list == nullptr) {
        found[0] = {bytes_of(filter::standard_interface), &scene.p11(), 0};
        count = 1;
    } else if (list(found.data(), &count) != CKR_OK) {
        note("failed");
        return;
    }
    for (CK_ULONG index = 0; index < count; ++index) {
        const auto* version = static_cast<const CK_VERSION*>(found[index].functions);
        note("interface", reinterpret_cast<const char*>(found[index].name), int{version->major},
             int{version->minor}, found[index].flags);
    }
}

void interfaces_of_3x(const std::string& module) {
    const Scene scene(module);
    const filter::FunctionList30* functions = scene.list_3x();
    note("has 3.0", functions != nullptr);
    if (functions == nullptr) {
        return;
    }
    const auto list = reinterpret_cast<filter::GetInterfaceList>(scene.symbol("C_GetInterfaceList"));
    CK_ULONG count = 0;
    Say{"count", list(nullptr, &count), count};
    CK_ULONG small = 0;
    filter::Interface one{};
    Say{"small", list(&one, &small), small};
    isolated("null count", [&] { Say{"null count", list(nullptr, nullptr)}; });
    const auto get = reinterpret_cast<filter::GetInterface>(scene.symbol("C_GetInterface"));
    filter::Interface* found = nullptr;
    Say{"default", get(nullptr, nullptr, &found, 0), found != nullptr};
    CK_VERSION version{9, 9};
    Say{"unknown version", get(nullptr, &version, &found, 0)};
    Say{"unknown name", get(bytes_of("nothing"), nullptr, &found, 0)};
    Say{"unknown flags", get(nullptr, nullptr, &found, 0x40)};
    isolated("null interface", [&] { Say{"null interface", get(nullptr, nullptr, nullptr, 0)}; });
    const auto entries = entries_of(*functions);
    for (std::size_t place = 0; place < entries.size(); ++place) {
        if (entries[place] == nullptr) {
            note("absent", place);
        }
    }
}

void initialize_null(const std::string& module) {
    const Scene scene(module);
    Say{"finalize before", scene.p11().C_Finalize(nullptr)};
    Say{"initialize", scene.p11().C_Initialize(nullptr)};
    Say{"again", scene.p11().C_Initialize(nullptr)};
    CK_INFO info{};
    Say{"info",
        scene.p11().C_GetInfo(&info),
        int{info.cryptokiVersion.major},
        int{info.cryptokiVersion.minor},
        int{info.libraryVersion.major},
        int{info.libraryVersion.minor},
        info.flags,
        std::string(reinterpret_cast<const char*>(info.manufacturerID), sizeof info.manufacturerID),
        std::string(reinterpret_cast<const char*>(info.libraryDescription), sizeof info.libraryDescription)};
    Say{"finalize with an argument", scene.p11().C_Finalize(&info)};
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
    Say{"finalize again", scene.p11().C_Finalize(nullptr)};
    Say{"info after", scene.p11().C_GetInfo(&info)};
}

void initialize_again_after_finalize(const std::string& module) {
    for (int load = 0; load < 3; ++load) {
        Scene scene(module);
        for (int round = 0; round < 3; ++round) {
            scene.initialize();
            const CK_SESSION_HANDLE session = scene.open();
            Say{"login", scene.login(session)};
            Say{"finalize", scene.p11().C_Finalize(nullptr)};
            CK_SESSION_INFO info{};
            Say{"session after", scene.p11().C_GetSessionInfo(session, &info)};
        }
    }
}

std::atomic<int> mutexes_made{0};
std::atomic<int> mutexes_locked{0};

CK_RV create_mutex(void** mutex) {
    ++mutexes_made;
    *mutex = new pthread_mutex_t(PTHREAD_MUTEX_INITIALIZER);
    return CKR_OK;
}
CK_RV destroy_mutex(void* mutex) {
    --mutexes_made;
    delete static_cast<pthread_mutex_t*>(mutex);
    return CKR_OK;
}
CK_RV lock_mutex(void* mutex) {
    ++mutexes_locked;
    pthread_mutex_lock(static_cast<pthread_mutex_t*>(mutex));
    return CKR_OK;
}
CK_RV unlock_mutex(void* mutex) {
    pthread_mutex_unlock(static_cast<pthread_mutex_t*>(mutex));
    return CKR_OK;
}
CK_RV failing_mutex(void** /*mutex*/) {
    return CKR_HOST_MEMORY;
}

/// Also how often the callbacks come: the filter takes none of the application's locks.
void initialize_arguments(const std::string& module) {
    const Scene scene(module);
    const auto attempt = [&](const char* step, CK_C_INITIALIZE_ARGS arguments) {
        const CK_RV rv = scene.p11().C_Initialize(&arguments);
        CK_ULONG count = 0;
        const CK_RV used = rv == CKR_OK ? scene.p11().C_GetSlotList(CK_TRUE, nullptr, &count) : CKR_OK;
        const CK_RV ended = rv == CKR_OK ? scene.p11().C_Finalize(nullptr) : CKR_OK;
        Say{step,          rv,
            name_of(used), name_of(ended),
            "locked",      mutexes_locked.exchange(0) > 0,
            "left",        mutexes_made.exchange(0)};
    };
    CK_C_INITIALIZE_ARGS arguments{};
    attempt("nothing", arguments);
    arguments.flags = CKF_OS_LOCKING_OK;
    attempt("os locking", arguments);
    arguments.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS;
    attempt("no threads", arguments);
    arguments.flags = 0x100;
    attempt("unknown flag", arguments);
    arguments = {};
    arguments.CreateMutex = create_mutex;
    arguments.DestroyMutex = destroy_mutex;
    arguments.LockMutex = lock_mutex;
    arguments.UnlockMutex = unlock_mutex;
    attempt("callbacks", arguments);
    arguments.flags = CKF_OS_LOCKING_OK;
    attempt("callbacks or os locking", arguments);
    arguments.flags = 0;
    arguments.CreateMutex = failing_mutex;
    attempt("callback that fails", arguments);
    arguments = {};
    arguments.CreateMutex = create_mutex;
    arguments.LockMutex = lock_mutex;
    attempt("some callbacks", arguments);
    arguments = {};
    arguments.pReserved = &arguments;
    attempt("reserved", arguments);
}

/// Whether each function fails, and how, with all arguments `argument` but the first, each in a child.
void call_each(const std::vector<AnyFunction>& entries, CK_ULONG first, CK_ULONG argument) {
    for (std::size_t place = 0; place < entries.size(); ++place) {
        const std::string step = "function " + std::to_string(place);
        if (entries[place] == nullptr) {
            note(step, "absent");
            continue;
        }
        isolated(step, [&] {
            Say{step,
                entries[place](first, argument, argument, argument, argument, argument, argument, argument)};
        });
    }
}

std::vector<AnyFunction> widest(const Scene& scene) {
    const filter::FunctionList30* functions = scene.list_3x();
    return functions == nullptr ? entries_of(scene.p11()) : entries_of(*functions);
}

void before_initialize(const std::string& module) {
    const Scene scene(module);
    call_each(widest(scene), invalid_handle, 0);
}

CK_ULONG inaccessible_page() {
    return reinterpret_cast<CK_ULONG>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) +
           64;
}

void before_initialize_inaccessible(const std::string& module) {
    const Scene scene(module);
    call_each(widest(scene), invalid_handle, inaccessible_page());
}

void invalid_session_null(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    call_each(widest(scene), invalid_handle, 0);
}

void invalid_session_inaccessible(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    call_each(widest(scene), invalid_handle, inaccessible_page());
}

void valid_session_null(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open(CKF_RW_SESSION);
    call_each(widest(scene), session, 0);
}

void valid_session_inaccessible(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open(CKF_RW_SESSION);
    call_each(widest(scene), session, inaccessible_page());
}

constexpr std::array table{
    Behaviour{"function_list", function_list},
    Behaviour{"interfaces", interfaces},
    Behaviour{"interfaces_of_3x", interfaces_of_3x},
    Behaviour{"initialize_null", initialize_null},
    Behaviour{"initialize_again_after_finalize", initialize_again_after_finalize},
    Behaviour{"initialize_arguments", initialize_arguments},
    Behaviour{"before_initialize", before_initialize},
    Behaviour{"before_initialize_inaccessible", before_initialize_inaccessible},
    Behaviour{"invalid_session_null", invalid_session_null},
    Behaviour{"invalid_session_inaccessible", invalid_session_inaccessible},
    Behaviour{"valid_session_null", valid_session_null},
    Behaviour{"valid_session_inaccessible", valid_session_inaccessible},
};

} // namespace

std::span<const Behaviour> start_behaviours() {
    return table;
}

} // namespace ukey::behaviour
