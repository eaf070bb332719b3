// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/module.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <utility>

#include "daemon/core/text.hpp"
#include "daemon/core/token.hpp"
#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/elf_header.hpp"
#include "pkcs11/client/raw.hpp"

namespace ukey::pkcs11 {
namespace {

std::string version_text(const CK_VERSION& version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

/// The standard wants every pointer of the list set (§5.4 C_GetFunctionList); a null one would be a crash
/// later. C_WaitForSlotEvent is checked where it is used: modules without it are common.
bool has_needed_functions(const CK_FUNCTION_LIST& list) {
    return list.C_Initialize != nullptr && list.C_Finalize != nullptr && list.C_GetInfo != nullptr &&
           list.C_GetSlotList != nullptr && list.C_GetSlotInfo != nullptr && list.C_GetTokenInfo != nullptr &&
           list.C_OpenSession != nullptr && list.C_CloseSession != nullptr &&
           list.C_FindObjectsInit != nullptr && list.C_FindObjects != nullptr &&
           list.C_FindObjectsFinal != nullptr && list.C_GetAttributeValue != nullptr;
}

std::string last_dl_error() {
    const char* text = dlerror(); // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    return text == nullptr ? "unknown reason" : to_printable_utf8(text);
}

} // namespace

std::string padded_text(const unsigned char* field, std::size_t field_bytes) {
    std::string_view text(reinterpret_cast<const char*>(field), field_bytes);
    text = text.substr(0, text.find('\0'));
    const std::size_t last = text.find_last_not_of(' ');
    text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    return to_printable_utf8(text);
}

Module::Module(std::string path) : path_(std::move(path)), raw_(std::make_unique<Raw>()) {}

Module::~Module() {
    finalize();
    if (raw_->library != nullptr) {
        dlclose(raw_->library);
    }
}

Result<std::shared_ptr<Module>> Module::load(const std::string& path) {
    if (auto checked = check_module_file(path); !checked) {
        return tl::unexpected(checked.error());
    }
    const std::shared_ptr<Module> module(new Module(path));
    if (auto opened = module->open_library(); !opened) {
        return tl::unexpected(opened.error());
    }
    if (auto initialized = module->initialize(); !initialized) {
        return tl::unexpected(initialized.error());
    }
    return module;
}

Result<void> Module::open_library() {
    raw_->library = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (raw_->library == nullptr) {
        return fail("module.not_loadable", "load the module", path_, last_dl_error());
    }
    const auto get_function_list =
        reinterpret_cast<CK_C_GetFunctionList>(dlsym(raw_->library, "C_GetFunctionList"));
    if (get_function_list == nullptr) {
        return fail("module.not_pkcs11", "load the module", path_, "it has no C_GetFunctionList");
    }
    const CK_RV rv = get_function_list(&raw_->functions);
    if (rv != CKR_OK) {
        return fail("module.not_pkcs11", "load the module", path_, "C_GetFunctionList says " + rv_name(rv));
    }
    if (raw_->functions == nullptr || !has_needed_functions(*raw_->functions)) {
        return fail("module.not_pkcs11", "load the module", path_, "its function list is incomplete");
    }
    return {};
}

Result<void> Module::initialize() {
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    CK_RV rv = raw_->functions->C_Initialize(&arguments);
    if (rv == CKR_CANT_LOCK) {
        thread_safe_ = false;
        rv = raw_->functions->C_Initialize(nullptr);
    }
    // Somebody else's C_Initialize in this process would be somebody else's to undo; here there is nobody
    // else.
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return fail("module.initialize_failed", "initialise the module", path_,
                    "C_Initialize says " + rv_name(rv));
    }
    initialized_ = true;
    return {};
}

void Module::finalize() noexcept {
    if (initialized_.exchange(false)) {
        raw_->functions->C_Finalize(nullptr);
    }
}

Result<ModuleInfo> Module::info() const {
    CK_INFO info{};
    const CK_RV rv = raw_->functions->C_GetInfo(&info);
    if (rv != CKR_OK) {
        return call_failed("C_GetInfo", rv);
    }
    return ModuleInfo{.description = padded_text(info.libraryDescription),
                      .manufacturer = padded_text(info.manufacturerID),
                      .library_version = version_text(info.libraryVersion),
                      .cryptoki_version = version_text(info.cryptokiVersion)};
}

Result<std::vector<SlotId>> Module::slot_ids() const {
    CK_ULONG count = 0;
    CK_RV rv = raw_->functions->C_GetSlotList(CK_FALSE, nullptr, &count);
    if (rv != CKR_OK) {
        return call_failed("C_GetSlotList", rv);
    }
    // A buffer of the full bound, whatever was announced: a reader that appears between the calls does no
    // harm.
    std::vector<SlotId> ids(slots_max);
    count = slots_max;
    rv = raw_->functions->C_GetSlotList(CK_FALSE, ids.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && count > slots_max)) {
        return over_limit("C_GetSlotList");
    }
    if (rv != CKR_OK) {
        return call_failed("C_GetSlotList", rv);
    }
    ids.resize(count);
    return ids;
}

Result<SlotId> Module::wait_for_slot_event() const {
    if (raw_->functions->C_WaitForSlotEvent == nullptr) {
        return call_failed("C_WaitForSlotEvent", CKR_FUNCTION_NOT_SUPPORTED);
    }
    SlotId slot = 0;
    const CK_RV rv = raw_->functions->C_WaitForSlotEvent(0, &slot, nullptr);
    if (rv != CKR_OK) {
        return call_failed("C_WaitForSlotEvent", rv);
    }
    return slot;
}

} // namespace ukey::pkcs11
