// SPDX-License-Identifier: Apache-2.0
#include "tools/report/month_export.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "daemon/core/bundle.hpp"
#include "tools/audit/whole_file.hpp"

namespace ukey::ctl {
namespace {

/// Enough of a fingerprint to tell the computers of an office apart.
constexpr std::size_t fingerprint_digits = 8;

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

/// 0: it is no bundle, or none that is whole. Whether it is right is not looked at: the next one begins at a
/// record that the service has signed, or the service says that there is none.
std::uint64_t end_of_bundle(const std::string& path) {
    const auto file = read_whole_file(path);
    if (!file) {
        return 0;
    }
    BundleReader reader(*file);
    for (auto section = reader.next(); section && *section; section = reader.next()) {
        if ((*section)->kind == BundleSectionKind::end) {
            const auto end = parse_bundle_end((*section)->body);
            return end ? end->end.last_seq : 0;
        }
    }
    return 0;
}

} // namespace

ChinaMonth month_before(const ChinaMonth& month) {
    return month.month == 1 ? ChinaMonth{.year = month.year - 1, .month = 12}
                            : ChinaMonth{.year = month.year, .month = month.month - 1};
}

bool MonthFiles::has_bundle() const {
    return exists(bundle);
}

bool MonthFiles::complete() const {
    return exists(spreadsheet) && exists(page) && has_bundle();
}

MonthFiles month_files(const std::string& folder, const std::string& fingerprint, const ChinaMonth& month) {
    const std::string stem =
        fmt::format("{}/ukey-{}-{}", folder, month.text(), fingerprint.substr(0, fingerprint_digits));
    return {.spreadsheet = stem + ".xlsx", .page = stem + ".html", .bundle = stem + ".bundle"};
}

std::vector<ChinaMonth> months_to_export(const std::string& folder, const std::string& fingerprint,
                                         Timestamp now) {
    std::vector<ChinaMonth> months;
    const ChinaMonth last = month_before(ChinaMonth::containing(now));
    ChinaMonth month = last;
    for (unsigned back = 0; back < months_made_up_max; ++back, month = month_before(month)) {
        if (month_files(folder, fingerprint, month).complete()) {
            std::ranges::reverse(months);
            return months;
        }
        months.push_back(month);
    }
    return {last};
}

std::uint64_t end_of_earlier_bundle(const std::string& folder, const std::string& fingerprint,
                                    const ChinaMonth& month) {
    ChinaMonth earlier = month_before(month);
    for (unsigned back = 0; back < months_made_up_max; ++back, earlier = month_before(earlier)) {
        const std::string path = month_files(folder, fingerprint, earlier).bundle;
        if (const std::uint64_t end = exists(path) ? end_of_bundle(path) : 0; end > 0) {
            return end;
        }
    }
    return 0;
}

} // namespace ukey::ctl
