# SPDX-License-Identifier: Apache-2.0
# The filter module in front of the real SoftHSM.
add_executable(filter_test
    ${CMAKE_CURRENT_LIST_DIR}/filter_daemon_away_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_fixture.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_login_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_module_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/filter_process_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/login_peer.cpp
    ${PROJECT_SOURCE_DIR}/pkcs11/module/token_text.cpp
)
add_dependencies(filter_test ukey_pkcs11)
target_compile_definitions(filter_test PRIVATE
    UKEY_FILTER_MODULE="$<TARGET_FILE:ukey_pkcs11>"
    UKEY_SOFTHSM_MODULE="/usr/lib/softhsm/libsofthsm2.so")
if(UKEY_SANITIZE)
    target_compile_definitions(filter_test PRIVATE UKEY_SANITIZED)
endif()
target_include_directories(filter_test SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
target_link_libraries(filter_test PRIVATE ukey_core Threads::Threads ${CMAKE_DL_LIBS} GTest::gtest_main)
gtest_discover_tests(filter_test PROPERTIES LABELS softhsm TIMEOUT 120)
