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

void override_functions(CK_FUNCTION_LIST& list, const CK_FUNCTION_LIST& overrides) {
    replace(list.C_Initialize, overrides.C_Initialize);
    replace(list.C_Finalize, overrides.C_Finalize);
    replace(list.C_GetFunctionList, overrides.C_GetFunctionList);
    replace(list.C_GetTokenInfo, overrides.C_GetTokenInfo);
    replace(list.C_OpenSession, overrides.C_OpenSession);
    replace(list.C_CloseSession, overrides.C_CloseSession);
    replace(list.C_CloseAllSessions, overrides.C_CloseAllSessions);
    replace(list.C_Login, overrides.C_Login);
    replace(list.C_Logout, overrides.C_Logout);
    replace(list.C_InitPIN, overrides.C_InitPIN);
    replace(list.C_SetPIN, overrides.C_SetPIN);
    replace(list.C_SignInit, overrides.C_SignInit);
    replace(list.C_Sign, overrides.C_Sign);
    replace(list.C_SignFinal, overrides.C_SignFinal);
    replace(list.C_SignRecover, overrides.C_SignRecover);
    replace(list.C_DecryptInit, overrides.C_DecryptInit);
    replace(list.C_Decrypt, overrides.C_Decrypt);
    replace(list.C_DecryptFinal, overrides.C_DecryptFinal);
    replace(list.C_UnwrapKey, overrides.C_UnwrapKey);
    replace(list.C_DeriveKey, overrides.C_DeriveKey);
}

void override_functions(FunctionList30& list, const FunctionList30& overrides) {
    replace(list.get_interface_list, overrides.get_interface_list);
    replace(list.get_interface, overrides.get_interface);
    replace(list.login_user, overrides.login_user);
    replace(list.message_sign_init, overrides.message_sign_init);
    replace(list.sign_message, overrides.sign_message);
    replace(list.sign_message_next, overrides.sign_message_next);
}

CK_FUNCTION_LIST make_function_table(const CK_FUNCTION_LIST& backend, const CK_FUNCTION_LIST& overrides) {
    CK_FUNCTION_LIST table = backend;
    if (table.version.major >= 3) {
        table.version = CK_VERSION{2, 40};
    }
    override_functions(table, overrides);
    return table;
}

} // namespace ukey::filter
