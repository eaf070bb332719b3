// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module with one slot and one token that fails on demand. The behaviour is the first word of the
// file named by UKEY_FAULT_MODULE_BEHAVIOUR, read again at every call, so that a test switches it live; a
// write to that file is also a slot event. Behaviours are named after their failure:
//   good, no_token, other_token, crash_in_initialize, crash_in_token_info, initialize_failed,
//   hang_in_initialize, hang_in_slot_list, hang_in_token_info, hang_in_finalize, slot_list_fails,
//   garbage_lengths, garbage_slot_count, token_info_device_error, slot_info_canned (says "present" of a token
//   that is not), pin_locked, events_unsupported, event_storm, hang_in_login, hang_in_sign, throw_in_login,
//   wait_in_function_list (until somebody opens the file's name + ".gate", a FIFO, for writing),
//   load_filter_in_function_list (the module that UKEY_FAULT_MODULE_FILTER names)
// Some calls are counted in the file's name + ".calls", one letter each: C_GetSlotInfo i, C_GetTokenInfo t,
// C_OpenSession s, C_Login l, C_Sign g, C_Finalize f, and w when C_GetFunctionList begins to wait. A
// behaviour with a name of at most 15 letters allocates no memory.
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

constexpr CK_SLOT_ID the_slot = 7;
constexpr CK_SESSION_HANDLE the_session = 1;
constexpr CK_OBJECT_HANDLE the_certificate = 11;
constexpr std::string_view certificate_value = "not a certificate, but bytes";

std::atomic<bool> initialized = false;
std::atomic<bool> logged_in = false;
bool certificate_found = false;

const char* behaviour_path() {
    const char* path = std::getenv("UKEY_FAULT_MODULE_BEHAVIOUR");
    return path == nullptr ? "" : path;
}

/// A file beside the behaviour's.
class PathBeside {
  public:
    explicit PathBeside(const char* suffix) {
        std::snprintf(path_.data(), path_.size(), "%s%s", behaviour_path(), suffix);
    }
    const char* c_str() const { return path_.data(); }

  private:
    std::array<char, PATH_MAX> path_{};
};

std::string behaviour() {
    const int file = open(behaviour_path(), O_RDONLY | O_CLOEXEC);
    std::array<char, 64> text{};
    const ssize_t count = file < 0 ? 0 : read(file, text.data(), text.size());
    close(file);
    const std::string_view read_text(text.data(), count < 0 ? 0 : static_cast<std::size_t>(count));
    return std::string(read_text.substr(0, read_text.find_first_of(" \n")));
}

void note_call(char call) {
    const int file = open(PathBeside(".calls").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    [[maybe_unused]] const ssize_t written = write(file, &call, 1);
    close(file);
}

[[noreturn]] void hang() {
    for (;;) {
        pause();
    }
}

[[noreturn]] void crash() {
    // Not raise(): a sanitizer's handler would print a report of pages.
    signal(SIGSEGV, SIG_DFL);
    kill(getpid(), SIGSEGV);
    hang();
}

template <std::size_t Size>
void fill(unsigned char (&field)[Size], std::string_view text) {
    std::memset(field, ' ', Size);
    std::memcpy(field, text.data(), std::min(Size, text.size()));
}

bool token_is_there(std::string_view how) {
    return how != "no_token" && how != "slot_info_canned";
}

CK_RV initialize(void*) {
    const std::string how = behaviour();
    if (how == "crash_in_initialize") {
        crash();
    }
    if (how == "hang_in_initialize") {
        hang();
    }
    if (how == "initialize_failed") {
        return CKR_DEVICE_ERROR;
    }
    initialized = true;
    return CKR_OK;
}

CK_RV finalize(void*) {
    note_call('f');
    if (behaviour() == "hang_in_finalize") {
        hang();
    }
    initialized = false;
    logged_in = false;
    return CKR_OK;
}

CK_RV get_info(CK_INFO* info) {
    *info = {};
    info->cryptokiVersion = {2, 40};
    fill(info->manufacturerID, "U-Key tests");
    fill(info->libraryDescription, "Fault module");
    info->libraryVersion = {1, 2};
    return CKR_OK;
}

CK_RV get_slot_list(unsigned char, CK_SLOT_ID* slots, CK_ULONG* count) {
    const std::string how = behaviour();
    if (how == "hang_in_slot_list") {
        hang();
    }
    if (how == "slot_list_fails") {
        return CKR_GENERAL_ERROR;
    }
    if (how == "garbage_slot_count") {
        *count = 0x7FFFFFFFFFFFFFFFUL;
        return CKR_OK;
    }
    if (slots != nullptr && *count >= 1) {
        slots[0] = the_slot;
    }
    *count = 1;
    return CKR_OK;
}

CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO* info) {
    if (slot != the_slot) {
        return CKR_SLOT_ID_INVALID;
    }
    note_call('i');
    *info = {};
    fill(info->slotDescription, "Fault slot \xFF");
    fill(info->manufacturerID, "U-Key tests");
    info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
    if (behaviour() != "no_token") {
        info->flags |= CKF_TOKEN_PRESENT;
    }
    return CKR_OK;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    const std::string how = behaviour();
    note_call('t');
    if (how == "crash_in_token_info") {
        crash();
    }
    if (how == "hang_in_token_info") {
        hang();
    }
    if (how == "token_info_device_error") {
        return CKR_DEVICE_ERROR;
    }
    if (slot != the_slot || !token_is_there(how)) {
        return CKR_TOKEN_NOT_PRESENT;
    }
    *info = {};
    fill(info->label, "党支部");
    fill(info->manufacturerID, "U-Key tests");
    fill(info->model, "fault");
    fill(info->serialNumber, how == "other_token" ? "0002" : "0001");
    info->flags = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;
    if (how == "pin_locked") {
        info->flags |= CKF_USER_PIN_LOCKED;
    }
    info->ulMaxPinLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_OK;
}

/// Blocks until the behaviour's file is written to, or C_Finalize.
CK_RV wait_for_slot_event(CK_FLAGS, CK_SLOT_ID* slot, void*) {
    const std::string how = behaviour();
    if (how == "events_unsupported") {
        return CKR_FUNCTION_NOT_SUPPORTED;
    }
    *slot = the_slot;
    if (how == "event_storm") {
        return CKR_OK;
    }
    static const int watch = [] {
        const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        inotify_add_watch(inotify, behaviour_path(), IN_CLOSE_WRITE);
        return inotify;
    }();
    while (initialized) {
        constexpr int finalized_check_ms = 20;
        pollfd waiting{watch, POLLIN, 0};
        if (poll(&waiting, 1, finalized_check_ms) > 0) {
            std::array<char, 4096> events{};
            [[maybe_unused]] const ssize_t count = read(watch, events.data(), events.size());
            return CKR_OK;
        }
    }
    return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV open_session(CK_SLOT_ID, CK_FLAGS, void*, CK_NOTIFY, CK_SESSION_HANDLE* session) {
    note_call('s');
    *session = the_session;
    return CKR_OK;
}

CK_RV close_session(CK_SESSION_HANDLE) {
    [[maybe_unused]] const std::string how = behaviour(); // a cancellation point, as a card's module has it
    return CKR_OK;
}

CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO* info) {
    if (session != the_session) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    *info = {};
    info->slotID = the_slot;
    info->state = logged_in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
    return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR*, CK_ULONG) {
    note_call('l');
    const std::string how = behaviour();
    if (how == "hang_in_login") {
        hang();
    }
    if (how == "throw_in_login") {
        throw std::runtime_error("a module's own exception");
    }
    logged_in = true;
    return CKR_OK;
}

CK_RV logout(CK_SESSION_HANDLE) {
    [[maybe_unused]] const std::string how = behaviour();
    logged_in = false;
    return CKR_OK;
}

CK_RV set_pin(CK_SESSION_HANDLE, CK_UTF8CHAR*, CK_ULONG, CK_UTF8CHAR*, CK_ULONG) {
    [[maybe_unused]] const std::string how = behaviour();
    return CKR_OK;
}

CK_RV sign_init(CK_SESSION_HANDLE, CK_MECHANISM*, CK_OBJECT_HANDLE) {
    return CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE, CK_BYTE*, CK_ULONG, CK_BYTE*, CK_ULONG* signature_bytes) {
    note_call('g');
    if (behaviour() == "hang_in_sign") {
        hang();
    }
    *signature_bytes = 1;
    return CKR_OK;
}

CK_RV find_objects_init(CK_SESSION_HANDLE, CK_ATTRIBUTE* filter, CK_ULONG) {
    CK_OBJECT_CLASS wanted = 0;
    std::memcpy(&wanted, filter->pValue, sizeof wanted);
    certificate_found = wanted != CKO_CERTIFICATE;
    return CKR_OK;
}

CK_RV find_objects(CK_SESSION_HANDLE, CK_OBJECT_HANDLE* objects, CK_ULONG, CK_ULONG* count) {
    *count = 0;
    if (behaviour() == "garbage_lengths") {
        *count = 0xFFFFFFFFUL;
    } else if (!certificate_found) {
        objects[0] = the_certificate;
        *count = 1;
        certificate_found = true;
    }
    return CKR_OK;
}

CK_RV find_objects_final(CK_SESSION_HANDLE) {
    return CKR_OK;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE* attributes, CK_ULONG) {
    if (behaviour() == "garbage_lengths") {
        constexpr CK_ULONG four_gib = 0x100000000UL;
        attributes->ulValueLen = attributes->type == CKA_LABEL ? CK_UNAVAILABLE_INFORMATION : four_gib;
        return CKR_OK;
    }
    if (attributes->type != CKA_VALUE) {
        attributes->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (attributes->pValue != nullptr) {
        std::memcpy(attributes->pValue, certificate_value.data(), certificate_value.size());
    }
    attributes->ulValueLen = certificate_value.size();
    return CKR_OK;
}

CK_FUNCTION_LIST function_list() {
    CK_FUNCTION_LIST list{};
    list.version = {2, 40};
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetInfo = get_info;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_GetSlotList = get_slot_list;
    list.C_GetSlotInfo = get_slot_info;
    list.C_GetTokenInfo = get_token_info;
    list.C_WaitForSlotEvent = wait_for_slot_event;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_GetSessionInfo = get_session_info;
    list.C_Login = login;
    list.C_Logout = logout;
    list.C_SetPIN = set_pin;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    list.C_FindObjectsInit = find_objects_init;
    list.C_FindObjects = find_objects;
    list.C_FindObjectsFinal = find_objects_final;
    list.C_GetAttributeValue = get_attribute_value;
    return list;
}

void wait_at_the_gate() {
    note_call('w');
    close(open(PathBeside(".gate").c_str(), O_RDONLY | O_CLOEXEC));
}

CK_RV load_filter() {
    void* library = dlopen(std::getenv("UKEY_FAULT_MODULE_FILTER"), RTLD_NOW | RTLD_LOCAL);
    const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* list = nullptr;
    const CK_RV rv = get_list(&list);
    dlclose(library);
    return rv;
}

} // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    const std::string how = behaviour();
    if (how == "wait_in_function_list") {
        wait_at_the_gate();
    }
    if (how == "load_filter_in_function_list") {
        return load_filter();
    }
    static CK_FUNCTION_LIST functions = function_list();
    *list = &functions;
    return CKR_OK;
}
