// SPDX-License-Identifier: Apache-2.0
// The platform's, or the VPN's, own records of logins: a second kind of evidence, never mixed with ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

struct PlatformLogin {
    std::string organisation; ///< code
    Timestamp time{};

    bool operator==(const PlatformLogin&) const = default;
};

/// A CSV file with the columns 组织代码 (code) and 登录时间 (time), in any order and among others; the time
/// is China time, as 2026-04-01 08:30:00, also with slashes and without seconds. Errors
/// `platform.missing_column`, `platform.bad_cell` with “file:line”, `text.undecodable`, `csv.*`.
Result<std::vector<PlatformLogin>> read_platform_logins(std::string_view file, std::string_view bytes);

struct PlatformImport {
    std::size_t added = 0;
    std::size_t known = 0; ///< the same login was there before
    std::vector<std::string>
        unknown_organisations; ///< that the registry does not have; they are kept all the same
};

/// All or nothing.
Result<PlatformImport> import_platform_logins(Database& database, const std::vector<PlatformLogin>& logins);

} // namespace ukey::ctl::district
