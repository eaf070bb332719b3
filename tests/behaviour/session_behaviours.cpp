// SPDX-License-Identifier: Apache-2.0
// Slots, tokens, sessions, objects, slot events without blocking.
#include <array>
#include <vector>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

template <std::size_t Size>
std::string text_of(const CK_UTF8CHAR (&field)[Size]) {
    return "'" + std::string(reinterpret_cast<const char*>(field), Size) + "'";
}

void slots(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    for (const CK_BBOOL with_token : {CK_BBOOL{CK_FALSE}, CK_BBOOL{CK_TRUE}}) {
        const std::string step = with_token == CK_TRUE ? "with token" : "all";
        CK_ULONG count = 0;
        Say{step + " count", p11.C_GetSlotList(with_token, nullptr, &count), count};
        std::vector<CK_SLOT_ID> ids(count + 4);
        CK_ULONG small = count - 1;
        Say{step + " too small", p11.C_GetSlotList(with_token, ids.data(), &small), small};
        count = ids.size();
        Say{step, p11.C_GetSlotList(with_token, ids.data(), &count), count};
        for (CK_ULONG index = 0; index < count; ++index) {
            CK_SLOT_INFO info{};
            Say{step + " slot", p11.C_GetSlotInfo(ids[index], &info), ids[index], info.flags,
                text_of(info.slotDescription)};
            CK_TOKEN_INFO token{};
            Say{step + " token",
                p11.C_GetTokenInfo(ids[index], &token),
                text_of(token.label),
                text_of(token.model),
                text_of(token.serialNumber),
                token.flags,
                token.ulMaxPinLen,
                token.ulMinPinLen,
                token.ulSessionCount,
                token.ulRwSessionCount};
            CK_SESSION_HANDLE session = 0;
            Say{step + " open",
                p11.C_OpenSession(ids[index], CKF_SERIAL_SESSION, nullptr, nullptr, &session)};
            CK_ULONG mechanisms = 0;
            Say{step + " mechanisms", p11.C_GetMechanismList(ids[index], nullptr, &mechanisms), mechanisms};
        }
    }
}

void invalid_slots(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    for (const CK_SLOT_ID slot : {CK_SLOT_ID{77}, CK_SLOT_ID{0xFFFFFFFF}, ~CK_SLOT_ID{0}}) {
        CK_SLOT_INFO info{};
        Say{"slot", p11.C_GetSlotInfo(slot, &info)};
        CK_TOKEN_INFO token{};
        Say{"token", p11.C_GetTokenInfo(slot, &token)};
        CK_SESSION_HANDLE session = 5;
        Say{"open", p11.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session), session};
        Say{"close all", p11.C_CloseAllSessions(slot)};
        CK_MECHANISM_INFO mechanism{};
        Say{"mechanism", p11.C_GetMechanismInfo(slot, CKM_ECDSA, &mechanism)};
    }
}

CK_RV notified(CK_SESSION_HANDLE /*session*/, CK_NOTIFICATION /*event*/, void* /*application*/) {
    return CKR_OK;
}

void sessions(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    CK_SESSION_HANDLE session = 7;
    Say{"not serial", p11.C_OpenSession(scene.slot(), 0, nullptr, nullptr, &session), session};
    Say{"not serial, rw", p11.C_OpenSession(scene.slot(), CKF_RW_SESSION, nullptr, nullptr, &session),
        session};
    Say{"unknown flags",
        p11.C_OpenSession(scene.slot(), CKF_SERIAL_SESSION | 0x100, nullptr, nullptr, &session)};
    int application = 0;
    Say{"notify", p11.C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, &application, notified, &session)};
    const CK_SESSION_HANDLE read_only = scene.open();
    const CK_SESSION_HANDLE read_write = scene.open(CKF_RW_SESSION);
    note("handles", handle_text(session), handle_text(read_only), handle_text(read_write),
         read_only != read_write && session != read_only);
    for (const CK_SESSION_HANDLE one : {read_only, read_write}) {
        CK_SESSION_INFO info{};
        Say{"info",
            p11.C_GetSessionInfo(one, &info),
            info.slotID == scene.slot(),
            info.state,
            info.flags,
            info.ulDeviceError};
    }
    CK_TOKEN_INFO token{};
    Say{"token", p11.C_GetTokenInfo(scene.slot(), &token), token.ulSessionCount, token.ulRwSessionCount};
    Say{"close", p11.C_CloseSession(read_only)};
    Say{"close again", p11.C_CloseSession(read_only)};
    CK_SESSION_INFO info{};
    Say{"info of closed", p11.C_GetSessionInfo(read_only, &info)};
    Say{"login of closed", scene.login(read_only)};
    Say{"logout of closed", p11.C_Logout(read_only)};
    Say{"find of closed", p11.C_FindObjectsInit(read_only, nullptr, 0)};
    Say{"sign of closed", p11.C_Sign(read_only, nullptr, 0, nullptr, nullptr)};
    Say{"close all", p11.C_CloseAllSessions(scene.slot())};
    Say{"close all again", p11.C_CloseAllSessions(scene.slot())};
    Say{"info of closed by all", p11.C_GetSessionInfo(read_write, &info)};
    Say{"close of closed by all", p11.C_CloseSession(read_write)};
}

/// The filter's table of sessions is smaller than this.
void many_sessions(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    constexpr std::size_t many = 5000;
    std::vector<CK_SESSION_HANDLE> open;
    CK_RV rv = CKR_OK;
    while (open.size() < many && rv == CKR_OK) {
        CK_SESSION_HANDLE session = 0;
        rv = scene.p11().C_OpenSession(scene.slot(), CKF_SERIAL_SESSION, nullptr, nullptr, &session);
        if (rv == CKR_OK) {
            open.push_back(session);
        }
    }
    Say{"opened", rv, open.size()};
    Say{"login", scene.login(open.back())};
    const CK_OBJECT_HANDLE key = scene.find(open.back(), CKO_PRIVATE_KEY, CKK_EC);
    Say{"sign by the first", scene.sign(open.front(), key)};
    Say{"sign by the last", scene.sign(open.back(), key)};
    std::size_t closed = 0;
    for (std::size_t index = 1; index < open.size(); ++index) {
        closed += scene.p11().C_CloseSession(open[index]) == CKR_OK ? 1 : 0;
    }
    note("closed", closed, scene.state(open.front()));
    Say{"close the last", scene.p11().C_CloseSession(open.front())};
    const CK_SESSION_HANDLE fresh = scene.open();
    note("state", scene.state(fresh));
}

void session_cancel(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const filter::FunctionList30* functions = scene.list_3x();
    if (functions == nullptr || functions->session_cancel == nullptr) {
        note("absent");
        return;
    }
    const auto cancel = reinterpret_cast<CK_RV (*)(CK_SESSION_HANDLE, CK_FLAGS)>(functions->session_cancel);
    const CK_SESSION_HANDLE session = scene.open();
    for (const CK_FLAGS flags : {CK_FLAGS{0}, CK_FLAGS{CKF_SIGN}, CK_FLAGS{0x7FFFFFFF}}) {
        Say{"cancel", cancel(session, flags)};
    }
    Say{"login", scene.login(session)};
    const CK_OBJECT_HANDLE key = scene.find(session, CKO_PRIVATE_KEY, CKK_EC);
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    Say{"sign init", scene.p11().C_SignInit(session, &mechanism, key)};
    Say{"cancel it", cancel(session, CKF_SIGN)};
    Say{"sign", scene.sign(session, key)};
    Say{"cancel of none", cancel(invalid_handle, CKF_SIGN)};
    if (functions->login_user != nullptr) {
        Say{"login user",
            functions->login_user(session, CKU_USER, bytes_of(user_pin), user_pin.size(), bytes_of("x"), 1)};
    }
}

void objects(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    CK_FUNCTION_LIST& p11 = scene.p11();
    const CK_SESSION_HANDLE session = scene.open();
    for (const bool logged_in : {false, true}) {
        if (logged_in) {
            Say{"login", scene.login(session)};
        }
        Say{"find init", p11.C_FindObjectsInit(session, nullptr, 0)};
        Say{"find init again", p11.C_FindObjectsInit(session, nullptr, 0)};
        std::array<CK_OBJECT_HANDLE, 64> found{};
        CK_ULONG count = 0;
        Say{"find one", p11.C_FindObjects(session, found.data(), 1, &count), count};
        Say{"find none", p11.C_FindObjects(session, found.data(), 0, &count), count};
        Say{"find rest", p11.C_FindObjects(session, found.data() + 1, 63, &count), count};
        for (CK_ULONG index = 0; index <= count; ++index) {
            CK_OBJECT_CLASS object_class = 0;
            CK_BYTE id[16]{};
            std::array<CK_ATTRIBUTE, 4> wanted{CK_ATTRIBUTE{CKA_CLASS, &object_class, sizeof object_class},
                                               CK_ATTRIBUTE{CKA_ID, id, sizeof id},
                                               CK_ATTRIBUTE{CKA_PRIVATE_EXPONENT, nullptr, 0},
                                               CK_ATTRIBUTE{CKA_LABEL, id, 0}};
            Say{"attributes",
                p11.C_GetAttributeValue(session, found[index], wanted.data(), wanted.size()),
                object_class,
                wanted[1].ulValueLen,
                wanted[2].ulValueLen,
                wanted[3].ulValueLen,
                handle_text(found[index])};
        }
        Say{"find final", p11.C_FindObjectsFinal(session)};
        Say{"find final again", p11.C_FindObjectsFinal(session)};
    }
    CK_ULONG size = 0;
    Say{"size of none", p11.C_GetObjectSize(session, invalid_handle, &size)};
    Say{"destroy none", p11.C_DestroyObject(session, invalid_handle)};
    Say{"read-only", p11.C_CreateObject(session, nullptr, 0, &size)};
}

void slot_event_without_blocking(const std::string& module) {
    Scene scene(module);
    CK_SLOT_ID slot = 0;
    Say{"before", scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, nullptr)};
    scene.initialize();
    for (int round = 0; round < 4; ++round) {
        Say{"event", scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, nullptr)};
    }
    Say{"reserved", scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot)};
    Say{"null slot", scene.p11().C_WaitForSlotEvent(CKF_DONT_BLOCK, nullptr, nullptr)};
}

void legacy_functions(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open();
    Say{"function status", scene.p11().C_GetFunctionStatus(session)};
    Say{"cancel function", scene.p11().C_CancelFunction(session)};
    CK_BYTE random[16]{};
    Say{"random", scene.p11().C_GenerateRandom(session, random, sizeof random)};
    Say{"seed", scene.p11().C_SeedRandom(session, random, sizeof random)};
    CK_ULONG length = 0;
    Say{"operation state", scene.p11().C_GetOperationState(session, nullptr, &length)};
}

constexpr std::array table{
    Behaviour{"slots", slots},
    Behaviour{"invalid_slots", invalid_slots},
    Behaviour{"sessions", sessions},
    Behaviour{"many_sessions", many_sessions},
    Behaviour{"session_cancel", session_cancel},
    Behaviour{"objects", objects},
    Behaviour{"slot_event_without_blocking", slot_event_without_blocking},
    Behaviour{"legacy_functions", legacy_functions},
};

} // namespace

std::span<const Behaviour> session_behaviours() {
    return table;
}

} // namespace ukey::behaviour
