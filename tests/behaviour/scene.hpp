// SPDX-License-Identifier: Apache-2.0
// A module under observation, and how far a behaviour needs it prepared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/module/interface_types.hpp"

namespace ukey::behaviour {

constexpr std::string_view user_pin = "123456";
constexpr std::string_view so_pin = "87654321";
constexpr CK_ULONG invalid_handle = 0xFFF1;

CK_UTF8CHAR_PTR bytes_of(std::string_view text);

class Scene {
  public:
    /// Loads the module; ends the program with exit code 3 when it can't.
    explicit Scene(std::string path, int flags = 2 /* RTLD_NOW */);
    Scene(const Scene&) = delete; // a copy would unload the library twice
    Scene& operator=(const Scene&) = delete;
    ~Scene();

    void unload();
    const std::string& path() const { return path_; }
    CK_FUNCTION_LIST& p11() const { return *functions_; }
    CK_C_GetFunctionList get_function_list() const;
    void* symbol(const char* name) const;
    /// The list of 3.x, where the module has one.
    const filter::FunctionList30* list_3x() const;

    /// C_Initialize for several threads, and the slot of the first token.
    void initialize();
    /// The same without a line, where it is done many times; CKR_TOKEN_NOT_PRESENT when there is no token.
    CK_RV initialize_quietly();
    CK_SLOT_ID slot() const { return slot_; }
    CK_SESSION_HANDLE open(CK_FLAGS more = 0) const;
    CK_RV login(CK_SESSION_HANDLE session, std::string_view pin = user_pin,
                CK_USER_TYPE user = CKU_USER) const;
    CK_STATE state(CK_SESSION_HANDLE session) const;
    /// The first object of a class and key type; 0 when there is none.
    CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class, CK_KEY_TYPE type) const;

    /// C_SignInit and C_Sign by the P-256 key.
    CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) const;

  private:
    std::string path_;
    void* library_ = nullptr;
    CK_FUNCTION_LIST_PTR functions_ = nullptr;
    CK_SLOT_ID slot_ = 0;
};

/// Every entry of a function list from C_Initialize on, as something that takes eight words, in the list's
/// order.
using AnyFunction = CK_RV (*)(CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG);
std::vector<AnyFunction> entries_of(const CK_FUNCTION_LIST& list);
std::vector<AnyFunction> entries_of(const filter::FunctionList30& list);

} // namespace ukey::behaviour
