// SPDX-License-Identifier: Apache-2.0
// Registering the filter with the programs that use PKCS#11 modules: what is to change, changing it, undoing
// it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/finding.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// Who asks. Root changes what holds for everybody, others what is their own: root follows no path that
/// another user could have prepared.
struct SetupCaller {
    bool root = false;
    std::string home;         ///< of the password database, as ssh(1) takes it
    std::string state_folder; ///< where what was replaced is kept

    static SetupCaller current();
};

struct SetupQuestion {
    SetupCaller caller;
    std::string filter;  ///< path of ukey-pkcs11.so
    std::string backend; ///< path of the module behind it
};

struct FileEdit {
    std::string path;
    std::optional<std::string> before; ///< nothing: there is no such file
    std::optional<std::string> after;

    bool applied() const { return before == after; }
};

struct SetupPlan {
    std::vector<FileEdit> edits; ///< in the order of writing; those that are applied already are among them
    std::vector<Finding> notes;
};

struct SetupTarget {
    std::string_view name;
    bool root_only = false;
    Outcome<SetupPlan> (*plan)(const SetupQuestion& question) = nullptr;
    /// Why that file must not be changed now; may be null.
    Outcome<void> (*may_change)(const std::string& path) = nullptr;
};

/// One file each: tools/setup/p11_kit.cpp …
extern const SetupTarget setup_p11_kit;
extern const SetupTarget setup_nss;
extern const SetupTarget setup_openssl;
extern const SetupTarget setup_ssh;

/// Errors `filter.missing`, `setup.no_backend`.
Outcome<SetupQuestion> setup_question();

/// Writes all edits that are not applied yet, or none; keeps first what they replace.
Outcome<void> apply_setup(const SetupTarget& target, const SetupCaller& caller,
                          const std::vector<FileEdit>& edits);

struct SetupReverted {
    std::vector<std::string> paths; ///< that are again as they were
    std::vector<Finding> notes;     ///< `setup.changed_since`: those that were left alone
};

/// Restores every file that is still as apply_setup left it.
Outcome<SetupReverted> revert_setup(const SetupTarget& target, const SetupCaller& caller);

} // namespace ukey::ctl
