// SPDX-License-Identifier: Apache-2.0
// A loaded and initialised PKCS#11 module (PKCS#11 2.40 §5.4, §5.5).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core/result.hpp"

namespace ukey::pkcs11 {

/// CK_SLOT_ID. An integer of the module's own choosing.
using SlotId = unsigned long;

/// CK_INFO, texts as UTF-8 without padding, versions as "major.minor".
struct ModuleInfo {
    std::string description;
    std::string manufacturer;
    std::string library_version;
    std::string cryptoki_version;
};

/// Every method calls into the module and blocks as long as the module likes: callers live in a process that
/// may be killed. Unless thread_safe() is false, methods may be called from several threads
/// (CKF_OS_LOCKING_OK). Slots and sessions keep their module alive.
class Module : public std::enable_shared_from_this<Module> {
  public:
    /// dlopen(RTLD_NOW | RTLD_LOCAL), C_GetFunctionList, C_Initialize. No RTLD_DEEPBIND: it would tear the
    /// module away from a sanitizer's malloc. Errors `module.missing`, `module.wrong_architecture`,
    /// `module.not_loadable`, `module.not_pkcs11`, `module.initialize_failed`, each with object = path.
    static Result<std::shared_ptr<Module>> load(const std::string& path);

    /// C_Finalize (if finalize() was not called) and dlclose.
    ~Module();
    Module(const Module&) = delete; // one C_Finalize for one C_Initialize
    Module& operator=(const Module&) = delete;
    Module(Module&&) = delete;
    Module& operator=(Module&&) = delete;

    const std::string& path() const { return path_; }

    /// C_GetInfo.
    Result<ModuleInfo> info() const;

    /// C_GetSlotList of all slots, with or without a token; a first call without a buffer makes the module
    /// look for new readers (§5.5 C_GetSlotList). At most `slots_max` of daemon/core/token.hpp, else "limit".
    Result<std::vector<SlotId>> slot_ids() const;

    /// C_WaitForSlotEvent without CKF_DONT_BLOCK: blocks until something happens in a slot, or finalize().
    Result<SlotId> wait_for_slot_event() const;

    /// False when the module refused CKF_OS_LOCKING_OK: then only one thread may ever call it.
    bool thread_safe() const { return thread_safe_; }

    /// C_Finalize. A thread in wait_for_slot_event() is to come back with CKR_CRYPTOKI_NOT_INITIALIZED; not
    /// every module does that. Everything else on this module fails from here on.
    void finalize() noexcept;

    struct Raw; ///< for pkcs11/client only
    const Raw& raw() const { return *raw_; }

  private:
    explicit Module(std::string path);
    Result<void> open_library();
    Result<void> initialize();

    std::string path_;
    std::unique_ptr<Raw> raw_;
    bool thread_safe_ = true;
    std::atomic<bool> initialized_ = false;
};

} // namespace ukey::pkcs11
