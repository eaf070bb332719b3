# SPDX-License-Identifier: Apache-2.0
# Puts a data file into a program: tables stay files that people can read and edit, and the program needs none at run time.
#
#   include(EmbedFile)
#   ukey_embed_file(TARGET FILE NAME)
#
# makes `extern const std::string_view ukey::embedded::NAME` with the bytes of FILE, declared by "embedded/NAME.hpp".
# The same file, run as a script (cmake -P) at build time, writes the source.

if(CMAKE_SCRIPT_MODE_FILE)
    file(READ "${EMBED_INPUT}" bytes HEX)
    # Eight bytes a line, so that a compiler's or debugger's message about the source stays readable.
    string(REGEX REPLACE "(................)" "\\1\n    " lines "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," characters "${lines}")
    get_filename_component(input_name "${EMBED_INPUT}" NAME)
    file(WRITE "${EMBED_OUTPUT}" "// Made from ${input_name} by cmake/EmbedFile.cmake.
#include \"embedded/${EMBED_NAME}.hpp\"

namespace ukey::embedded {
namespace {

constexpr char bytes[] = {
    ${characters}
};

} // namespace

constinit const std::string_view ${EMBED_NAME}(bytes, sizeof bytes);

} // namespace ukey::embedded
")
    return()
endif()

set(UKEY_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(ukey_embed_file target file name)
    get_filename_component(input "${file}" ABSOLUTE)
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/generated")
    set(output "${folder}/embedded/${name}.cpp")
    file(CONFIGURE OUTPUT "${folder}/embedded/${name}.hpp" @ONLY CONTENT
         "// Made by cmake/EmbedFile.cmake.
#pragma once

#include <string_view>

namespace ukey::embedded {
extern const std::string_view @name@;
}
")
    add_custom_command(
        OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" "-DEMBED_INPUT=${input}" "-DEMBED_OUTPUT=${output}" "-DEMBED_NAME=${name}"
                -P "${UKEY_EMBED_SCRIPT}"
        DEPENDS "${input}" "${UKEY_EMBED_SCRIPT}"
        COMMENT "Embedding ${name}"
        VERBATIM)
    target_sources(${target} PRIVATE "${output}")
    target_include_directories(${target} PRIVATE "${folder}")
endfunction()
