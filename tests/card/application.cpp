// SPDX-License-Identifier: Apache-2.0
// An application of the tests that stays alive between its PKCS#11 calls, as a browser does.
//
//   application MODULE
//
// obeys standard input, a line each, and answers "CKR_OK" or the name of the return value:
//   login (the PIN is the next line), sign, logout, close, open (a session), token (its C_GetTokenInfo),
//   finalize, fork (a child that keeps everything open and sleeps)
#include <dlfcn.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include <p11-kit/pkcs11.h>

#include "pkcs11/client/rv_name.hpp"

namespace {

class Application {
  public:
    explicit Application(CK_FUNCTION_LIST* functions) : p11_(functions) {}

    CK_RV open() {
        CK_RV rv = p11_->C_Initialize(nullptr);
        std::array<CK_SLOT_ID, 64> slots{};
        CK_ULONG count = slots.size();
        if (rv == CKR_OK) {
            rv = p11_->C_GetSlotList(CK_TRUE, slots.data(), &count);
        }
        if (rv != CKR_OK || count == 0) {
            return rv != CKR_OK ? rv : CKR_TOKEN_NOT_PRESENT;
        }
        slot_ = slots[0];
        return open_session();
    }

    CK_RV obey(const std::string& command) {
        if (command == "login") {
            std::string pin;
            std::getline(std::cin, pin);
            return p11_->C_Login(session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(pin.data()), pin.size());
        }
        if (command == "sign") {
            return sign();
        }
        if (command == "logout") {
            return p11_->C_Logout(session_);
        }
        if (command == "close") {
            return p11_->C_CloseSession(session_);
        }
        if (command == "open") {
            return open_session();
        }
        if (command == "token") {
            CK_TOKEN_INFO info{};
            return p11_->C_GetTokenInfo(slot_, &info);
        }
        if (command == "finalize") {
            return p11_->C_Finalize(nullptr);
        }
        if (command == "fork") {
            if (fork() == 0) {
                pause();
                _exit(0);
            }
            return CKR_OK;
        }
        return CKR_ARGUMENTS_BAD;
    }

  private:
    CK_RV open_session() {
        return p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session_);
    }

    CK_RV sign() {
        CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE attribute{CKA_CLASS, &wanted, sizeof wanted};
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG count = 0;
        CK_RV rv = p11_->C_FindObjectsInit(session_, &attribute, 1);
        if (rv == CKR_OK) {
            rv = p11_->C_FindObjects(session_, &key, 1, &count);
            p11_->C_FindObjectsFinal(session_);
        }
        if (rv != CKR_OK || count == 0) {
            return rv != CKR_OK ? rv : CKR_OBJECT_HANDLE_INVALID;
        }
        CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
        rv = p11_->C_SignInit(session_, &mechanism, key);
        std::array<CK_BYTE, 32> digest{};
        std::array<CK_BYTE, 512> signature{};
        CK_ULONG length = signature.size();
        return rv != CKR_OK ? rv
                            : p11_->C_Sign(session_, digest.data(), digest.size(), signature.data(), &length);
    }

    CK_FUNCTION_LIST* p11_;
    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE session_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    void* module = argc == 2 ? dlopen(argv[1], RTLD_NOW) : nullptr;
    auto* get_list = module == nullptr
                         ? nullptr
                         : reinterpret_cast<CK_C_GetFunctionList>(dlsym(module, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (get_list == nullptr || get_list(&functions) != CKR_OK) {
        std::cerr << "usage: application MODULE\n";
        return 2;
    }
    Application application(functions);
    std::cout << ukey::pkcs11::rv_name(application.open()) << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const auto begin = std::chrono::steady_clock::now();
        const CK_RV rv = application.obey(line);
        const auto took = std::chrono::steady_clock::now() - begin;
        std::cout << ukey::pkcs11::rv_name(rv) << ' '
                  << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << std::endl;
    }
    return 0;
}
