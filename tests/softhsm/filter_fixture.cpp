// SPDX-License-Identifier: Apache-2.0
#include "tests/softhsm/filter_fixture.hpp"

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace ukey::test {
namespace {

CK_UTF8CHAR_PTR bytes_of(std::string_view text) {
    return reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(text.data()));
}

} // namespace

LoadedModule::LoadedModule(const std::string& path) : library_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) {
        throw std::runtime_error(dlerror());
    }
    entry_ = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library_, "C_GetFunctionList"));
    list_rv_ = entry_(&functions_);
}

LoadedModule::~LoadedModule() {
    dlclose(library_);
}

void FilterTest::SetUp() {
    if (!std::filesystem::exists(UKEY_SOFTHSM_MODULE)) {
        GTEST_SKIP() << "SoftHSM is not installed";
    }
    std::string pattern = std::filesystem::temp_directory_path() / "ukey-filter-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    std::filesystem::create_directory(path("tokens"));
    std::ofstream(path("softhsm2.conf")) << "directories.tokendir = " << path("tokens") << "\n"
                                         << "objectstore.backend = file\nlog.level = ERROR\n";
    setenv("SOFTHSM2_CONF", path("softhsm2.conf").c_str(), 1);
    setenv("UKEY_PKCS11_CONF", path("pkcs11.conf").c_str(), 1);
    setenv("UKEY_PKCS11_MODULE", UKEY_SOFTHSM_MODULE, 1);
    setenv("UKEY_LOGIN_SOCKET", path("login.sock").c_str(), 1);
    // Ten seconds for a peer that answers: a busy computer must not look like an absent daemon.
    setenv("UKEY_LOGIN_WAIT_MS", "10000", 1);
    make_token();
}

void FilterTest::TearDown() {
    unload();
    stop_peer();
    if (!directory_.empty()) {
        std::filesystem::remove_all(directory_);
    }
}

/// By SoftHSM itself, so that the filter sees nothing of it.
void FilterTest::make_token() {
    const LoadedModule backend(UKEY_SOFTHSM_MODULE);
    CK_FUNCTION_LIST& pkcs11 = *backend.functions();
    ASSERT_EQ(pkcs11.C_Initialize(nullptr), CKR_OK);
    std::array<CK_UTF8CHAR, 32> label{};
    label.fill(' ');
    const std::string_view name = "教工支部";
    std::copy(name.begin(), name.end(), label.begin());
    CK_ULONG count = 1;
    ASSERT_EQ(pkcs11.C_GetSlotList(CK_TRUE, &slot_, &count), CKR_OK);
    ASSERT_EQ(pkcs11.C_InitToken(slot_, bytes_of(so_pin), so_pin.size(), label.data()), CKR_OK);
    std::array<CK_SLOT_ID, 4> slots{};
    count = slots.size();
    ASSERT_EQ(pkcs11.C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
    slot_ = slots[0];
    CK_SESSION_HANDLE session = 0;
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    ASSERT_EQ(pkcs11.C_OpenSession(slot_, flags, nullptr, nullptr, &session), CKR_OK);
    ASSERT_EQ(pkcs11.C_Login(session, CKU_SO, bytes_of(so_pin), so_pin.size()), CKR_OK);
    ASSERT_EQ(pkcs11.C_InitPIN(session, bytes_of(default_pin), default_pin.size()), CKR_OK);
    ASSERT_EQ(pkcs11.C_Finalize(nullptr), CKR_OK);
}

CK_RV FilterTest::initialize(CK_FUNCTION_LIST& pkcs11) {
    // Without this flag SoftHSM takes no locks, and threads crash it.
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    return pkcs11.C_Initialize(&arguments);
}

CK_FUNCTION_LIST& FilterTest::filter() {
    if (module_ == nullptr) {
        module_ = std::make_unique<LoadedModule>(UKEY_FILTER_MODULE);
        if (module_->functions() == nullptr || initialize(*module_->functions()) != CKR_OK) {
            throw std::runtime_error("the filter does not start");
        }
        // SoftHSM numbers its slots anew when it starts: the token's comes first.
        std::array<CK_SLOT_ID, 4> slots{};
        CK_ULONG count = slots.size();
        module_->functions()->C_GetSlotList(CK_TRUE, slots.data(), &count);
        slot_ = slots[0];
    }
    return *module_->functions();
}

void FilterTest::unload() {
    if (module_ != nullptr && module_->functions() != nullptr) {
        module_->functions()->C_Finalize(nullptr);
    }
    module_.reset();
}

void FilterTest::start_peer(LoginPeer::Answer answer) {
    peer_ = std::make_unique<LoginPeer>(path("login.sock"), answer);
}

CK_SESSION_HANDLE FilterTest::open_session() {
    CK_SESSION_HANDLE session = 0;
    CK_FUNCTION_LIST& pkcs11 = filter();
    EXPECT_EQ(pkcs11.C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
              CKR_OK);
    return session;
}

CK_RV FilterTest::login(CK_SESSION_HANDLE session, std::string_view pin, CK_USER_TYPE user) {
    return filter().C_Login(session, user, bytes_of(pin), pin.size());
}

CK_RV FilterTest::set_pin(CK_SESSION_HANDLE session, std::string_view old_pin, std::string_view new_pin) {
    return filter().C_SetPIN(session, bytes_of(old_pin), old_pin.size(), bytes_of(new_pin), new_pin.size());
}

CK_OBJECT_HANDLE FilterTest::make_key(CK_SESSION_HANDLE session) {
    // OBJECT IDENTIFIER prime256v1 (RFC 5480)
    std::array<CK_BYTE, 10> curve{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE;
    std::array<CK_ATTRIBUTE, 1> public_key{CK_ATTRIBUTE{CKA_EC_PARAMS, curve.data(), curve.size()}};
    std::array<CK_ATTRIBUTE, 2> private_key{CK_ATTRIBUTE{CKA_SIGN, &yes, sizeof yes},
                                            CK_ATTRIBUTE{CKA_PRIVATE, &yes, sizeof yes}};
    CK_MECHANISM mechanism{CKM_ECDSA_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE public_handle = 0;
    CK_OBJECT_HANDLE private_handle = 0;
    EXPECT_EQ(filter().C_GenerateKeyPair(session, &mechanism, public_key.data(), public_key.size(),
                                         private_key.data(), private_key.size(), &public_handle,
                                         &private_handle),
              CKR_OK);
    return private_handle;
}

CK_RV FilterTest::sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    std::array<CK_BYTE, 32> digest{};
    std::array<CK_BYTE, 64> signature{};
    CK_ULONG length = 0;
    CK_RV rv = filter().C_SignInit(session, &mechanism, key);
    if (rv == CKR_OK) {
        rv = filter().C_Sign(session, digest.data(), digest.size(), nullptr, &length);
    }
    if (rv == CKR_OK) {
        rv = filter().C_Sign(session, digest.data(), digest.size(), signature.data(), &length);
    }
    return rv;
}

CK_STATE FilterTest::session_state(CK_SESSION_HANDLE session) {
    CK_SESSION_INFO info{};
    EXPECT_EQ(filter().C_GetSessionInfo(session, &info), CKR_OK);
    return info.state;
}

CK_FLAGS FilterTest::token_flags() {
    CK_TOKEN_INFO info{};
    EXPECT_EQ(filter().C_GetTokenInfo(slot_, &info), CKR_OK);
    return info.flags;
}

std::vector<std::string> texts(const std::vector<boost::json::object>& messages, std::string_view member) {
    std::vector<std::string> found;
    found.reserve(messages.size());
    for (const boost::json::object& message : messages) {
        found.emplace_back(message.at(member).as_string());
    }
    return found;
}

} // namespace ukey::test
