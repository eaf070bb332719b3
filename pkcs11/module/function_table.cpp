// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/function_table.hpp"

namespace ukey::filter {
namespace {

template <typename Function>
void replace(Function& entry, Function override_function) {
    if (entry != nullptr && override_function != nullptr) {
        entry = override_function;
    }
}

} // namespace

CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const CK_FUNCTION_LIST& overrides) {
    CK_FUNCTION_LIST table = backend;
    if (table.version.major >= 3) {
        table.version = CK_VERSION{2, 40};
    }
    replace(table.C_Initialize, overrides.C_Initialize);
    replace(table.C_Finalize, overrides.C_Finalize);
    replace(table.C_GetFunctionList, overrides.C_GetFunctionList);
    replace(table.C_GetTokenInfo, overrides.C_GetTokenInfo);
    replace(table.C_OpenSession, overrides.C_OpenSession);
    replace(table.C_CloseSession, overrides.C_CloseSession);
    replace(table.C_CloseAllSessions, overrides.C_CloseAllSessions);
    replace(table.C_Login, overrides.C_Login);
    replace(table.C_Logout, overrides.C_Logout);
    replace(table.C_InitPIN, overrides.C_InitPIN);
    replace(table.C_SetPIN, overrides.C_SetPIN);
    replace(table.C_SignInit, overrides.C_SignInit);
    replace(table.C_Sign, overrides.C_Sign);
    replace(table.C_SignFinal, overrides.C_SignFinal);
    replace(table.C_SignRecover, overrides.C_SignRecover);
    replace(table.C_DecryptInit, overrides.C_DecryptInit);
    replace(table.C_Decrypt, overrides.C_Decrypt);
    replace(table.C_DecryptFinal, overrides.C_DecryptFinal);
    replace(table.C_UnwrapKey, overrides.C_UnwrapKey);
    replace(table.C_DeriveKey, overrides.C_DeriveKey);
    return table;
}

} // namespace ukey::filter
