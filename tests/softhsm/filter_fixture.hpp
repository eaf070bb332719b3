// SPDX-License-Identifier: Apache-2.0
// ukey-pkcs11.so loaded in front of SoftHSM, with a fresh token in a directory of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>

#include "tests/softhsm/login_peer.hpp"

namespace ukey::test {

/// A module loaded by dlopen; unloaded at the end.
class LoadedModule {
  public:
    explicit LoadedModule(const std::string& path);
    ~LoadedModule();
    LoadedModule(const LoadedModule&) = delete;
    LoadedModule& operator=(const LoadedModule&) = delete;

    CK_FUNCTION_LIST_PTR functions() const { return functions_; }
    CK_C_GetFunctionList entry() const { return entry_; }
    CK_RV list_rv() const { return list_rv_; }

  private:
    void* library_;
    CK_C_GetFunctionList entry_ = nullptr;
    CK_FUNCTION_LIST_PTR functions_ = nullptr;
    CK_RV list_rv_ = CKR_GENERAL_ERROR;
};

class FilterTest : public ::testing::Test {
  protected:
    static constexpr std::string_view default_pin = "123456";
    static constexpr std::string_view so_pin = "87654321";

    void SetUp() override;
    void TearDown() override;

    /// For several threads.
    static CK_RV initialize(CK_FUNCTION_LIST& pkcs11);
    /// The module under test, loaded and initialised at the first call.
    CK_FUNCTION_LIST& filter();
    void unload();
    /// As an application does that forgets C_Finalize.
    void unload_unfinished() { module_.reset(); }
    void start_peer(LoginPeer::Answer answer = LoginPeer::Answer::allow);
    LoginPeer& peer() { return *peer_; }
    void stop_peer() { peer_.reset(); }

    CK_SESSION_HANDLE open_session();
    CK_RV login(CK_SESSION_HANDLE session, std::string_view pin, CK_USER_TYPE user = CKU_USER);
    CK_RV set_pin(CK_SESSION_HANDLE session, std::string_view old_pin, std::string_view new_pin);
    /// A P-256 key pair of the logged-in session; its private key.
    CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session);
    /// With a length query first, as applications do.
    CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
    CK_STATE session_state(CK_SESSION_HANDLE session);
    CK_FLAGS token_flags();

    std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }
    CK_SLOT_ID slot() const { return slot_; }

  private:
    void make_token();

    std::string directory_;
    CK_SLOT_ID slot_ = 0;
    std::unique_ptr<LoginPeer> peer_;
    std::unique_ptr<LoadedModule> module_;
};

/// The texts of one member.
std::vector<std::string> texts(const std::vector<boost::json::object>& messages, std::string_view member);

} // namespace ukey::test
