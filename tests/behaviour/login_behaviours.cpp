// SPDX-License-Identifier: Apache-2.0
// C_Login, C_Logout, C_SetPIN, C_InitPIN. Each ends with the right PIN, so that no try is lost on a card.
#include <array>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

void logins(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open();
    const CK_SESSION_HANDLE other = scene.open(CKF_RW_SESSION);
    Say{"logout without login", scene.p11().C_Logout(session)};
    Say{"login", scene.login(session), scene.state(session), scene.state(other)};
    Say{"login again", scene.login(session)};
    Say{"login again, wrong PIN", scene.login(other, "654321")};
    Say{"so beside the user", scene.login(other, so_pin, CKU_SO)};
    Say{"context specific", scene.login(session, user_pin, CKU_CONTEXT_SPECIFIC)};
    Say{"logout", scene.p11().C_Logout(other), scene.state(session), scene.state(other)};
    Say{"logout again", scene.p11().C_Logout(session)};
    Say{"login after logout", scene.login(other), scene.state(session)};
    Say{"close one", scene.p11().C_CloseSession(other)};
    note("still", scene.state(session));
    Say{"close the last", scene.p11().C_CloseSession(session)};
    const CK_SESSION_HANDLE fresh = scene.open();
    note("fresh", scene.state(fresh));
    Say{"login fresh", scene.login(fresh)};
    Say{"close all", scene.p11().C_CloseAllSessions(scene.slot())};
    note("fresher", scene.state(scene.open()));
}

void wrong_pins(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open();
    CK_FUNCTION_LIST& p11 = scene.p11();
    Say{"wrong", scene.login(session, "654321"), scene.state(session)};
    CK_TOKEN_INFO token{};
    Say{"flags", p11.C_GetTokenInfo(scene.slot(), &token), token.flags};
    Say{"right", scene.login(session), scene.state(session)};
    Say{"logout", p11.C_Logout(session)};
    Say{"longer than 8", scene.login(session, "1234567890")};
    Say{"longer than the maximum", scene.login(session, std::string(300, '7'))};
    Say{"right", scene.login(session)};
    Say{"logout", p11.C_Logout(session)};
    Say{"of length 0", p11.C_Login(session, CKU_USER, bytes_of(""), 0)};
    Say{"null", p11.C_Login(session, CKU_USER, nullptr, 0)};
    isolated("null with a length", [&] {
        Say{"null with a length", p11.C_Login(session, CKU_USER, nullptr, 6)};
    });
    Say{"too short", scene.login(session, "12")};
    Say{"right", scene.login(session)};
}

void users(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open(CKF_RW_SESSION);
    for (const CK_USER_TYPE user : {CK_USER_TYPE{3}, CK_USER_TYPE{77}, ~CK_USER_TYPE{0}}) {
        Say{"invalid user", scene.login(session, user_pin, user)};
    }
    Say{"context specific", scene.login(session, user_pin, CKU_CONTEXT_SPECIFIC)};
    Say{"invalid session", scene.login(invalid_handle)};
    Say{"invalid session, so", scene.login(invalid_handle, so_pin, CKU_SO)};
    Say{"logout of invalid session", scene.p11().C_Logout(invalid_handle)};
    const CK_SESSION_HANDLE read_only = scene.open();
    Say{"so with a read-only session", scene.login(session, so_pin, CKU_SO), scene.state(session)};
    Say{"close", scene.p11().C_CloseSession(read_only)};
}

/// SoftHSM only: a card has another PIN for its SO, and counts the tries.
void security_officer(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    const CK_SESSION_HANDLE session = scene.open(CKF_RW_SESSION);
    Say{"wrong", scene.login(session, "11111111", CKU_SO)};
    Say{"so", scene.login(session, so_pin, CKU_SO), scene.state(session)};
    CK_SESSION_HANDLE read_only = 0;
    Say{"read-only beside",
        p11.C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &read_only)};
    Say{"user beside", scene.login(session)};
    const auto init_pin = [&](const char* step, std::string_view pin) {
        Say{step, p11.C_InitPIN(session, bytes_of(pin), pin.size())};
    };
    init_pin("init too short", "1");
    init_pin("init too long", std::string(300, '3'));
    init_pin("init", "846215");
    isolated("init null", [&] { Say{"init null", p11.C_InitPIN(session, nullptr, 6)}; });
    Say{"set so PIN", p11.C_SetPIN(session, bytes_of(so_pin), 8, bytes_of("12345678"), 8)};
    Say{"logout", p11.C_Logout(session)};
    init_pin("init without login", "846215");
    Say{"old PIN", scene.login(session)};
    Say{"new PIN", scene.login(session, "846215")};
    init_pin("init by the user", "846216");
    Say{"set PIN back", p11.C_SetPIN(session, bytes_of("846215"), 6, bytes_of(user_pin), 6)};
    Say{"still", p11.C_Logout(session)};
    Say{"PIN again", scene.login(session)};
}

/// Leaves the PIN as it was.
void set_pin(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    const auto change = [&](const char* step, CK_SESSION_HANDLE session, std::string_view from,
                            std::string_view to) {
        Say{step, p11.C_SetPIN(session, bytes_of(from), from.size(), bytes_of(to), to.size())};
    };
    const CK_SESSION_HANDLE read_only = scene.open();
    change("read-only", read_only, user_pin, "846215");
    Say{"close", p11.C_CloseSession(read_only)};
    const CK_SESSION_HANDLE session = scene.open(CKF_RW_SESSION);
    change("invalid session", invalid_handle, user_pin, "846215");
    change("wrong old", session, "654321", "846215");
    change("without login", session, user_pin, "846215");
    Say{"old PIN", scene.login(session)};
    Say{"new PIN", scene.login(session, "846215")};
    change("too short", session, "846215", "1");
    change("too long", session, "846215", std::string(300, '3'));
    change("back", session, "846215", user_pin);
    isolated("null", [&] { Say{"null", p11.C_SetPIN(session, nullptr, 6, nullptr, 6)}; });
    Say{"logout", p11.C_Logout(session)};
    Say{"login", scene.login(session)};
}

void init_token(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    std::array<CK_UTF8CHAR, 32> label{};
    label.fill(' ');
    const CK_SESSION_HANDLE session = scene.open();
    Say{"with a session",
        scene.p11().C_InitToken(scene.slot(), bytes_of(so_pin), so_pin.size(), label.data())};
    Say{"close", scene.p11().C_CloseSession(session)};
    Say{"invalid slot", scene.p11().C_InitToken(77, bytes_of(so_pin), so_pin.size(), label.data())};
    Say{"init pin of invalid", scene.p11().C_InitPIN(invalid_handle, bytes_of(so_pin), so_pin.size())};
}

constexpr std::array table{
    Behaviour{"logins", logins},   Behaviour{"wrong_pins", wrong_pins},
    Behaviour{"users", users},     Behaviour{"security_officer_in_softhsm", security_officer},
    Behaviour{"set_pin", set_pin}, Behaviour{"init_token", init_token},
};

} // namespace

std::span<const Behaviour> login_behaviours() {
    return table;
}

} // namespace ukey::behaviour
