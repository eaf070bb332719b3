// SPDX-License-Identifier: Apache-2.0
#include "tools/report/assessment_output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "tools/locale.hpp"
#include "tools/report/assessment_html.hpp"
#include "tools/report/assessment_text.hpp"
#include "tools/report/assessment_xlsx.hpp"

namespace ukey::ctl {
namespace {

constexpr std::size_t copied_bytes = std::size_t{64} * 1024;

/// A file of its own that goes away with this. libxlsxwriter writes to a name only.
class TemporaryFile {
  public:
    static Outcome<TemporaryFile> create() {
        std::error_code error;
        std::string path = std::filesystem::temp_directory_path(error) / "ukeyctl-XXXXXX";
        const int descriptor = error ? -1 : mkostemp(path.data(), O_CLOEXEC);
        if (descriptor < 0) {
            const std::error_code reason = error ? error : std::error_code(errno, std::generic_category());
            return fail_with("file.unwritable", {{"object", path}, {"reason", reason.message()}});
        }
        close(descriptor);
        return TemporaryFile(std::move(path));
    }

    TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFile& operator=(TemporaryFile&&) = delete;
    TemporaryFile(const TemporaryFile&) = delete; // removes the file
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (!path_.empty()) {
            unlink(path_.c_str());
        }
    }

    const std::string& path() const { return path_; }

  private:
    explicit TemporaryFile(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

Outcome<void> write_xlsx(const MonthAssessment& assessment, OutputFile& output) {
    const auto made = TemporaryFile::create();
    if (!made) {
        return tl::unexpected(made.error());
    }
    if (auto written = write_assessment_xlsx(assessment, made->path()); !written) {
        return written;
    }
    std::ifstream stream(made->path(), std::ios::binary);
    std::array<char, copied_bytes> piece{};
    while (stream.read(piece.data(), piece.size()) || stream.gcount() > 0) {
        output.write({piece.data(), static_cast<std::size_t>(stream.gcount())});
    }
    if (!stream.eof()) {
        return fail_with("file.unreadable",
                         {{"object", made->path()},
                          {"reason", std::error_code(errno, std::generic_category()).message()}});
    }
    return {};
}

} // namespace

const std::vector<std::string>& assessment_format_names() {
    static const std::vector<std::string> names{"table", "json", "csv", "xlsx", "html"}; // as in the enum
    return names;
}

std::optional<AssessmentFormat> parse_assessment_format(std::string_view name) {
    const auto& names = assessment_format_names();
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? std::nullopt
                                : std::optional(static_cast<AssessmentFormat>(found - names.begin()));
}

Outcome<void> write_assessment(const MonthAssessment& assessment, AssessmentFormat format, const Style& style,
                               OutputFile& output) {
    switch (format) {
    case AssessmentFormat::table:
        write_assessment_table(assessment, style, output);
        return {};
    case AssessmentFormat::json:
        write_assessment_json(assessment, output);
        return {};
    case AssessmentFormat::csv:
        write_assessment_csv(assessment, output);
        return {};
    case AssessmentFormat::xlsx:
        return write_xlsx(assessment, output);
    case AssessmentFormat::html:
        write_assessment_html(assessment, output);
        return {};
    }
    return {};
}

Outcome<void> check_output(AssessmentFormat format, const std::string& path) {
    if (format == AssessmentFormat::xlsx && path.empty() && isatty(STDOUT_FILENO) == 1) {
        return fail_with(
            "usage.arguments",
            {{"reason", _("a spreadsheet cannot be shown on a terminal; name a file with --output")},
             {"program", "ukeyctl"}});
    }
    return {};
}

Outcome<void> render_assessment(const MonthAssessment& assessment, AssessmentFormat format,
                                const std::string& path, const Style& style) {
    if (auto possible = check_output(format, path); !possible) {
        return possible;
    }
    auto output = OutputFile::open(path);
    if (!output) {
        return tl::unexpected(output.error());
    }
    const Style chosen = path.empty() ? style : Style{};
    return write_assessment(assessment, format, chosen, *output).and_then([&] { return output->commit(); });
}

} // namespace ukey::ctl
