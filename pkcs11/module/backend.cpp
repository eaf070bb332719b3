// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/backend.hpp"

#include <dlfcn.h>

namespace ukey::filter {

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
    return backend;
}

Backend::Backend(Backend&& other) noexcept : library_(other.library_), functions_(other.functions_) {
    other.library_ = nullptr;
    other.functions_ = nullptr;
}

Backend::~Backend() {
    if (library_ != nullptr) {
        dlclose(library_);
    }
}

} // namespace ukey::filter
