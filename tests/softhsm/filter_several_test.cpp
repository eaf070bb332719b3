// SPDX-License-Identifier: Apache-2.0
// Several backends in one process, each behind a copy of the filter with a name of its own. (A link would not
// do: the dynamic linker takes two names of one file for one library.)
#include <array>
#include <filesystem>
#include <fstream>

#include "tests/softhsm/filter_fixture.hpp"

namespace ukey::test {
namespace {

class FilterSeveralTest : public FilterTest {
  protected:
    /// Two copies of SoftHSM are two modules: each has its own sessions and logins.
    void SetUp() override {
        FilterTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        for (const char* name : {"one", "two"}) {
            std::filesystem::copy_file(UKEY_FILTER_MODULE, filter_path(name));
            std::filesystem::copy_file(UKEY_SOFTHSM_MODULE, path(std::string(name) + "-softhsm.so"));
        }
        std::ofstream(path("pkcs11.conf")) << "module = /nonexistent.so\n"
                                           << "[ one ]\nmodule = " << path("one-softhsm.so") << "\n"
                                           << "[two]\nmodule = " << path("two-softhsm.so") << "\n"
                                           << "[three]\nwait_ms = 1\n";
    }

    std::string filter_path(const std::string& name) const { return path("ukey-pkcs11-" + name + ".so"); }

    static CK_SESSION_HANDLE start(CK_FUNCTION_LIST& pkcs11) {
        EXPECT_EQ(initialize(pkcs11), CKR_OK);
        std::array<CK_SLOT_ID, 4> slots{};
        CK_ULONG count = slots.size();
        EXPECT_EQ(pkcs11.C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
        CK_SESSION_HANDLE session = 0;
        const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        EXPECT_EQ(pkcs11.C_OpenSession(slots[0], flags, nullptr, nullptr, &session), CKR_OK);
        return session;
    }

    static CK_RV log_in(CK_FUNCTION_LIST& pkcs11, CK_SESSION_HANDLE session) {
        std::string pin(default_pin);
        return pkcs11.C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size());
    }

    static void sign_times(CK_FUNCTION_LIST& pkcs11, CK_SESSION_HANDLE session, int times) {
        CK_MECHANISM generate{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
        std::array<CK_BYTE, 10> curve{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
        CK_ATTRIBUTE public_part{CKA_EC_PARAMS, curve.data(), curve.size()};
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE private_part{CKA_SIGN, &yes, sizeof yes};
        CK_OBJECT_HANDLE public_key = 0;
        CK_OBJECT_HANDLE key = 0;
        ASSERT_EQ(pkcs11.C_GenerateKeyPair(session, &generate, &public_part, 1, &private_part, 1, &public_key,
                                           &key),
                  CKR_OK);
        for (int round = 0; round < times; ++round) {
            CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
            std::array<CK_BYTE, 32> digest{};
            std::array<CK_BYTE, 64> signature{};
            CK_ULONG length = signature.size();
            ASSERT_EQ(pkcs11.C_SignInit(session, &mechanism, key), CKR_OK);
            ASSERT_EQ(pkcs11.C_Sign(session, digest.data(), digest.size(), signature.data(), &length),
                      CKR_OK);
        }
    }
};

TEST_F(FilterSeveralTest, each_has_its_backend_its_login_and_its_uses) {
    start_peer();
    const LoadedModule one(filter_path("one"));
    const LoadedModule two(filter_path("two"));
    ASSERT_EQ(one.list_rv(), CKR_OK);
    ASSERT_EQ(two.list_rv(), CKR_OK);
    ASSERT_NE(one.functions(), two.functions());
    EXPECT_NE(one.functions()->C_GetInfo, two.functions()->C_GetInfo) << "the backends are two";
    const CK_SESSION_HANDLE session_of_one = start(*one.functions());
    const CK_SESSION_HANDLE session_of_two = start(*two.functions());
    ASSERT_EQ(log_in(*one.functions(), session_of_one), CKR_OK);
    ASSERT_EQ(log_in(*two.functions(), session_of_two), CKR_OK);
    EXPECT_EQ(peer().connections_made(), 2U);
    sign_times(*one.functions(), session_of_one, 1);
    sign_times(*two.functions(), session_of_two, 3);
    EXPECT_EQ(one.functions()->C_Finalize(nullptr), CKR_OK);
    CK_SESSION_INFO info{};
    EXPECT_EQ(two.functions()->C_GetSessionInfo(session_of_two, &info), CKR_OK);
    EXPECT_EQ(info.state, CKS_RW_USER_FUNCTIONS) << "the other's end is not its own";
    EXPECT_EQ(two.functions()->C_Logout(session_of_two), CKR_OK);
    const auto ends = peer().wait_for("end", 2);
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_EQ(ends[0].at("uses").to_number<int>(), 1);
    EXPECT_EQ(ends[1].at("uses").to_number<int>(), 3);
    EXPECT_EQ(texts(ends, "reason"), (std::vector<std::string>{"finalized", "logout"}));
    EXPECT_EQ(two.functions()->C_Finalize(nullptr), CKR_OK);
}

TEST_F(FilterSeveralTest, backend_of_a_name_comes_from_its_section_only) {
    setenv("UKEY_PKCS11_MODULE", UKEY_SOFTHSM_MODULE, 1);
    for (const char* name : {"three", "absent"}) {
        std::filesystem::copy_file(UKEY_FILTER_MODULE, filter_path(name));
        EXPECT_EQ(LoadedModule(filter_path(name)).list_rv(), CKR_GENERAL_ERROR) << name;
    }
    unsetenv("UKEY_PKCS11_MODULE");
    EXPECT_EQ(LoadedModule(filter_path("one")).list_rv(), CKR_OK);
    EXPECT_EQ(LoadedModule(UKEY_FILTER_MODULE).list_rv(), CKR_GENERAL_ERROR) << "the line above all sections";
}

TEST_F(FilterSeveralTest, link_is_the_same_library_while_the_file_is_loaded) {
    setenv("UKEY_PKCS11_MODULE", UKEY_SOFTHSM_MODULE, 1);
    const LoadedModule first(UKEY_FILTER_MODULE);
    std::filesystem::create_symlink(UKEY_FILTER_MODULE, filter_path("link"));
    EXPECT_EQ(LoadedModule(filter_path("link")).functions(), first.functions());
}

} // namespace
} // namespace ukey::test
