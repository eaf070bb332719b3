// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/archive_check.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include "daemon/core/certificate.hpp"
#include "tools/audit/bundle_check.hpp"
#include "tools/audit/whole_file.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {
namespace {

constexpr std::size_t mebibyte = std::size_t{1024} * 1024;

/// nullopt: it has what it should.
std::optional<std::string> find_fault(const CheckedBundle& bundle, const ArchiveCheckRequest& request) {
    if (!bundle.is_signed()) {
        const BundleProblem& problem = bundle.problems.front();
        return explain(problem.code,
                       {{"seq", std::to_string(problem.seq.value_or(0))}, {"reason", problem.reason}}, {})
            .message;
    }
    if (bundle.workstation != request.workstation) {
        return _("another workstation wrote it");
    }
    const bool all = bundle.header.first_seq <= request.first_seq && bundle.last_seq >= request.last_seq;
    const bool can_be_cut = std::ranges::any_of(bundle.checkpoints, [&](const SignedCheckpoint& checkpoint) {
        return checkpoint.checkpoint.seq == request.last_seq;
    });
    return all && can_be_cut ? std::nullopt : std::optional<std::string>(_("records are missing in it"));
}

} // namespace

Outcome<std::string> check_archive(const ArchiveCheckRequest& request) {
    const auto bytes = read_whole_file(request.file);
    if (!bytes) {
        return fail_with(bytes.error());
    }
    Progress progress(N_("{done} of {total} MiB checked"), bytes->size() / mebibyte);
    const BundleCheckOptions options{
        .threads = std::max(1U, std::thread::hardware_concurrency()),
        .trust = nullptr,
        .progress = [&](std::size_t done) { progress.advance_to(done / mebibyte); }};
    const CheckedBundle bundle = check_bundle(*bytes, options);
    if (const auto fault = find_fault(bundle, request)) {
        return fail_with("audit.archive_wrong", {{"object", request.file}, {"reason", *fault}});
    }
    return sha256_hex(*bytes);
}

} // namespace ukey::ctl
