// SPDX-License-Identifier: Apache-2.0
// The real module behind the filter, loaded.
#pragma once

#include <string>

#include <p11-kit/pkcs11.h>

#include "daemon/core/result.hpp"
#include "pkcs11/module/interface_types.hpp"

namespace ukey::filter {

class Backend {
  public:
    /// Loads the module and takes its function list (PKCS#11 2.40 §5.4: C_GetFunctionList is the one function
    /// that may be called before C_Initialize). `own` is the filter's own C_GetFunctionList: a path that
    /// leads back to it is refused. Errors: `module.missing`, `module.not_loadable`, `module.not_pkcs11`,
    /// `module.itself`.
    static Result<Backend> load(const std::string& path, CK_C_GetFunctionList own);

    Backend(Backend&& other) noexcept;
    Backend& operator=(Backend&&) = delete;
    Backend(const Backend&) = delete; // a copy would unload the library twice
    Backend& operator=(const Backend&) = delete;
    ~Backend();

    /// The backend's own list; lives as long as this object.
    const CK_FUNCTION_LIST& functions() const { return *functions_; }

    /// The backend's own C_GetFunctionList. The entry of that name in its list may lead to another module's,
    /// even to the filter's: to the one that the dynamic linker finds first (RTLD_GLOBAL, LD_PRELOAD).
    CK_C_GetFunctionList get_function_list() const { return get_function_list_; }

    /// Whether it is a module of 3.x: it has both of the following.
    bool has_interfaces() const { return get_interface_list_ != nullptr && get_interface_ != nullptr; }
    GetInterfaceList get_interface_list() const { return get_interface_list_; }
    GetInterface get_interface() const { return get_interface_; }

  private:
    explicit Backend(void* library) : library_(library) {}

    void* library_;
    CK_C_GetFunctionList get_function_list_ = nullptr;
    CK_FUNCTION_LIST_PTR functions_ = nullptr;
    GetInterfaceList get_interface_list_ = nullptr;
    GetInterface get_interface_ = nullptr;
};

} // namespace ukey::filter
