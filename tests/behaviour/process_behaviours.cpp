// SPDX-License-Identifier: Apache-2.0
// Loading and unloading, forks, several applications at once.
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

std::size_t entries_in(const char* folder) {
    const std::filesystem::directory_iterator entries(folder);
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// The filter, or a backend that a test puts behind it.
bool module_is_mapped() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        for (const char* name : {"ukey-pkcs11", "libsofthsm2.so", "opensc-pkcs11.so"}) {
            if (line.find(name) != std::string::npos) {
                return true;
            }
        }
    }
    return false;
}

std::vector<struct sigaction> signal_actions() {
    std::vector<struct sigaction> actions;
    for (int number = 1; number < SIGRTMIN; ++number) {
        struct sigaction action {};
        sigaction(number, nullptr, &action);
        actions.push_back(action);
    }
    return actions;
}

std::string changed_signals(const std::vector<struct sigaction>& before) {
    std::string changed;
    const auto after = signal_actions();
    for (std::size_t index = 0; index < after.size(); ++index) {
        if (after[index].sa_handler != before[index].sa_handler ||
            after[index].sa_flags != before[index].sa_flags) {
            changed += " " + std::to_string(index + 1);
        }
    }
    return changed;
}

void work(Scene& scene) {
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open();
    Say{"login", scene.login(session)};
    Say{"sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
}

void unload_and_load_again(const std::string& module) {
    const auto signals = signal_actions();
    std::size_t descriptors = 0;
    for (int round = 0; round < 8; ++round) {
        {
            Scene scene(module);
            work(scene);
            if (round % 2 == 0 || round == 7) {
                Say{"finalize", scene.p11().C_Finalize(nullptr)};
            }
            note("threads meanwhile", entries_in("/proc/self/task"));
        }
        note("mapped", module_is_mapped());
        note("threads", entries_in("/proc/self/task"));
        note("signals", changed_signals(signals));
        descriptors = round == 4 ? entries_in("/proc/self/fd") : descriptors; // what stays has come by now
    }
    note("descriptors kept since", entries_in("/proc/self/fd") == descriptors);
}

void unload_before_initialize(const std::string& module) {
    for (int round = 0; round < 3; ++round) {
        { const Scene scene(module); }
        note("mapped", module_is_mapped());
    }
}

void opened_globally(const std::string& module) {
    Scene scene(module, RTLD_NOW | RTLD_GLOBAL);
    CK_FUNCTION_LIST_PTR again = nullptr;
    isolated("by the list", [&] {
        Say{"by the list", scene.p11().C_GetFunctionList(&again), again == &scene.p11()};
    });
    work(scene);
}

void opened_lazily(const std::string& module) {
    Scene scene(module, RTLD_LAZY | RTLD_LOCAL);
    work(scene);
}

void opened_with_deep_binding(const std::string& module) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    note("not with a sanitizer", module.empty());
#else
    Scene scene(module, RTLD_NOW | RTLD_DEEPBIND);
    work(scene);
#endif
}

/// Another module's C_GetFunctionList is the first that the dynamic linker finds.
void beside(const char* other_module, const std::string& module) {
    note("other", dlopen(other_module, RTLD_NOW | RTLD_GLOBAL) != nullptr);
    Scene scene(module);
    work(scene);
    Say{"finalize", scene.p11().C_Finalize(nullptr)};
}

/// As in every program that is linked with p11-kit.
void beside_p11_kit(const std::string& module) {
    beside("libp11-kit.so.0", module);
}

/// As in a program that is linked with the module that the filter has behind it.
void beside_the_backend(const std::string& module) {
    const char* backend = std::getenv("UKEY_BEHAVIOUR_BACKEND"); // NOLINT(concurrency-mt-unsafe): one thread
    beside(backend == nullptr ? module.c_str() : backend, module);
}

void loaded_twice(const std::string& module) {
    Scene first(module);
    Scene second(module);
    note("same list", &first.p11() == &second.p11());
    work(first);
    Say{"initialize by the second", second.p11().C_Initialize(nullptr)};
    first.unload();
    Say{"finalize by the second", second.p11().C_Finalize(nullptr)};
}

/// A copy is another module to the dynamic linker, a symbolic link is not.
void loaded_under_two_paths(const std::string& module) {
    std::string folder = std::filesystem::temp_directory_path() / "ukey-behaviour-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) {
        note("no folder");
        return;
    }
    const std::string name = std::filesystem::path(module).filename().string();
    std::filesystem::create_symlink(std::filesystem::canonical(module), folder + "/link-" + name);
    {
        Scene first(module);
        const Scene linked(folder + "/link-" + name);
        note("link", &first.p11() == &linked.p11());
        work(first);
        Say{"login by the link", linked.p11().C_Initialize(nullptr)};
    }
    std::filesystem::remove_all(folder);
}

/// Runs `work` in a forked child that ends at once.
template <typename Work>
void in_child(Work work) {
    isolated("child", work);
}

void fork_without_initialize(const std::string& module) {
    Scene scene(module);
    work(scene);
    const CK_SESSION_HANDLE session = scene.open();
    in_child([&] {
        CK_SESSION_INFO info{};
        Say{"child session", scene.p11().C_GetSessionInfo(session, &info), info.state};
        CK_ULONG count = 0;
        Say{"child slots", scene.p11().C_GetSlotList(CK_TRUE, nullptr, &count), count};
        Say{"child login", scene.login(session)};
        Say{"child sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
    });
    note("parent", scene.state(session));
    Say{"parent sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
}

void fork_with_initialize(const std::string& module) {
    Scene scene(module);
    work(scene);
    const CK_SESSION_HANDLE session = scene.open();
    in_child([&] {
        Say{"child initialize", scene.p11().C_Initialize(nullptr)};
        Say{"child finalize", scene.p11().C_Finalize(nullptr)};
        work(scene);
        Say{"child finalize", scene.p11().C_Finalize(nullptr)};
    });
    note("parent", scene.state(session));
    Say{"parent sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
    Say{"parent finalize", scene.p11().C_Finalize(nullptr)};
}

void fork_before_initialize(const std::string& module) {
    Scene scene(module);
    in_child([&] { work(scene); });
    work(scene);
}

void fork_and_exit_by_handlers(const std::string& module) {
    Scene scene(module);
    work(scene);
    const CK_SESSION_HANDLE session = scene.open();
    isolated("child", [&] {
        scene.unload();
        std::exit(0); // NOLINT(concurrency-mt-unsafe): one thread
    });
    note("parent", scene.state(session));
    Say{"parent logout", scene.p11().C_Logout(session)};
}

/// C_Initialize to C_Finalize in a freshly loaded module.
bool gets_through(const std::string& module) {
    Scene scene(module);
    CK_FUNCTION_LIST& p11 = scene.p11();
    CK_SESSION_HANDLE session = 0;
    const bool done =
        scene.initialize_quietly() == CKR_OK &&
        p11.C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &session) == CKR_OK &&
        scene.login(session) == CKR_OK &&
        scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC)) == CKR_OK;
    return p11.C_Finalize(nullptr) == CKR_OK && done;
}

/// Eight processes that log in and sign at once, four times each. SoftHSM's get in each other's way at the
/// start: a token that another one is writing is not recognised. So each tries again, and how often is told.
void several_applications(const std::string& module) {
    constexpr int processes = 8;
    constexpr int rounds = 4;
    constexpr int tries_max = 200;
    void* shared =
        mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* failed = new (shared) std::atomic<int>(0);
    for (int number = 0; number < processes; ++number) {
        if (fork() == 0) {
            int through = 0;
            for (int tries = 0; through < rounds && tries < tries_max; ++tries) {
                if (gets_through(module)) {
                    ++through;
                } else {
                    ++*failed;
                }
            }
            _exit(through);
        }
    }
    for (int number = 0; number < processes; ++number) {
        int status = 0;
        wait(&status);
        note("process", WIFEXITED(status), WEXITSTATUS(status));
    }
    by_chance("tries", *failed, *failed + processes * rounds);
}

/// By exit(), as programs end: nothing is finalised, and everything is still loaded.
void exit_without_finalize(const std::string& module) {
    isolated("exit", [&] {
        auto* scene = new Scene(module); // stays loaded
        work(*scene);
        std::exit(0); // NOLINT(concurrency-mt-unsafe): one thread
    });
}

constexpr std::array table{
    Behaviour{"unload_and_load_again", unload_and_load_again},
    Behaviour{"unload_before_initialize", unload_before_initialize},
    Behaviour{"opened_globally", opened_globally},
    Behaviour{"opened_lazily", opened_lazily},
    Behaviour{"opened_with_deep_binding", opened_with_deep_binding},
    Behaviour{"beside_p11_kit", beside_p11_kit},
    Behaviour{"beside_the_backend", beside_the_backend},
    Behaviour{"loaded_twice", loaded_twice},
    Behaviour{"loaded_under_two_paths", loaded_under_two_paths},
    Behaviour{"fork_without_initialize", fork_without_initialize},
    Behaviour{"fork_with_initialize", fork_with_initialize},
    Behaviour{"fork_before_initialize", fork_before_initialize},
    Behaviour{"fork_and_exit_by_handlers", fork_and_exit_by_handlers},
    Behaviour{"several_applications", several_applications},
    Behaviour{"exit_without_finalize", exit_without_finalize},
};

} // namespace

std::span<const Behaviour> process_behaviours() {
    return table;
}

} // namespace ukey::behaviour
