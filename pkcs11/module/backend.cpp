// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/backend.hpp"

#include <dlfcn.h>

namespace ukey::filter {
namespace {

/// A function that the library defines itself. dlsym looks into the libraries that it needs too, and one of
/// those may be a PKCS#11 module.
template <typename Function>
Function own_symbol(void* library, const char* name, const void* other_symbol) {
    void* symbol = dlsym(library, name);
    Dl_info here{};
    Dl_info there{};
    const bool own = symbol != nullptr && dladdr(symbol, &here) != 0 && dladdr(other_symbol, &there) != 0 &&
                     here.dli_fbase == there.dli_fbase;
    return own ? reinterpret_cast<Function>(symbol) : nullptr;
}

} // namespace

Result<Backend> Backend::load(const std::string& path, CK_C_GetFunctionList own) {
    if (path.empty()) {
        return fail("module.missing", "load the backend", "",
                    "neither UKEY_PKCS11_MODULE nor a module in the configuration file");
    }
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = dlerror();
        return fail("module.not_loadable", "load the backend", path, reason == nullptr ? "" : reason);
    }
    Backend backend(library);
    const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    if (get_list == own) {
        return fail("module.itself", "load the backend", path, "is the filter itself");
    }
    if (get_list == nullptr || get_list(&backend.functions_) != CKR_OK || backend.functions_ == nullptr) {
        return fail("module.not_pkcs11", "load the backend", path, "gives no function list");
    }
    backend.get_function_list_ = get_list;
    const void* beside = reinterpret_cast<const void*>(get_list);
    backend.get_interface_list_ = own_symbol<GetInterfaceList>(library, "C_GetInterfaceList", beside);
    backend.get_interface_ = own_symbol<GetInterface>(library, "C_GetInterface", beside);
    return backend;
}

Backend::Backend(Backend&& other) noexcept
    : library_(other.library_), get_function_list_(other.get_function_list_), functions_(other.functions_),
      get_interface_list_(other.get_interface_list_), get_interface_(other.get_interface_) {
    other.library_ = nullptr;
    other.functions_ = nullptr;
}

Backend::~Backend() {
    if (library_ != nullptr) {
        dlclose(library_);
    }
}

} // namespace ukey::filter
