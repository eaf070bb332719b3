// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/interfaces.hpp"

#include <algorithm>
#include <cstring>

#include "pkcs11/module/function_table.hpp"

namespace ukey::filter {
namespace {

/// A backend with more is not of this world.
constexpr CK_ULONG interfaces_max = 64;
/// The newest list whose length is known here; a newer one is shown as this.
constexpr CK_VERSION version_max{3, 2};

bool is_standard(const Interface& interface) {
    return interface.name != nullptr && standard_interface == reinterpret_cast<const char*>(interface.name);
}

std::size_t list_bytes(CK_VERSION version) {
    if (version.major < 3) {
        return sizeof(CK_FUNCTION_LIST);
    }
    return version.major == 3 && version.minor < 2 ? sizeof(FunctionList30) : sizeof(FunctionList32);
}

bool is_newer(CK_VERSION version, CK_VERSION than) {
    return version.major > than.major || (version.major == than.major && version.minor > than.minor);
}

template <typename Function>
void take_first(Function& kept, Function offered) {
    if (kept == nullptr) {
        kept = offered;
    }
}

} // namespace

Interfaces::Interfaces(const Backend& backend, CK_FUNCTION_LIST& base, const FunctionList30& overrides)
    : backend_(backend), single_{
                             reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(standard_interface.data())),
                             &base, 0} {
    CK_ULONG count = 0;
    if (!backend.has_interfaces() || backend.get_interface_list()(nullptr, &count) != CKR_OK) {
        return;
    }
    std::vector<Interface> originals(std::min(count, interfaces_max));
    count = originals.size();
    if (backend.get_interface_list()(originals.data(), &count) != CKR_OK) {
        return;
    }
    originals.resize(std::min<std::size_t>(count, originals.size()));
    for (const Interface& original : originals) {
        if (is_standard(original) && original.functions != nullptr) {
            add(original, overrides);
        }
    }
}

void Interfaces::add(const Interface& original, const FunctionList30& overrides) {
    auto filtered = std::make_unique<Filtered>();
    filtered->original = original.functions;
    filtered->shown = original;
    filtered->shown.functions = &filtered->functions;
    CK_FUNCTION_LIST& base = filtered->functions.base.base;
    const CK_VERSION version =
        *static_cast<const CK_VERSION*>(original.functions); // what every list begins with
    std::memcpy(&filtered->functions, original.functions, list_bytes(version));
    override_functions(base, overrides.base);
    if (is_newer(version, version_max)) {
        base.version = version_max;
    }
    if (version.major >= 3) {
        FunctionList30& functions = filtered->functions.base;
        take_first(backend_functions_.login_user, functions.login_user);
        take_first(backend_functions_.message_sign_init, functions.message_sign_init);
        take_first(backend_functions_.sign_message, functions.sign_message);
        take_first(backend_functions_.sign_message_next, functions.sign_message_next);
        override_functions(functions, overrides);
    }
    filtered_.push_back(std::move(filtered));
}

Interface* Interfaces::filtered(const Interface& original) noexcept {
    const auto found =
        std::ranges::find(filtered_, original.functions, [](const auto& one) { return one->original; });
    return found == filtered_.end() ? nullptr : &(*found)->shown;
}

CK_RV Interfaces::list(Interface* interfaces, CK_ULONG_PTR count) noexcept {
    if (backend_.has_interfaces()) {
        const CK_RV rv = backend_.get_interface_list()(interfaces, count);
        for (CK_ULONG index = 0; rv == CKR_OK && interfaces != nullptr && index < *count; ++index) {
            if (const Interface* shown = filtered(interfaces[index])) {
                interfaces[index] = *shown;
            }
        }
        return rv;
    }
    if (count == nullptr) {
        return CKR_ARGUMENTS_BAD;
    }
    const bool fits = interfaces == nullptr || *count >= 1;
    if (interfaces != nullptr && fits) {
        *interfaces = single_;
    }
    *count = 1;
    return fits ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}

CK_RV Interfaces::get(CK_UTF8CHAR_PTR name, CK_VERSION* version, Interface** found, CK_FLAGS flags) noexcept {
    if (!backend_.has_interfaces()) {
        const char* text = reinterpret_cast<const char*>(name);
        return get_single(text == nullptr ? standard_interface : text, version, found, flags);
    }
    const CK_RV rv = backend_.get_interface()(name, version, found, flags);
    if (rv != CKR_OK || *found == nullptr) {
        return rv;
    }
    if (Interface* shown = filtered(**found)) {
        *found = shown;
    } else if (is_standard(**found)) {
        *found = nullptr; // its logins would go unseen
        return CKR_FUNCTION_FAILED;
    }
    return CKR_OK;
}

CK_RV Interfaces::get_single(std::string_view name, const CK_VERSION* version, Interface** found,
                             CK_FLAGS flags) noexcept {
    if (found == nullptr) {
        return CKR_ARGUMENTS_BAD;
    }
    const CK_VERSION own = static_cast<const CK_FUNCTION_LIST*>(single_.functions)->version;
    const bool wanted = name == standard_interface && flags == 0 &&
                        (version == nullptr || (version->major == own.major && version->minor == own.minor));
    if (!wanted) {
        return CKR_FUNCTION_FAILED;
    }
    *found = &single_;
    return CKR_OK;
}

} // namespace ukey::filter
