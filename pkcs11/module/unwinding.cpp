// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/unwinding.hpp"

#include <cstdlib>
#include <cxxabi.h>
#include <unwind.h>

#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {

void prepare_unwinding() noexcept {
    _Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_END_OF_STACK; }, nullptr);
}

bool can_throw() noexcept {
    // volatile: the compiler must leave out neither, though both have no effect that it knows of.
    void* volatile room = std::malloc(exception_room_bytes);
    if (room == nullptr) {
        return false;
    }
    std::free(room);
    [[maybe_unused]] void* volatile touched = abi::__cxa_get_globals();
    return true;
}

} // namespace ukey::filter
