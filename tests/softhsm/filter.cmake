# SPDX-License-Identifier: Apache-2.0
# The filter module in front of the real SoftHSM.
add_executable(filter_test
    ${CMAKE_CURRENT_LIST_DIR}/fault_fixture.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_cancellation_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_configuration_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_daemon_away_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_fixture.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_interface_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_loading_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_login_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_module_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_process_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_pulled_token_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_several_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/login_client_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/login_connection_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/login_message_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/login_peer.cpp
    ${CMAKE_CURRENT_LIST_DIR}/session_tracker_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/token_cache_test.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/configuration.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/login_client.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/login_connection.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/login_message.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/login_signature.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/session_tracker.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/token_cache.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/token_text.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/use_counter.cpp
)
add_library(interface_module MODULE ${CMAKE_CURRENT_LIST_DIR}/interface_module.cpp)
set_target_properties(interface_module PROPERTIES PREFIX "")
# With a sanitizer the compiler leaves std::ranges::copy in it as one object for the whole process (STB_GNU_UNIQUE), and a
# library that has such a symbol stays loaded, with the lists of the kind that it had first.
target_link_options(interface_module PRIVATE "LINKER:--version-script=${PROJECT_SOURCE_DIR}/pkcs11/module/exports.map")
target_compile_definitions(interface_module PRIVATE UKEY_SOFTHSM_MODULE="/usr/lib/softhsm/libsofthsm2.so")
target_include_directories(interface_module SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(interface_module PRIVATE ukey_compile ${CMAKE_DL_LIBS})
add_dependencies(filter_test fault_module ukey_pkcs11 interface_module)
add_library(reusing_module MODULE ${CMAKE_CURRENT_LIST_DIR}/reusing_module.cpp)
set_target_properties(reusing_module PROPERTIES PREFIX "")
target_include_directories(reusing_module SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(reusing_module PRIVATE ukey_compile)
add_dependencies(filter_test reusing_module)
target_compile_definitions(filter_test PRIVATE
    UKEY_REUSING_MODULE="$<TARGET_FILE:reusing_module>"
    UKEY_FAULT_MODULE="$<TARGET_FILE:fault_module>"
    UKEY_FILTER_MODULE="$<TARGET_FILE:ukey_pkcs11>"
    UKEY_INTERFACE_MODULE="$<TARGET_FILE:interface_module>"
    UKEY_OPENSC_MODULE="/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/opensc-pkcs11.so"
    UKEY_SOFTHSM_MODULE="/usr/lib/softhsm/libsofthsm2.so")
if(UKEY_SANITIZE)
    target_compile_definitions(filter_test PRIVATE UKEY_SANITIZED)
endif()
target_include_directories(filter_test SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(filter_test PRIVATE ukey_core Threads::Threads ${CMAKE_DL_LIBS} GTest::gtest_main)
gtest_discover_tests(filter_test PROPERTIES LABELS softhsm TIMEOUT 120)

# The part of it that signs, by itself: each way that a module may offer.
add_executable(login_signature_test
    ${CMAKE_CURRENT_LIST_DIR}/login_signature_test.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/login_signature.cpp
)
target_include_directories(login_signature_test SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(login_signature_test PRIVATE softhsm_token ukey_core ${CMAKE_DL_LIBS} GTest::gtest_main)
gtest_discover_tests(login_signature_test PROPERTIES LABELS softhsm TIMEOUT 120)

# What calls cost beyond time. A sanitizer has its own malloc.
if(NOT UKEY_SANITIZE)
    add_executable(filter_memory_test
        ${CMAKE_CURRENT_LIST_DIR}/fault_fixture.cpp
        ${CMAKE_CURRENT_LIST_DIR}/filter_fixture.cpp
        ${CMAKE_CURRENT_LIST_DIR}/filter_memory_test.cpp
        ${CMAKE_CURRENT_LIST_DIR}/login_peer.cpp)
    add_dependencies(filter_memory_test fault_module ukey_pkcs11)
    target_compile_definitions(filter_memory_test PRIVATE
        UKEY_FAULT_MODULE="$<TARGET_FILE:fault_module>"
        UKEY_FILTER_MODULE="$<TARGET_FILE:ukey_pkcs11>"
        UKEY_SOFTHSM_MODULE="/usr/lib/softhsm/libsofthsm2.so")
    target_include_directories(filter_memory_test SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
    target_link_libraries(filter_memory_test PRIVATE ukey_core Threads::Threads ${CMAKE_DL_LIBS} GTest::gtest_main)
    gtest_discover_tests(filter_memory_test PROPERTIES LABELS softhsm TIMEOUT 120)
    add_executable(filter_calls ${CMAKE_CURRENT_LIST_DIR}/filter_calls.cpp)
    target_include_directories(filter_calls SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
    target_link_libraries(filter_calls PRIVATE ukey_compile ${CMAKE_DL_LIBS})
    add_dependencies(filter_calls ukey_pkcs11)
    add_test(NAME filter_cost_test COMMAND python3 -B -m unittest -v filter_cost_test
        WORKING_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")
    set_tests_properties(filter_cost_test PROPERTIES LABELS softhsm TIMEOUT 120
        ENVIRONMENT "UKEY_BUILD_DIR=${PROJECT_BINARY_DIR}" SKIP_REGULAR_EXPRESSION "OK \\(skipped=")
endif()
