// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/function_table.hpp"

#include <algorithm>
#include <cstring>

namespace ukey::filter {
namespace {

// A list is its version and then pointers, one after the other (PKCS#11 2.40 §3.6): a place is the offset of
// one.
constexpr std::size_t first_place = offsetof(CK_FUNCTION_LIST, C_Initialize);

Untouched function_at(const void* list, std::size_t place) {
    Untouched function = nullptr;
    std::memcpy(&function, static_cast<const char*>(list) + place, sizeof function);
    return function;
}

bool gives_a_list(std::size_t place) {
    return place == offsetof(CK_FUNCTION_LIST, C_GetFunctionList) ||
           place == offsetof(FunctionList30, get_interface_list) ||
           place == offsetof(FunctionList30, get_interface);
}

} // namespace

void override_functions(void* list, std::size_t list_bytes, const FunctionList30& overrides) {
    const std::size_t end = std::min(list_bytes, sizeof overrides);
    for (std::size_t place = first_place; place < end; place += sizeof(Untouched)) {
        const Untouched override_function = function_at(&overrides, place);
        if (override_function != nullptr && function_at(list, place) != nullptr) {
            std::memcpy(static_cast<char*>(list) + place, &override_function, sizeof override_function);
        }
    }
}

bool overridden_functions_agree(const void* list, const void* called, const FunctionList30& overrides,
                                std::size_t begin, std::size_t end) {
    for (std::size_t place = std::max(begin, first_place); place < end; place += sizeof(Untouched)) {
        const Untouched function = function_at(list, place);
        if (function_at(&overrides, place) != nullptr && function != nullptr && !gives_a_list(place) &&
            function != function_at(called, place)) {
            return false;
        }
    }
    return true;
}

CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const FunctionList30& overrides) {
    CK_FUNCTION_LIST table = backend;
    if (table.version.major >= 3) {
        table.version = CK_VERSION{2, 40};
    }
    override_functions(&table, sizeof table, overrides);
    return table;
}

} // namespace ukey::filter
