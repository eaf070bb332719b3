# SPDX-License-Identifier: Apache-2.0
# How everything of ours is compiled: link `ukey_compile` and get the warnings (as errors) and sanitizers.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    # ccache(1): with precompiled headers it needs these two liberties, and GCC -fpch-preprocess.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
    endif()
    set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(ukey_compile INTERFACE)
target_compile_options(ukey_compile INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 finds overflows in its own string and vector when it optimises (GCC bugs 105329, 105651): seen, not fatal.
    target_compile_options(ukey_compile INTERFACE -Wno-error=array-bounds -Wno-error=stringop-overflow)
endif()
target_include_directories(ukey_compile INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(ukey_compile INTERFACE UKEY_VERSION="${PROJECT_VERSION}" $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    # clang 14 knows C++20 coroutines but does not announce them in the macro that libstdc++ looks at.
    target_compile_options(ukey_compile INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-Wno-builtin-macro-redefined -Wno-reserved-id-macro -D__cpp_impl_coroutine=201902L>)
endif()

if(UKEY_SANITIZE MATCHES "thread")
    # GCC's ThreadSanitizer does not know fences and says so by a warning (-Wtsan); Asio can do without them.
    target_compile_definitions(ukey_compile INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

if(UKEY_SANITIZE)
    target_compile_options(ukey_compile INTERFACE -fsanitize=${UKEY_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(ukey_compile INTERFACE -fsanitize=${UKEY_SANITIZE})
endif()
