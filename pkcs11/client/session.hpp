// SPDX-License-Identifier: Apache-2.0
// A session with a token (PKCS#11 2.40 §5.6) and the objects found in it (§5.7).
#pragma once

#include <memory>
#include <vector>

#include "pkcs11/client/object.hpp"
#include "pkcs11/client/slot.hpp"

namespace ukey::pkcs11 {

enum class Access { read_only, read_write };

/// C_OpenSession to C_CloseSession. Opening one proves that the key answers. Moved-from objects hold nothing
/// and do nothing. Methods block like Module's. There is no login here: see pin_operations.hpp.
class Session {
  public:
    static Result<Session> open(const Slot& slot, Access access = Access::read_only);

    ~Session();
    Session(Session&& other) noexcept;
    Session& operator=(Session&& other) noexcept;
    Session(const Session&) = delete; // one C_CloseSession for one C_OpenSession
    Session& operator=(const Session&) = delete;

    /// All objects of a class that are visible, at most `limit`: `complete` is false when there were more.
    struct Found {
        std::vector<Object> objects;
        bool complete = true;
    };
    /// C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal. The objects must not outlive the session.
    Result<Found> find(ObjectClass object_class, std::size_t limit) const;

    const std::shared_ptr<Module>& module() const { return module_; }
    /// CK_SESSION_HANDLE, for pkcs11/client only.
    unsigned long handle() const { return handle_; }

  private:
    Session(std::shared_ptr<Module> module, unsigned long handle);
    void close() noexcept;

    std::shared_ptr<Module> module_; ///< null: moved from
    unsigned long handle_ = 0;
};

} // namespace ukey::pkcs11
