// SPDX-License-Identifier: Apache-2.0
// The interfaces that applications get by C_GetInterfaceList and C_GetInterface (PKCS#11 3.0 §5.4): the
// backend's own, with the filter's functions in the places of some.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "pkcs11/module/backend.hpp"
#include "pkcs11/module/interface_types.hpp"

namespace ukey::filter {

/// Fixed once made: the lists of functions stay where they are, for as long as this lives.
class Interfaces {
  public:
    /// `base` is the list that C_GetFunctionList gives. A backend without interfaces is shown as one with the
    /// single interface of that list, as which 3.0 §5.4 describes a module of 2.40.
    Interfaces(const Backend& backend, CK_FUNCTION_LIST& base, const FunctionList30& overrides);

    /// As C_GetInterfaceList. The backend, if it has interfaces, judges the arguments and counts; its order
    /// is kept.
    CK_RV list(Interface* interfaces, CK_ULONG_PTR count) noexcept;

    /// As C_GetInterface. The backend chooses; an interface of the standard's that its own list does not hold
    /// is none (CKR_FUNCTION_FAILED).
    CK_RV get(CK_UTF8CHAR_PTR name, CK_VERSION* version, Interface** found, CK_FLAGS flags) noexcept;

    /// The backend's functions that 3.x has and 2.40 has not, from the first interface that has them; NULL
    /// where none has. Only those that the filter overrides are filled in.
    const FunctionList30& backend_functions() const { return backend_functions_; }

  private:
    struct Filtered {
        const void* original; ///< the backend's list
        Interface shown;
        FunctionList32 functions; ///< the part that the version has
    };

    void add(const Interface& original, const FunctionList30& overrides);
    Interface* filtered(const Interface& original) noexcept;
    CK_RV get_single(std::string_view name, const CK_VERSION* version, Interface** found,
                     CK_FLAGS flags) noexcept;

    const Backend& backend_;
    std::vector<std::unique_ptr<Filtered>> filtered_;
    FunctionList30 backend_functions_{};
    Interface single_;
};

} // namespace ukey::filter
