// SPDX-License-Identifier: Apache-2.0
// The registry of organisations in the database. Store thread only; blocking.
#pragma once

#include <functional>
#include <vector>

#include "daemon/core/registry_file.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

struct ImportCounts {
    std::size_t added = 0;
    std::size_t changed = 0;
    std::size_t unchanged = 0;
};

/// Checks all rows against each other and against what is there, then adds and changes; all or nothing, with
/// the record `registry.imported`. Organisations that are not named stay as they are. With `dry_run` nothing
/// is written.
Result<ImportCounts> import_registry(Storage& storage, const std::string& file,
                                     const std::vector<RegistryRow>& rows, std::uint32_t uid, bool dry_run);

/// An organisation with the keys bound to it.
struct OrganisationEntry {
    Organisation organisation;
    std::vector<std::string> key_ids;
};

/// In the order of their paths; `match` is part of a path or a code, empty for all.
Result<std::vector<OrganisationEntry>> list_organisations(Storage& storage, const std::string& match);

/// By code, by path as join_path writes it, or by a name that only one has. Errors `organisation.not_found`,
/// `organisation.ambiguous`.
Result<OrganisationEntry> find_organisation(Storage& storage, const std::string& wanted);

} // namespace ukey
