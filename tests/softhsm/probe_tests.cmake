# SPDX-License-Identifier: Apache-2.0
# Tests of pkcs11/client and daemon/probe.

# Loaded by the worker under test; p11-kit's header only.
add_library(fault_module MODULE ${CMAKE_CURRENT_LIST_DIR}/fault_module.cpp)
target_include_directories(fault_module PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(fault_module PRIVATE ukey_compile)
set_target_properties(fault_module PROPERTIES PREFIX "")

add_library(softhsm_token STATIC
    ${CMAKE_CURRENT_LIST_DIR}/softhsm_token.cpp
    ${CMAKE_CURRENT_LIST_DIR}/../support/temporary_folder.cpp
)
target_link_libraries(softhsm_token PUBLIC ukey_compile)

foreach(test pkcs11_client_test worker_test)
    add_executable(${test} ${CMAKE_CURRENT_LIST_DIR}/${test}.cpp)
    target_compile_definitions(${test} PRIVATE
        UKEY_FAULT_MODULE="$<TARGET_FILE:fault_module>"
        UKEY_PROBE="$<TARGET_FILE:ukey-probe>"
        UKEY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_dependencies(${test} fault_module ukey-probe)
    target_link_libraries(${test} PRIVATE
        softhsm_token ukey_pkcs11_client ukey_worker ukey_core GTest::gtest_main)
    gtest_discover_tests(${test} PROPERTIES TIMEOUT 120)
endforeach()
target_link_libraries(worker_test PRIVATE spdlog::spdlog)
