// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/interfaces.hpp"

#include <algorithm>
#include <cstring>

#include "pkcs11/module/function_table.hpp"

namespace ukey::filter {
namespace {

/// The newest list whose length is known here; a newer one is shown as this.
constexpr CK_VERSION version_max{3, 2};

bool is_standard(const Interface& interface) {
    return interface.name != nullptr && interface.functions != nullptr &&
           standard_interface == reinterpret_cast<const char*>(interface.name);
}

/// What every list begins with.
CK_VERSION version_of(const Interface& interface) {
    return *static_cast<const CK_VERSION*>(interface.functions);
}

bool same(CK_VERSION one, CK_VERSION other) {
    return one.major == other.major && one.minor == other.minor;
}

CK_VERSION shown_version(CK_VERSION version) {
    const bool newer = version.major > version_max.major ||
                       (version.major == version_max.major && version.minor > version_max.minor);
    return newer ? version_max : version;
}

std::size_t list_bytes(CK_VERSION version) {
    if (version.major < 3) {
        return sizeof(CK_FUNCTION_LIST);
    }
    return version.major == 3 && version.minor < 2 ? sizeof(FunctionList30) : sizeof(FunctionList32);
}

std::vector<Interface> interfaces_of(const Backend& backend) {
    CK_ULONG count = 0;
    if (!backend.has_interfaces() || backend.get_interface_list()(nullptr, &count) != CKR_OK) {
        return {};
    }
    std::vector<Interface> found(count);
    if (backend.get_interface_list()(found.data(), &count) != CKR_OK) {
        return {};
    }
    found.resize(std::min<std::size_t>(count, found.size()));
    return found;
}

} // namespace

Interfaces::Interfaces(const Backend& backend, CK_FUNCTION_LIST& base, const FunctionList30& overrides)
    : backend_(backend), single_{
                             reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(standard_interface.data())),
                             &base, 0} {
    for (const Interface& original : interfaces_of(backend)) {
        if (is_standard(original)) {
            take(original, backend.functions(), overrides);
        }
    }
}

void Interfaces::take(const Interface& original, const CK_FUNCTION_LIST& called,
                      const FunctionList30& overrides) {
    const CK_VERSION version = version_of(original);
    if (!overridden_functions_agree(original.functions, &called, overrides, 0, sizeof called)) {
        return;
    }
    if (version.major >= 3) {
        if (backend_functions_.base.version.major == 0) {
            std::memcpy(&backend_functions_, original.functions, sizeof backend_functions_);
        } else if (!overridden_functions_agree(original.functions, &backend_functions_, overrides,
                                               sizeof called, sizeof backend_functions_)) {
            return;
        }
    }
    auto filtered = std::make_unique<Filtered>();
    filtered->original = original.functions;
    filtered->shown = {original.name, &filtered->functions, original.flags};
    const std::size_t bytes = list_bytes(version);
    std::memcpy(&filtered->functions, original.functions, bytes);
    override_functions(&filtered->functions, bytes, overrides);
    filtered->functions.base.base.version = shown_version(version);
    filtered_.push_back(std::move(filtered));
}

/// What is shown for an interface of the standard's. A backend may give the same interface in another place
/// each time.
Interfaces::Filtered* Interfaces::find(const Interface& original) noexcept {
    const auto same_list = [&](const auto& one) {
        return one->original == original.functions && one->shown.flags == original.flags;
    };
    const auto same_kind = [&](const auto& one) {
        return same(version_of(one->shown), shown_version(version_of(original))) &&
               one->shown.flags == original.flags;
    };
    auto found = std::ranges::find_if(filtered_, same_list);
    if (found == filtered_.end()) {
        found = std::ranges::find_if(filtered_, same_kind);
    }
    return found == filtered_.end() ? nullptr : found->get();
}

CK_RV Interfaces::list(Interface* interfaces, CK_ULONG_PTR count) {
    if (filtered_.empty()) {
        return list_single(interfaces, count);
    }
    const CK_RV rv = backend_.get_interface_list()(interfaces, count);
    if (rv != CKR_OK || interfaces == nullptr) {
        return rv;
    }
    CK_ULONG kept = 0;
    for (CK_ULONG index = 0; index < *count; ++index) {
        Interface one = interfaces[index];
        if (is_standard(one)) {
            const Filtered* filtered = find(one);
            if (filtered == nullptr) {
                continue;
            }
            one.functions = filtered->shown.functions;
        }
        interfaces[kept++] = one;
    }
    *count = kept;
    return CKR_OK;
}

CK_RV Interfaces::list_single(Interface* interfaces, CK_ULONG_PTR count) noexcept {
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

CK_RV Interfaces::get(CK_UTF8CHAR_PTR name, CK_VERSION* version, Interface** found, CK_FLAGS flags) {
    if (filtered_.empty()) {
        const char* text = reinterpret_cast<const char*>(name);
        return get_single(text == nullptr ? standard_interface : text, version, found, flags);
    }
    const CK_RV rv = backend_.get_interface()(name, version, found, flags);
    if (rv != CKR_OK || *found == nullptr || !is_standard(**found)) {
        return rv;
    }
    if (Filtered* filtered = find(**found)) {
        *found = &filtered->shown;
        return CKR_OK;
    }
    // The backend's choice is left out: another one that is as good an answer, if there is one.
    const auto answers = [&](const auto& one) {
        return (version == nullptr || same(version_of(one->shown), *version)) &&
               (one->shown.flags & flags) == flags;
    };
    const auto other = std::ranges::find_if(filtered_, answers);
    *found = other == filtered_.end() ? nullptr : &(*other)->shown;
    return other == filtered_.end() ? CKR_FUNCTION_FAILED : CKR_OK;
}

CK_RV Interfaces::get_single(std::string_view name, const CK_VERSION* version, Interface** found,
                             CK_FLAGS flags) noexcept {
    if (found == nullptr) {
        return CKR_ARGUMENTS_BAD;
    }
    const bool wanted = name == standard_interface && flags == 0 &&
                        (version == nullptr || same(*version, version_of(single_)));
    if (!wanted) {
        return CKR_FUNCTION_FAILED;
    }
    *found = &single_;
    return CKR_OK;
}

} // namespace ukey::filter
