// SPDX-License-Identifier: Apache-2.0
// The module as the dynamic linker and an application's function table see it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "daemon/core/text.hpp"
#include "pkcs11/module/token_text.hpp"
#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

class FilterModuleTest : public FilterTest {};

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) {
        return text;
    }
    std::array<char, 4096> buffer{};
    while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
        text.append(buffer.data(), count);
    }
    pclose(pipe);
    return text;
}

std::vector<std::string> lines_with(const std::string& text, std::string_view part) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (line.find(part) != std::string::npos) {
            lines.push_back(line);
        }
    }
    return lines;
}

std::string file_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// A surrogate, too, in the three bytes that it would have and that are no UTF-8.
void append_utf8(std::string& text, unsigned code_point) {
    const auto following = [code_point](unsigned shift) {
        return static_cast<char>(0x80U | ((code_point >> shift) & 0x3FU));
    };
    if (code_point < 0x80) {
        text += static_cast<char>(code_point);
    } else if (code_point < 0x800) {
        text += {static_cast<char>(0xC0U | (code_point >> 6U)), following(0)};
    } else if (code_point < 0x10000) {
        text += {static_cast<char>(0xE0U | (code_point >> 12U)), following(6), following(0)};
    } else {
        text += {static_cast<char>(0xF0U | (code_point >> 18U)), following(12), following(6), following(0)};
    }
}

using FunctionPointer = void (*)();
constexpr std::size_t function_count =
    (sizeof(CK_FUNCTION_LIST) - offsetof(CK_FUNCTION_LIST, C_Initialize)) / sizeof(FunctionPointer);

std::array<FunctionPointer, function_count> functions_of(const CK_FUNCTION_LIST& list) {
    std::array<FunctionPointer, function_count> functions{};
    std::memcpy(functions.data(),
                reinterpret_cast<const char*>(&list) + offsetof(CK_FUNCTION_LIST, C_Initialize),
                sizeof functions);
    return functions;
}

#define UKEY_PLACE(function)                                                                                 \
    ((offsetof(CK_FUNCTION_LIST, function) - offsetof(CK_FUNCTION_LIST, C_Initialize)) /                     \
     sizeof(FunctionPointer))

TEST_F(FilterModuleTest, all_other_functions_are_the_backends_own_pointers) {
    const LoadedModule backend(UKEY_SOFTHSM_MODULE);
    const std::set<std::size_t> overridden{
        UKEY_PLACE(C_Initialize),  UKEY_PLACE(C_Finalize),     UKEY_PLACE(C_GetFunctionList),
        UKEY_PLACE(C_OpenSession), UKEY_PLACE(C_CloseSession), UKEY_PLACE(C_CloseAllSessions),
        UKEY_PLACE(C_Login),       UKEY_PLACE(C_Logout),       UKEY_PLACE(C_SetPIN),
        UKEY_PLACE(C_InitPIN),     UKEY_PLACE(C_SignInit),     UKEY_PLACE(C_Sign),
        UKEY_PLACE(C_SignFinal),   UKEY_PLACE(C_SignRecover),  UKEY_PLACE(C_DecryptInit),
        UKEY_PLACE(C_Decrypt),     UKEY_PLACE(C_DecryptFinal), UKEY_PLACE(C_UnwrapKey),
        UKEY_PLACE(C_DeriveKey),   UKEY_PLACE(C_GetTokenInfo)};
    const auto filtered = functions_of(filter());
    const auto own = functions_of(*backend.functions());
    for (std::size_t place = 0; place < function_count; ++place) {
        EXPECT_EQ(filtered[place] != own[place], overridden.contains(place)) << "function " << place;
    }
    EXPECT_EQ(filter().version.major, backend.functions()->version.major);
    EXPECT_EQ(filter().version.minor, backend.functions()->version.minor);
}

TEST_F(FilterModuleTest, bad_arguments_get_the_backends_own_answer) {
    const LoadedModule backend(UKEY_SOFTHSM_MODULE);
    const LoadedModule filtered(UKEY_FILTER_MODULE);
    EXPECT_EQ(filtered.entry()(nullptr), backend.entry()(nullptr));
    CK_FUNCTION_LIST& bare = *backend.functions();
    CK_FUNCTION_LIST& table = *filtered.functions();
    EXPECT_EQ(table.C_Login(1, CKU_USER, nullptr, 6), bare.C_Login(1, CKU_USER, nullptr, 6));
    EXPECT_EQ(table.C_CloseSession(1), bare.C_CloseSession(1));
    const CK_SESSION_HANDLE session = open_session();
    EXPECT_EQ(table.C_OpenSession(slot(), CKF_SERIAL_SESSION, nullptr, nullptr, nullptr),
              bare.C_OpenSession(slot(), CKF_SERIAL_SESSION, nullptr, nullptr, nullptr));
    EXPECT_EQ(table.C_OpenSession(99, CKF_SERIAL_SESSION, nullptr, nullptr, nullptr),
              bare.C_OpenSession(99, CKF_SERIAL_SESSION, nullptr, nullptr, nullptr));
    EXPECT_EQ(table.C_Login(session, CKU_USER, nullptr, 6), bare.C_Login(session, CKU_USER, nullptr, 6));
    EXPECT_EQ(table.C_Login(session, 7, nullptr, 0), bare.C_Login(session, 7, nullptr, 0));
    EXPECT_EQ(table.C_SetPIN(session, nullptr, 0, nullptr, 6),
              bare.C_SetPIN(session, nullptr, 0, nullptr, 6));
    EXPECT_EQ(table.C_SignInit(session, nullptr, 0), bare.C_SignInit(session, nullptr, 0));
    EXPECT_EQ(table.C_Sign(session, nullptr, 0, nullptr, nullptr),
              bare.C_Sign(session, nullptr, 0, nullptr, nullptr));
    EXPECT_EQ(table.C_DeriveKey(session, nullptr, 0, nullptr, 0, nullptr),
              bare.C_DeriveKey(session, nullptr, 0, nullptr, 0, nullptr));
    EXPECT_EQ(table.C_CloseAllSessions(99), bare.C_CloseAllSessions(99));
}

TEST_F(FilterModuleTest, exports_the_three_functions_of_the_standard) {
    const std::string symbols = output_of("nm -D --defined-only " UKEY_FILTER_MODULE);
    ASSERT_EQ(std::count(symbols.begin(), symbols.end(), '\n'), 3) << symbols;
    for (const char* name : {"C_GetFunctionList", "C_GetInterface", "C_GetInterfaceList"}) {
        EXPECT_NE(symbols.find(std::string(" T ") + name + "\n"), std::string::npos) << symbols;
    }
}

TEST_F(FilterModuleTest, needs_the_c_library_only) {
#ifdef UKEY_SANITIZED
    GTEST_SKIP() << "a sanitizer brings libraries of its own";
#endif
    for (const std::string& line : lines_with(output_of("readelf -d " UKEY_FILTER_MODULE), "(NEEDED)")) {
        const bool expected =
            line.find("[libc.so.6]") != std::string::npos || line.find("[ld-linux") != std::string::npos;
        EXPECT_TRUE(expected) << line;
    }
}

/// In a forked child the C library's lock of the time zone may be held for ever.
TEST_F(FilterModuleTest, asks_the_c_library_for_no_time_zone) {
    const std::string symbols = output_of("nm -D --undefined-only " UKEY_FILTER_MODULE);
    for (const char* name : {"gmtime", "localtime", "mktime", "timegm", "strftime", "tzset"}) {
        EXPECT_TRUE(lines_with(symbols, name).empty()) << symbols;
    }
}

TEST_F(FilterModuleTest, missing_and_wrong_backends_give_an_error) {
    for (const char* module : {"/nonexistent.so", "/etc/passwd", "libm.so.6", UKEY_FILTER_MODULE}) {
        setenv("UKEY_PKCS11_MODULE", module, 1);
        const LoadedModule filtered(UKEY_FILTER_MODULE);
        EXPECT_EQ(filtered.list_rv(), CKR_GENERAL_ERROR) << module;
        EXPECT_EQ(filtered.functions(), nullptr);
    }
    unsetenv("UKEY_PKCS11_MODULE");
    EXPECT_EQ(LoadedModule(UKEY_FILTER_MODULE).list_rv(), CKR_GENERAL_ERROR);
    std::ofstream(path("pkcs11.conf")) << "module = " << UKEY_SOFTHSM_MODULE << " # the real one\nnonsense\n";
    EXPECT_EQ(LoadedModule(UKEY_FILTER_MODULE).list_rv(), CKR_OK);
}

TEST_F(FilterModuleTest, unloading_leaves_nothing_behind) {
    start_peer();
    std::size_t descriptors = 0;
    [[maybe_unused]] std::size_t mappings = 0;
    for (int round = 0; round < 12; ++round) {
        ASSERT_EQ(login(open_session(), default_pin), CKR_OK);
        if (round % 2 == 0) {
            filter().C_Finalize(nullptr);
        }
        unload(); // in every other round with the login still open
        EXPECT_TRUE(peer().wait_until_all_closed());
        const std::string maps = file_text("/proc/self/maps");
        EXPECT_EQ(maps.find("ukey-pkcs11.so"), std::string::npos);
        const auto lines = static_cast<std::size_t>(std::count(maps.begin(), maps.end(), '\n'));
        if (round == 5) { // libraries that stay, and arenas, have come by now
            descriptors = open_descriptors();
            mappings = lines;
        }
        if (round > 5) {
            EXPECT_EQ(open_descriptors(), descriptors);
#ifndef UKEY_SANITIZED
            EXPECT_LE(lines, mappings);
#endif
        }
    }
}

TEST_F(FilterModuleTest, token_text_of_every_code_point_is_the_daemons) {
    constexpr unsigned block = 0x100;
    for (unsigned first = 0; first < 0x110000; first += block) {
        std::string bytes;
        for (unsigned code_point = first; code_point < first + block; ++code_point) {
            append_utf8(bytes, code_point);
        }
        ASSERT_EQ(filter::to_printable_utf8(bytes), to_printable_utf8(bytes)) << "from " << first;
    }
}

TEST_F(FilterModuleTest, token_text_is_the_daemons) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string_view pieces[] = {
        "党", "\xF0\x9F\x94\x91", "\xE2\x80\xAE", "\xE2\x80\xA8", "\xC2\x85", "a", "\t"};
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes;
        for (auto count = random() % 12; count > 0; --count) {
            if (random() % 2 == 0) {
                bytes.push_back(static_cast<char>(random() % 256));
            } else {
                bytes.append(pieces[random() % std::size(pieces)]);
            }
        }
        ASSERT_EQ(filter::to_printable_utf8(bytes), to_printable_utf8(bytes))
            << testing::PrintToString(bytes);
    }
}

} // namespace
} // namespace ukey::test
