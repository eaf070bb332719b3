# SPDX-License-Identifier: Apache-2.0
# The Debian packages.
#
#   include(UkeyPackage)      before the folders: how a packaged build is compiled
#   add_subdirectory(...)
#   ukey_define_packages()    after them: what else is installed, and CPack
#
# What the folders install without a COMPONENT belongs to the package ukeyd; the filter says COMPONENT filter.
# Manual pages and completions are made from the tables of the command lines (tools/documents) into UKEY_DOCUMENTS_DIR.

option(UKEY_PACKAGE "Build as for the Debian packages: hardened, the same bytes wherever and whenever it is built" OFF)
set(UKEY_DOCUMENTS_DIR "${PROJECT_BINARY_DIR}/documents" CACHE PATH "Generated manual pages and completions")
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME service)

if(UKEY_PACKAGE)
    # Units, maintainer scripts and the paths that are compiled in all say /usr.
    if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        message(FATAL_ERROR "UKEY_PACKAGE: CMAKE_INSTALL_PREFIX must be /usr, not ${CMAKE_INSTALL_PREFIX}")
    endif()
    # Debian's own set (dpkg-buildflags --get CXXFLAGS, hardening=+all) where UkeyCompile does not set it already. Of several
    # maps that fit, GCC takes the last: the build folder can be anywhere. The debug symbols are not to say the compiler's
    # options: ccache puts them in another order.
    add_compile_options(
        "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=." "-ffile-prefix-map=${PROJECT_BINARY_DIR}=./build"
        -gno-record-gcc-switches -fstack-protector-strong -Wformat -Werror=format-security)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
        add_compile_options(-fstack-clash-protection -fcf-protection)
    endif()
    # The build identifier joins a program with its debug symbols.
    add_link_options(LINKER:-z,relro LINKER:-z,now LINKER:--build-id=sha1)
endif()

# One source of the version: the changelog's first line; its upstream part has to be the project's.
function(ukey_read_changelog revision_variable)
    file(STRINGS "${PROJECT_SOURCE_DIR}/packaging/changelog" first_line LIMIT_COUNT 1)
    if(NOT first_line MATCHES "^ukey \\(([0-9.]+)-([0-9a-z.~+]+)\\) ")
        message(FATAL_ERROR "packaging/changelog: the first line names no version")
    endif()
    if(NOT CMAKE_MATCH_1 VERSION_EQUAL PROJECT_VERSION)
        message(FATAL_ERROR "packaging/changelog is at ${CMAKE_MATCH_1}, the project at ${PROJECT_VERSION}")
    endif()
    set(${revision_variable} "${CMAKE_MATCH_2}" PARENT_SCOPE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/packaging/changelog")
endfunction()

# The way of an installed file through gzip. -n: neither name nor time in it.
function(ukey_install_compressed component file destination)
    install(CODE "set(file \"${file}\")\nset(compressed \"${PROJECT_BINARY_DIR}/compressed/${destination}.gz\")
set(destination \"${CMAKE_INSTALL_DATADIR}/${destination}\")" COMPONENT ${component})
    install(CODE [[
        cmake_path(GET compressed PARENT_PATH folder)
        file(MAKE_DIRECTORY "${folder}")
        execute_process(COMMAND gzip -9nc "${file}" OUTPUT_FILE "${compressed}" COMMAND_ERROR_IS_FATAL ANY)
        cmake_path(GET destination PARENT_PATH destination)
        file(INSTALL FILES "${compressed}" DESTINATION "${CMAKE_INSTALL_PREFIX}/${destination}")
        ]] COMPONENT ${component})
endfunction()

# What Debian asks of every package.
function(ukey_install_package_documents component package)
    set(folder "${CMAKE_INSTALL_DATADIR}/doc/${package}")
    install(FILES "${PROJECT_SOURCE_DIR}/packaging/copyright" DESTINATION "${folder}" COMPONENT ${component})
    if(EXISTS "${PROJECT_SOURCE_DIR}/packaging/${package}/lintian-overrides")
        install(FILES "${PROJECT_SOURCE_DIR}/packaging/${package}/lintian-overrides"
                DESTINATION "${CMAKE_INSTALL_DATADIR}/lintian/overrides" RENAME ${package} COMPONENT ${component})
    endif()
    ukey_install_compressed(${component} "${PROJECT_SOURCE_DIR}/packaging/changelog" doc/${package}/changelog.Debian)
    ukey_install_compressed(${component} "${PROJECT_SOURCE_DIR}/CHANGELOG.md" doc/${package}/changelog)
endfunction()

function(ukey_install_system_files)
    set(system "${PROJECT_SOURCE_DIR}/daemon/system")
    install(FILES "${system}/ukeyd.service" "${system}/ukeyd-login.socket" "${system}/ukeyd-control.socket"
                  "${system}/ukey-probe@.service" "${system}/ukey-probe@.socket"
                  "${system}/ukey-report.service" "${system}/ukey-report.timer"
            DESTINATION lib/systemd/system)
    install(FILES "${system}/sysusers.conf" DESTINATION lib/sysusers.d RENAME ukeyd.conf)
    install(FILES "${system}/tmpfiles.conf" DESTINATION lib/tmpfiles.d RENAME ukeyd.conf)
    install(FILES "${system}/opensc-pkcs11.module" DESTINATION share/p11-kit/modules COMPONENT filter)
    # OpenSC's path has the architecture in it.
    foreach(name IN ITEMS ukeyd.toml pkcs11.conf)
        configure_file("${system}/${name}.in" "${PROJECT_BINARY_DIR}/system/${name}" @ONLY)
    endforeach()
    install(FILES "${PROJECT_BINARY_DIR}/system/ukeyd.toml" DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/ukeyd")
    install(FILES "${PROJECT_BINARY_DIR}/system/pkcs11.conf" DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/ukeyd"
            COMPONENT filter)
    install(DIRECTORY DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/ukeyd/trust")
endfunction()

function(ukey_install_udev_files)
    set(udev "${PROJECT_SOURCE_DIR}/udev")
    set(made "${PROJECT_BINARY_DIR}/udev")
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    file(MAKE_DIRECTORY "${made}")
    add_custom_command(
        OUTPUT "${made}/60-ukey.hwdb" "${made}/70-ukey.rules" "${made}/93-ukey-power.rules"
        COMMAND Python3::Interpreter "${udev}/make_rules.py" --csv "${udev}/usb_keys.csv" --hwdb "${made}/60-ukey.hwdb"
                --rules "${made}/70-ukey.rules" --power-rules "${made}/93-ukey-power.rules"
        DEPENDS "${udev}/make_rules.py" "${udev}/usb_keys.csv"
        COMMENT "Making udev's rules and hardware database"
        VERBATIM)
    add_custom_target(ukey_udev ALL DEPENDS "${made}/60-ukey.hwdb" "${made}/70-ukey.rules" "${made}/93-ukey-power.rules")
    install(FILES "${made}/70-ukey.rules" "${made}/93-ukey-power.rules" DESTINATION lib/udev/rules.d)
    install(FILES "${made}/60-ukey.hwdb" DESTINATION lib/udev/hwdb.d)
endfunction()

function(ukey_install_documents)
    set(docs "${PROJECT_SOURCE_DIR}/docs")
    install(FILES "${docs}/user-guide.md" "${docs}/user-guide.zh-CN.md" "${docs}/diagnosis.md" "${docs}/findings.md" "${docs}/packages.md"
                  "${docs}/threat-model.md" "${docs}/worked-example.md"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/ukeyd")
    install(DIRECTORY "${docs}/formats" "${docs}/pictures" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/ukeyd")

    # In English, and manual pages in every language of the catalogue.
    set(commands
        COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C.UTF-8 LANGUAGE=en
                $<TARGET_FILE:ukey-documents> "${UKEY_DOCUMENTS_DIR}")
    foreach(language IN ITEMS zh_CN)
        list(APPEND commands
            COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=${language}.UTF-8 "UKEY_LOCALE_DIR=${PROJECT_BINARY_DIR}/locale"
                    $<TARGET_FILE:ukey-documents> "${UKEY_DOCUMENTS_DIR}/${language}")
    endforeach()
    add_custom_command(OUTPUT "${UKEY_DOCUMENTS_DIR}/man/ukeyctl.1" ${commands}
        DEPENDS ukey-documents ukey_locale COMMENT "Writing manual pages and completions" VERBATIM)
    add_custom_target(ukey_documents ALL DEPENDS "${UKEY_DOCUMENTS_DIR}/man/ukeyctl.1")

    set(completions "${UKEY_DOCUMENTS_DIR}/completions")
    install(FILES "${completions}/ukeyctl.bash" DESTINATION share/bash-completion/completions RENAME ukeyctl OPTIONAL)
    install(FILES "${completions}/_ukeyctl" DESTINATION share/zsh/vendor-completions OPTIONAL)
    install(FILES "${completions}/ukeyctl.fish" DESTINATION share/fish/vendor_completions.d OPTIONAL)
    # At installation, because the pages may be made by the build.
    install(CODE "set(documents \"${UKEY_DOCUMENTS_DIR}\")\nset(compressed \"${PROJECT_BINARY_DIR}/compressed\")
set(manuals \"${CMAKE_INSTALL_MANDIR}\")" COMPONENT service)
    install(CODE [[
        file(GLOB pages RELATIVE "${documents}" "${documents}/man/*.[1-9]" "${documents}/*/man/*.[1-9]")
        foreach(page IN LISTS pages)
            string(REGEX MATCH "^(.*/)?man/.*([1-9])$" matched "${page}")
            set(folder "${CMAKE_MATCH_1}man${CMAKE_MATCH_2}")
            cmake_path(GET page FILENAME name)
            file(MAKE_DIRECTORY "${compressed}/${folder}")
            execute_process(COMMAND gzip -9nc "${documents}/${page}" OUTPUT_FILE "${compressed}/${folder}/${name}.gz"
                            COMMAND_ERROR_IS_FATAL ANY)
            file(INSTALL FILES "${compressed}/${folder}/${name}.gz"
                 DESTINATION "${CMAKE_INSTALL_PREFIX}/${manuals}/${folder}")
        endforeach()
        ]] COMPONENT service)
endfunction()

# A macro: CPack reads the variables of the scope that includes it.
macro(ukey_define_packages)
    if(UKEY_PACKAGE)
        ukey_install_system_files()
        ukey_install_udev_files()
        ukey_install_documents()
        ukey_install_package_documents(service ukeyd)
        ukey_install_package_documents(filter ukey-pkcs11)

        ukey_read_changelog(CPACK_DEBIAN_PACKAGE_RELEASE)
        set(CPACK_GENERATOR DEB)
        set(CPACK_PACKAGE_NAME ukey)
        set(CPACK_PACKAGE_CONTACT "U-Key maintainers <maintainers@ukey.example>")
        # Otherwise CPack writes it above each package's own description.
        set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
        set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
        set(CPACK_COMPONENTS_ALL service filter)
        set(CPACK_DEB_COMPONENT_INSTALL ON)
        set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
        set(CPACK_DEBIAN_PACKAGE_SOURCE ukey)
        set(CPACK_DEBIAN_PACKAGE_SECTION utils)
        set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
        # Makes .ddeb files that packaging/repack_debug_package has to put right.
        set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
        set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
        # Two threads split xz's stream elsewhere than one.
        set(CPACK_THREADS 1)
        # For the control files. Folders still get their modes from the umask (CMake 3.25 has no effective setting for
        # packages with paths outside /usr): ./dev package sets it.
        set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

        set(scripts "${PROJECT_SOURCE_DIR}/packaging/ukeyd")
        set(CPACK_DEBIAN_SERVICE_PACKAGE_NAME ukeyd)
        set(CPACK_DEBIAN_SERVICE_DESCRIPTION "U-Key hardware integration service
A U-Key is a USB token with a certificate and a private key behind a PIN.
This service sees which key is plugged in, checks its certificate, knows
which organisation it belongs to, says whether it may log in, records each
login and counts the logins of a month.

The package has the service, its workers for PKCS#11 modules, the command
ukeyctl, and udev rules for known keys. Logins are seen by the module of the
package ukey-pkcs11.")
        # systemd, udev: sysusers, tmpfiles and the hardware database, in postinst.
        set(CPACK_DEBIAN_SERVICE_PACKAGE_DEPENDS "systemd, udev")
        # The way to a key of the default configuration. A workstation with a vendor's module only can do without it.
        set(CPACK_DEBIAN_SERVICE_PACKAGE_RECOMMENDS
            "libccid, opensc-pkcs11, pcscd, ukey-pkcs11 (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
        set(CPACK_DEBIAN_SERVICE_PACKAGE_SUGGESTS "opensc")
        set(CPACK_DEBIAN_SERVICE_PACKAGE_CONTROL_EXTRA
            "${scripts}/conffiles;${scripts}/postinst;${scripts}/prerm;${scripts}/postrm")

        set(scripts "${PROJECT_SOURCE_DIR}/packaging/ukey-pkcs11")
        set(CPACK_DEBIAN_FILTER_PACKAGE_NAME ukey-pkcs11)
        set(CPACK_DEBIAN_FILTER_DESCRIPTION "PKCS#11 filter module that reports U-Key logins
Applications load this module in place of the real one, OpenSC's or a
vendor's. It passes everything on, asks the U-Key service before a login and
reports logins and the use of private keys to it.

For applications that use p11-kit it takes OpenSC's place by itself; others
load /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/pkcs11/ukey-pkcs11.so.")
        # The same version: both ends of the login channel are of one source.
        set(CPACK_DEBIAN_FILTER_PACKAGE_DEPENDS "ukeyd (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
        set(CPACK_DEBIAN_FILTER_PACKAGE_RECOMMENDS "opensc-pkcs11")
        # libnss3-tools: for ukeyctl setup nss.
        set(CPACK_DEBIAN_FILTER_PACKAGE_SUGGESTS "libnss3-tools, p11-kit, p11-kit-modules")
        set(CPACK_DEBIAN_FILTER_PACKAGE_CONTROL_EXTRA "${scripts}/conffiles;${scripts}/preinst;${scripts}/prerm;${scripts}/postrm")
        include(CPack)
    endif()
endmacro()
