// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/raw.hpp"

namespace ukey::pkcs11 {
namespace {

/// Handles asked for in one C_FindObjects. Tokens have some ten objects: mostly one call.
constexpr CK_ULONG find_batch = 16;

} // namespace

Result<Session> Session::open(const Slot& slot, Access access) {
    CK_FLAGS flags = CKF_SERIAL_SESSION;
    if (access == Access::read_write) {
        flags |= CKF_RW_SESSION;
    }
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    const CK_RV rv = functions_of(*slot.module()).C_OpenSession(slot.id(), flags, nullptr, nullptr, &handle);
    if (rv != CKR_OK) {
        return call_failed("C_OpenSession", rv);
    }
    return Session(slot.module(), handle);
}

Session::Session(std::shared_ptr<Module> module, unsigned long handle)
    : module_(std::move(module)), handle_(handle) {}

Session::~Session() {
    close();
}

Session::Session(Session&& other) noexcept
    : module_(std::move(other.module_)), handle_(std::exchange(other.handle_, 0)) {}

Session& Session::operator=(Session&& other) noexcept {
    if (this != &other) {
        close();
        module_ = std::move(other.module_);
        handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
}

void Session::close() noexcept {
    if (module_) {
        // The token may be gone, the session with it: nothing to do about an error here.
        functions_of(*module_).C_CloseSession(handle_);
        module_.reset();
    }
}

Result<Session::Found> Session::find(ObjectClass object_class, std::size_t limit) const {
    CK_FUNCTION_LIST& functions = functions_of(*module_);
    CK_OBJECT_CLASS class_value = raw_class(object_class);
    CK_ATTRIBUTE filter{CKA_CLASS, &class_value, sizeof class_value};
    if (const CK_RV rv = functions.C_FindObjectsInit(handle_, &filter, 1); rv != CKR_OK) {
        return call_failed("C_FindObjectsInit", rv);
    }
    Found found;
    CK_RV rv = CKR_OK;
    while (rv == CKR_OK) {
        std::array<CK_OBJECT_HANDLE, find_batch> batch{};
        CK_ULONG count = 0;
        rv = functions.C_FindObjects(handle_, batch.data(), find_batch, &count);
        if (rv != CKR_OK || count == 0) {
            break;
        }
        if (count > find_batch || found.objects.size() + count > limit) {
            found.complete = false;
            count = std::min<CK_ULONG>({count, find_batch, limit - found.objects.size()});
        }
        for (CK_ULONG index = 0; index < count; ++index) {
            found.objects.emplace_back(module_, handle_, batch.at(index));
        }
        if (!found.complete) {
            break;
        }
    }
    functions.C_FindObjectsFinal(handle_);
    if (rv != CKR_OK) {
        return call_failed("C_FindObjects", rv);
    }
    return found;
}

} // namespace ukey::pkcs11
