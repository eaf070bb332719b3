// SPDX-License-Identifier: Apache-2.0
// What exceptions and cancelled threads (pthread_cancel(3) unwinds their stack as an exception does) need in
// a library that has the C++ library and the unwinder in it.
#pragma once

namespace ukey::filter {

/// To be called once before the backend is. The module's copy of the unwinder sets itself up when something
/// in the module throws. When the backend throws, or the application cancels a thread in it, another copy is
/// at work, which asks this one only for the filter's own frames: and it aborts when it is not set up.
void prepare_unwinding() noexcept;

/// Whether this thread can throw. To be asked before what may run out of memory; costs one allocation, given
/// back at once. (The C++ library keeps a few bytes for each thread that throws. They are thread-local: the
/// dynamic linker allocates them at a thread's first use of them, and ends the process when there is no
/// memory, just when std::bad_alloc is to be thrown and caught.)
bool can_throw() noexcept;

} // namespace ukey::filter
