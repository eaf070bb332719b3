// SPDX-License-Identifier: Apache-2.0
#include "tests/behaviour/scene.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

#include "tests/behaviour/observation.hpp"

namespace ukey::behaviour {
namespace {

std::vector<AnyFunction> entries_between(const void* list, std::size_t begin, std::size_t end) {
    std::vector<AnyFunction> entries((end - begin) / sizeof(AnyFunction));
    std::memcpy(entries.data(), static_cast<const char*>(list) + begin, end - begin);
    return entries;
}

} // namespace

CK_UTF8CHAR_PTR bytes_of(std::string_view text) {
    return reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(text.data()));
}

Scene::Scene(std::string path, int flags) : path_(std::move(path)), library_(dlopen(path_.c_str(), flags)) {
    if (library_ == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        std::exit(3);
    }
    if (get_function_list() == nullptr || get_function_list()(&functions_) != CKR_OK) {
        std::fprintf(stderr, "%s: no function list\n", path_.c_str());
        std::exit(3);
    }
}

Scene::~Scene() {
    unload();
}

void Scene::unload() {
    if (library_ != nullptr) {
        dlclose(library_);
        library_ = nullptr;
    }
}

void* Scene::symbol(const char* name) const {
    return dlsym(library_, name);
}

CK_C_GetFunctionList Scene::get_function_list() const {
    return reinterpret_cast<CK_C_GetFunctionList>(symbol("C_GetFunctionList"));
}

const filter::FunctionList30* Scene::list_3x() const {
    const auto get = reinterpret_cast<filter::GetInterface>(symbol("C_GetInterface"));
    CK_VERSION version{3, 0};
    filter::Interface* found = nullptr;
    std::string name(filter::standard_interface);
    if (get == nullptr || get(bytes_of(name), &version, &found, 0) != CKR_OK || found == nullptr) {
        return nullptr;
    }
    return static_cast<const filter::FunctionList30*>(found->functions);
}

void Scene::initialize() {
    // Without this flag SoftHSM takes no locks, and threads crash it.
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    Say{"initialize", p11().C_Initialize(&arguments)};
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    Say{"token slots", p11().C_GetSlotList(CK_TRUE, slots.data(), &count), count > 0};
    slot_ = slots[0];
}

CK_RV Scene::initialize_quietly() {
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    CK_RV rv = p11().C_Initialize(&arguments);
    if (rv == CKR_OK) {
        rv = p11().C_GetSlotList(CK_TRUE, slots.data(), &count);
    }
    slot_ = slots[0];
    return rv == CKR_OK && count == 0 ? CKR_TOKEN_NOT_PRESENT : rv;
}

CK_SESSION_HANDLE Scene::open(CK_FLAGS more) const {
    CK_SESSION_HANDLE session = 0;
    Say{"open", p11().C_OpenSession(slot_, CKF_SERIAL_SESSION | more, nullptr, nullptr, &session)};
    return session;
}

CK_RV Scene::login(CK_SESSION_HANDLE session, std::string_view pin, CK_USER_TYPE user) const {
    return p11().C_Login(session, user, bytes_of(pin), pin.size());
}

CK_STATE Scene::state(CK_SESSION_HANDLE session) const {
    CK_SESSION_INFO info{};
    return p11().C_GetSessionInfo(session, &info) == CKR_OK ? info.state : CK_UNAVAILABLE_INFORMATION;
}

CK_OBJECT_HANDLE Scene::find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                             CK_KEY_TYPE type) const {
    std::array<CK_ATTRIBUTE, 2> wanted{CK_ATTRIBUTE{CKA_CLASS, &object_class, sizeof object_class},
                                       CK_ATTRIBUTE{CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0;
    if (p11().C_FindObjectsInit(session, wanted.data(), wanted.size()) != CKR_OK) {
        return 0;
    }
    p11().C_FindObjects(session, &object, 1, &count);
    p11().C_FindObjectsFinal(session);
    return count == 1 ? object : 0;
}

CK_RV Scene::sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) const {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    std::array<CK_BYTE, 32> digest{1};
    std::array<CK_BYTE, 64> signature{};
    CK_ULONG length = signature.size();
    const CK_RV rv = p11().C_SignInit(session, &mechanism, key);
    return rv == CKR_OK ? p11().C_Sign(session, digest.data(), digest.size(), signature.data(), &length) : rv;
}

std::vector<AnyFunction> entries_of(const CK_FUNCTION_LIST& list) {
    return entries_between(&list, offsetof(CK_FUNCTION_LIST, C_Initialize), sizeof list);
}

std::vector<AnyFunction> entries_of(const filter::FunctionList30& list) {
    return entries_between(&list, offsetof(CK_FUNCTION_LIST, C_Initialize), sizeof list);
}

} // namespace ukey::behaviour
