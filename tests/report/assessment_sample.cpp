// SPDX-License-Identifier: Apache-2.0
// Writes a sample assessment, for tests that look at the file with other programs.
//
//     assessment_sample FORMAT SCOPE ORGANISATIONS FILE
#include <cstdio>
#include <cstdlib>

#include "tests/support/assessment_sample.hpp"
#include "tools/locale.hpp"
#include "tools/report/assessment_output.hpp"

int main(int argument_count, char** arguments) {
    using namespace ukey;
    constexpr int all_arguments = 5;
    const auto format =
        argument_count == all_arguments ? ctl::parse_assessment_format(arguments[1]) : std::nullopt;
    if (!format) {
        std::fputs("usage: assessment_sample FORMAT workstation|district ORGANISATIONS FILE\n", stderr);
        return 2;
    }
    ctl::set_up_locale();
    const AssessmentScope scope = std::string_view(arguments[2]) == "district" ? AssessmentScope::district
                                                                               : AssessmentScope::workstation;
    const auto assessment = test::sample_assessment(scope, std::strtoul(arguments[3], nullptr, 10));
    const auto written = ctl::render_assessment(assessment, *format, arguments[4], {});
    if (!written) {
        std::fprintf(stderr, "assessment_sample: %s\n", written.error().code.c_str());
        return 1;
    }
    return 0;
}
