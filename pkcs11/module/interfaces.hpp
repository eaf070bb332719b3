// SPDX-License-Identifier: Apache-2.0
// The interfaces that applications get by C_GetInterfaceList and C_GetInterface (PKCS#11 3.0 §5.4): the
// backend's own, with the filter's functions in the places of some.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "pkcs11/module/backend.hpp"
#include "pkcs11/module/interface_types.hpp"

namespace ukey::filter {

/// Fixed once made: the lists of functions stay where they are, for as long as this lives.
class Interfaces {
  public:
    /// `base` is the list that C_GetFunctionList gives. A backend without interfaces, or none of whose lists
    /// the filter's functions can stand in (overridden_functions_agree), is shown as one with the single
    /// interface of `base`, as which 3.0 §5.4 describes a module of 2.40.
    Interfaces(const Backend& backend, CK_FUNCTION_LIST& base, const FunctionList30& overrides);

    /// As C_GetInterfaceList. The backend judges the arguments, and its order is kept. An interface of the
    /// standard's that the filter cannot stand in is left out: logins through it would go unseen.
    CK_RV list(Interface* interfaces, CK_ULONG_PTR count);

    /// As C_GetInterface. The backend chooses, among those that are not left out.
    CK_RV get(CK_UTF8CHAR_PTR name, CK_VERSION* version, Interface** found, CK_FLAGS flags);

    /// The backend's list of 3.x, which all its lists of 3.x agree with; all NULL where it has none.
    const FunctionList30& backend_functions() const { return backend_functions_; }

  private:
    struct Filtered {
        const void* original; ///< the backend's list
        Interface shown;
        FunctionList32 functions; ///< the part that the version has
    };

    void take(const Interface& original, const CK_FUNCTION_LIST& called, const FunctionList30& overrides);
    Filtered* find(const Interface& original) noexcept;
    CK_RV list_single(Interface* interfaces, CK_ULONG_PTR count) noexcept;
    CK_RV get_single(std::string_view name, const CK_VERSION* version, Interface** found,
                     CK_FLAGS flags) noexcept;

    const Backend& backend_;
    std::vector<std::unique_ptr<Filtered>> filtered_; ///< empty: there is `single_` only
    FunctionList30 backend_functions_{};
    Interface single_;
};

} // namespace ukey::filter
