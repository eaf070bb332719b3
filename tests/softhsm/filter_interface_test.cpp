// SPDX-License-Identifier: Apache-2.0
// C_GetInterfaceList and C_GetInterface (PKCS#11 3.0 §5.4) of modules with and without interfaces.
#include <array>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>

#include "pkcs11/module/interface_types.hpp"
#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

using filter::FunctionList30;
using filter::Interface;

constexpr CK_FLAGS fork_safe = 1; // CKF_INTERFACE_FORK_SAFE

CK_UTF8CHAR_PTR name_of(const char* text) {
    return reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(text));
}

/// The two functions of a module, and the module.
class Interfaces {
  public:
    explicit Interfaces(const char* path) : module_(path), library_(dlopen(path, RTLD_NOW | RTLD_NOLOAD)) {
        list = reinterpret_cast<filter::GetInterfaceList>(dlsym(library_, "C_GetInterfaceList"));
        get = reinterpret_cast<filter::GetInterface>(dlsym(library_, "C_GetInterface"));
    }
    ~Interfaces() { dlclose(library_); }
    Interfaces(const Interfaces&) = delete; // owns a reference to the library
    Interfaces& operator=(const Interfaces&) = delete;

    std::vector<Interface> all() const {
        CK_ULONG count = 0;
        EXPECT_EQ(list(nullptr, &count), CKR_OK);
        std::vector<Interface> found(count);
        EXPECT_EQ(list(found.data(), &count), CKR_OK);
        found.resize(count); // some may have been left out
        return found;
    }
    CK_FUNCTION_LIST_PTR functions() const { return module_.functions(); }

    filter::GetInterfaceList list;
    filter::GetInterface get;

  private:
    LoadedModule module_;
    void* library_;
};

CK_VERSION version_of(const Interface& interface) {
    return *static_cast<const CK_VERSION*>(interface.functions);
}

/// Name, version and flags of both are the same, in the same order.
void expect_same(const std::vector<Interface>& filtered, const std::vector<Interface>& bare) {
    ASSERT_EQ(filtered.size(), bare.size());
    for (std::size_t index = 0; index < bare.size(); ++index) {
        EXPECT_STREQ(reinterpret_cast<char*>(filtered[index].name),
                     reinterpret_cast<char*>(bare[index].name));
        EXPECT_EQ(filtered[index].flags, bare[index].flags);
        EXPECT_EQ(version_of(filtered[index]).major, version_of(bare[index]).major);
        EXPECT_EQ(version_of(filtered[index]).minor, version_of(bare[index]).minor);
    }
}

class FilterInterfaceTest : public FilterTest {};

TEST_F(FilterInterfaceTest, module_without_interfaces_is_one_of_2_40) {
    const Interfaces filtered(UKEY_FILTER_MODULE);
    const std::vector<Interface> all = filtered.all();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_STREQ(reinterpret_cast<char*>(all[0].name), "PKCS 11");
    EXPECT_EQ(all[0].functions, filtered.functions());
    EXPECT_EQ(all[0].flags, 0U);
    std::array<Interface, 1> none{};
    CK_ULONG count = 0;
    EXPECT_EQ(filtered.list(none.data(), &count), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQ(count, 1U);
    EXPECT_EQ(filtered.list(none.data(), nullptr), CKR_ARGUMENTS_BAD);

    Interface* found = nullptr;
    CK_VERSION version = filtered.functions()->version;
    EXPECT_EQ(filtered.get(nullptr, nullptr, &found, 0), CKR_OK);
    EXPECT_EQ(found->functions, filtered.functions());
    EXPECT_EQ(filtered.get(name_of("PKCS 11"), &version, &found, 0), CKR_OK);
    EXPECT_EQ(filtered.get(nullptr, nullptr, nullptr, 0), CKR_ARGUMENTS_BAD);
    CK_VERSION newer{3, 0};
    found = nullptr;
    EXPECT_EQ(filtered.get(name_of("PKCS 11"), &newer, &found, 0), CKR_FUNCTION_FAILED);
    EXPECT_EQ(filtered.get(name_of("Vendor U-Key"), nullptr, &found, 0), CKR_FUNCTION_FAILED);
    EXPECT_EQ(filtered.get(nullptr, nullptr, &found, fork_safe), CKR_FUNCTION_FAILED);
    EXPECT_EQ(found, nullptr);
}

TEST_F(FilterInterfaceTest, opensc_is_shown_as_it_is) {
    if (!std::filesystem::exists(UKEY_OPENSC_MODULE)) {
        GTEST_SKIP() << "OpenSC is not installed";
    }
    setenv("UKEY_PKCS11_MODULE", UKEY_OPENSC_MODULE, 1);
    const Interfaces bare(UKEY_OPENSC_MODULE);
    const Interfaces filtered(UKEY_FILTER_MODULE);
    expect_same(filtered.all(), bare.all());
    CK_VERSION version{3, 0};
    Interface* own = nullptr;
    Interface* shown = nullptr;
    ASSERT_EQ(bare.get(name_of("PKCS 11"), &version, &own, 0), CKR_OK);
    ASSERT_EQ(filtered.get(name_of("PKCS 11"), &version, &shown, 0), CKR_OK);
    const auto& theirs = *static_cast<const FunctionList30*>(own->functions);
    const auto& ours = *static_cast<const FunctionList30*>(shown->functions);
    EXPECT_EQ(ours.base.C_GetSessionInfo, theirs.base.C_GetSessionInfo);
    EXPECT_NE(ours.base.C_Login, theirs.base.C_Login);
    EXPECT_NE(ours.login_user, theirs.login_user);
    EXPECT_EQ(ours.session_cancel, theirs.session_cancel);
    EXPECT_EQ(ours.message_encrypt_and_decrypt, theirs.message_encrypt_and_decrypt);
    EXPECT_EQ(ours.message_verify, theirs.message_verify);
    EXPECT_EQ(ours.get_interface, filtered.get);
    EXPECT_EQ(ours.get_interface_list, filtered.list);
    EXPECT_EQ(ours.login_user(1, 7, nullptr, 0, nullptr, 0), theirs.login_user(1, 7, nullptr, 0, nullptr, 0));
    for (const char* name : {"nothing", ""}) {
        EXPECT_EQ(filtered.get(name_of(name), nullptr, &shown, 0), bare.get(name_of(name), nullptr, &own, 0));
    }
    EXPECT_EQ(filtered.list(nullptr, nullptr), bare.list(nullptr, nullptr));
    EXPECT_EQ(filtered.get(nullptr, nullptr, nullptr, 0), bare.get(nullptr, nullptr, nullptr, 0));
}

class FilterInterfaceLoginTest : public FilterTest {
  protected:
    void SetUp() override {
        FilterTest::SetUp();
        setenv("UKEY_PKCS11_MODULE", UKEY_INTERFACE_MODULE, 1);
    }
    void TearDown() override {
        unsetenv("UKEY_INTERFACE_MODULE_KIND");
        FilterTest::TearDown();
    }

    static const FunctionList30& functions(const Interfaces& module) {
        Interface* found = nullptr;
        EXPECT_EQ(module.get(nullptr, nullptr, &found, fork_safe), CKR_OK);
        return *static_cast<const FunctionList30*>(found->functions);
    }

    static CK_RV login_user(const FunctionList30& pkcs11, CK_SESSION_HANDLE session, const char* name) {
        return pkcs11.login_user(session, CKU_USER, name_of(default_pin.data()), default_pin.size(),
                                 name_of(name), std::strlen(name));
    }

    /// With a length query first.
    static CK_RV sign_message(const FunctionList30& pkcs11, CK_SESSION_HANDLE session) {
        std::array<CK_BYTE, 32> digest{};
        std::array<CK_BYTE, 64> signature{};
        CK_ULONG length = 0;
        const CK_RV rv =
            pkcs11.sign_message(session, nullptr, 0, digest.data(), digest.size(), nullptr, &length);
        return rv == CKR_OK ? pkcs11.sign_message(session, nullptr, 0, digest.data(), digest.size(),
                                                  signature.data(), &length)
                            : rv;
    }

    /// Two parts, of which the first has no place for a signature.
    static CK_RV sign_in_parts(const FunctionList30& pkcs11, CK_SESSION_HANDLE session) {
        std::array<CK_BYTE, 32> digest{};
        std::array<CK_BYTE, 64> signature{};
        CK_ULONG length = signature.size();
        const CK_RV rv =
            pkcs11.sign_message_next(session, nullptr, 0, digest.data(), digest.size(), nullptr, nullptr);
        return rv == CKR_OK ? pkcs11.sign_message_next(session, nullptr, 0, digest.data(), digest.size(),
                                                       signature.data(), &length)
                            : rv;
    }
};

TEST_F(FilterInterfaceLoginTest, vendors_interface_is_passed_on) {
    const Interfaces bare(UKEY_INTERFACE_MODULE);
    const Interfaces filtered(UKEY_FILTER_MODULE);
    expect_same(filtered.all(), bare.all());
    EXPECT_EQ(filtered.all()[0].functions, bare.all()[0].functions);
    for (const std::size_t standard : {1U, 2U}) {
        EXPECT_NE(filtered.all()[standard].functions, bare.all()[standard].functions);
    }
    EXPECT_NE(functions(filtered).sign_message, functions(bare).sign_message);
    EXPECT_EQ(functions(filtered).message_sign_final, nullptr) << "the backend has none";
}

TEST_F(FilterInterfaceLoginTest, login_and_use_by_the_functions_of_3_x_are_seen) {
    start_peer();
    const CK_SESSION_HANDLE session = open_session();
    const Interfaces filtered(UKEY_FILTER_MODULE);
    const FunctionList30& pkcs11 = functions(filtered);
    EXPECT_EQ(login_user(pkcs11, session, "别人"), CKR_USER_TYPE_INVALID);
    ASSERT_EQ(login_user(pkcs11, session, "管理员"), CKR_OK);
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    const CK_OBJECT_HANDLE key = make_key(session);
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(pkcs11.message_sign_init(session, &mechanism, key), CKR_OK);
        ASSERT_EQ(sign_message(pkcs11, session), CKR_OK);
    }
    ASSERT_EQ(pkcs11.message_sign_init(session, &mechanism, key), CKR_OK);
    ASSERT_EQ(sign_in_parts(pkcs11, session), CKR_OK);
    EXPECT_EQ(pkcs11.base.C_Logout(session), CKR_OK);
    const auto results = peer().wait_for("result", 1);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_TRUE(results[0].at("default_pin").as_bool());
    const auto ends = peer().wait_for("end", 1);
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), 4);
    EXPECT_EQ(peer().bytes().find("管理员"), std::string::npos);
}

TEST_F(FilterInterfaceLoginTest, list_that_is_new_at_each_call_is_filtered_too) {
    setenv("UKEY_INTERFACE_MODULE_KIND", "new_lists", 1);
    start_peer(LoginPeer::Answer::deny);
    const CK_SESSION_HANDLE session = open_session();
    const Interfaces filtered(UKEY_FILTER_MODULE);
    const std::vector<Interface> first = filtered.all();
    const std::vector<Interface> second = filtered.all();
    ASSERT_EQ(second.size(), 3U);
    EXPECT_EQ(first[1].functions, second[1].functions);
    EXPECT_EQ(&functions(filtered), first[1].functions);
    EXPECT_EQ(login_user(functions(filtered), session, "管理员"), CKR_FUNCTION_REJECTED);
}

TEST_F(FilterInterfaceLoginTest, list_with_functions_of_its_own_is_left_out) {
    setenv("UKEY_INTERFACE_MODULE_KIND", "own_functions", 1);
    const Interfaces filtered(UKEY_FILTER_MODULE);
    const std::vector<Interface> listed = filtered.all();
    ASSERT_EQ(listed.size(), 2U) << "the vendor's and that of 2.40";
    EXPECT_EQ(version_of(listed[1]).major, 2);
    Interface* found = nullptr;
    EXPECT_EQ(filtered.get(nullptr, nullptr, &found, fork_safe), CKR_FUNCTION_FAILED);
    EXPECT_EQ(found, nullptr);
    CK_VERSION version{3, 1};
    EXPECT_EQ(filtered.get(nullptr, &version, &found, 0), CKR_FUNCTION_FAILED);
    version = filtered.functions()->version;
    for (CK_VERSION* wanted : {&version, static_cast<CK_VERSION*>(nullptr)}) {
        EXPECT_EQ(filtered.get(nullptr, wanted, &found, 0), CKR_OK);
        EXPECT_EQ(found->functions, listed[1].functions);
    }
}

TEST_F(FilterInterfaceLoginTest, failing_list_leaves_the_one_of_2_40) {
    setenv("UKEY_INTERFACE_MODULE_KIND", "failing", 1);
    const Interfaces filtered(UKEY_FILTER_MODULE);
    const std::vector<Interface> all = filtered.all();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].functions, filtered.functions());
    Interface* found = nullptr;
    EXPECT_EQ(filtered.get(nullptr, nullptr, &found, 0), CKR_OK);
    EXPECT_EQ(found->functions, filtered.functions());
}

TEST_F(FilterInterfaceLoginTest, denied_login_never_reaches_the_backend) {
    start_peer(LoginPeer::Answer::deny);
    const CK_SESSION_HANDLE session = open_session();
    const Interfaces filtered(UKEY_FILTER_MODULE);
    EXPECT_EQ(login_user(functions(filtered), session, "管理员"), CKR_FUNCTION_REJECTED);
    EXPECT_EQ(session_state(session), CKS_RW_PUBLIC_SESSION);
}

} // namespace
} // namespace ukey::test
