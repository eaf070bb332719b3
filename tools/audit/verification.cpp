// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/verification.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

#include "tools/audit/authorities.hpp"
#include "tools/audit/whole_file.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"

namespace ukey::ctl {
namespace {

constexpr std::size_t mebibyte = std::size_t{1024} * 1024;

/// What is checked against.
struct Known {
    std::optional<TrustList> workstations;
    std::optional<TrustStore> authorities;
};

Outcome<Known> load_known(const VerificationRequest& request) {
    Known known;
    if (request.trust_list) {
        auto list = TrustList::load(*request.trust_list);
        if (!list) {
            return fail_with(list.error());
        }
        known.workstations = std::move(*list);
    }
    auto authorities = load_authorities(request.ca_paths);
    if (!authorities) {
        return tl::unexpected(authorities.error());
    }
    known.authorities = std::move(*authorities);
    return known;
}

/// By the newest of its keys that the list has: what is said of an older one holds for those that it vouches
/// for.
void judge_identity(VerifiedFile& file, const TrustList& list) {
    file.trust = list.of(file.bundle.workstation);
    file.name = list.name_of(file.bundle.workstation);
    const std::vector<std::string>& identities = file.bundle.identities;
    for (auto older = identities.rbegin();
         older != identities.rend() && file.trust == WorkstationTrust::unknown; ++older) {
        file.trust = list.of(*older);
        file.name = list.name_of(*older);
        file.trusted_through = file.trust == WorkstationTrust::unknown ? std::string() : *older;
    }
}

Outcome<VerifiedFile> verify_file(const std::string& file, const Known& known, Progress& progress,
                                  std::size_t& done) {
    const auto bytes = read_whole_file(file);
    if (!bytes) {
        return fail_with(bytes.error());
    }
    const BundleCheckOptions options{
        .threads = std::max(1U, std::thread::hardware_concurrency()),
        .trust = known.authorities ? &*known.authorities : nullptr,
        .progress = [&](std::size_t checked) { progress.advance_to((done + checked) / mebibyte); }};
    VerifiedFile verified{.file = file,
                          .bundle = check_bundle(*bytes, options),
                          .trust = std::nullopt,
                          .name = {},
                          .trusted_through = {}};
    if (known.workstations) {
        judge_identity(verified, *known.workstations);
    }
    done += bytes->size();
    return verified;
}

/// By the time they were written, by the workstation's own clock; of two at one time the shorter is the
/// earlier.
auto place_in_time(const VerifiedFile& file) {
    return std::tuple(file.bundle.origin(), file.bundle.header.written, file.bundle.last_seq);
}

/// Only bundles that are signed as a whole can be set against each other.
void compare(Verification& verification) {
    const auto& files = verification.files;
    for (auto begin = files.begin(); begin != files.end();) {
        const auto end = std::find_if(begin, files.end(), [&](const VerifiedFile& file) {
            return file.bundle.origin() != begin->bundle.origin();
        });
        std::vector<const CheckedBundle*> bundles;
        std::vector<std::string> names;
        for (auto file = begin; file != end; ++file) {
            if (file->bundle.is_signed()) {
                bundles.push_back(&file->bundle);
                names.push_back(file->file);
            }
        }
        for (BundleContradiction& found : compare_bundles(bundles)) {
            verification.contradictions.push_back(
                {names[found.earlier], names[found.later], std::move(found.problem)});
        }
        begin = end;
    }
}

} // namespace

bool Verification::holds() const {
    return std::ranges::all_of(files, &VerifiedFile::holds) && contradictions.empty();
}

Outcome<Verification> verify_files(const VerificationRequest& request) {
    const auto known = load_known(request);
    if (!known) {
        return tl::unexpected(known.error());
    }
    Progress progress(N_("{done} of {total} MiB checked"), total_bytes(request.files) / mebibyte);
    std::size_t done = 0;
    Verification verification;
    for (const std::string& file : request.files) {
        auto verified = verify_file(file, *known, progress, done);
        if (!verified) {
            return tl::unexpected(verified.error());
        }
        verification.files.push_back(std::move(*verified));
    }
    std::ranges::stable_sort(verification.files, {}, place_in_time);
    compare(verification);
    return verification;
}

} // namespace ukey::ctl
