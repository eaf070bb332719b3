// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/verification.hpp"

#include <algorithm>
#include <thread>

#include "tools/audit/mapped_file.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"

namespace ukey::ctl {
namespace {

/// A file, whole; the progress is over all of them.
Outcome<VerifiedFile> verify_file(const std::string& file, const MappedFile& mapped, const TrustList* trusted,
                                  const BundleCheckOptions& options) {
    VerifiedFile verified{
        .file = file, .bundle = check_bundle(mapped.bytes(), options), .trust = std::nullopt, .name = {}};
    if (trusted != nullptr) {
        verified.trust = trusted->of(verified.bundle.workstation);
        verified.name = trusted->name_of(verified.bundle.workstation);
    }
    return verified;
}

/// Only bundles that hold for themselves can be set against each other.
void compare(Verification& verification) {
    const auto& files = verification.files;
    for (auto begin = files.begin(); begin != files.end();) {
        const auto end = std::find_if(begin, files.end(), [&](const VerifiedFile& file) {
            return file.bundle.workstation != begin->bundle.workstation;
        });
        std::vector<const CheckedBundle*> bundles;
        std::vector<std::string> names;
        for (auto file = begin; file != end; ++file) {
            if (file->bundle.problems.empty()) {
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
    std::optional<TrustList> trusted;
    if (!request.trust_list.empty()) {
        auto list = TrustList::load(request.trust_list);
        if (!list) {
            return fail_with(list.error());
        }
        trusted = std::move(*list);
    }
    auto authorities = TrustStore::load(request.ca_paths);
    if (!authorities) {
        return fail_with(authorities.error());
    }
    std::vector<MappedFile> mapped;
    std::size_t total = 0;
    for (const std::string& file : request.files) {
        auto bytes = MappedFile::open(file);
        if (!bytes) {
            return fail_with(bytes.error());
        }
        total += bytes->bytes().size();
        mapped.push_back(std::move(*bytes));
    }
    constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
    Progress progress(N_("{done} of {total} MiB checked"), total / mebibyte);
    std::size_t done = 0;
    Verification verification;
    for (std::size_t index = 0; index < mapped.size(); ++index) {
        const BundleCheckOptions options{
            .threads = std::max(1U, std::thread::hardware_concurrency()),
            .trust = request.ca_paths.empty() ? nullptr : &*authorities,
            .progress = [&](std::size_t bytes) { progress.advance_to((done + bytes) / mebibyte); }};
        auto verified =
            verify_file(request.files[index], mapped[index], trusted ? &*trusted : nullptr, options);
        if (!verified) {
            return tl::unexpected(verified.error());
        }
        verification.files.push_back(std::move(*verified));
        done += mapped[index].bytes().size();
    }
    std::ranges::stable_sort(verification.files, [](const VerifiedFile& one, const VerifiedFile& other) {
        return std::pair(one.bundle.workstation, one.bundle.header.written) <
               std::pair(other.bundle.workstation, other.bundle.header.written);
    });
    compare(verification);
    return verification;
}

} // namespace ukey::ctl
