// SPDX-License-Identifier: Apache-2.0
#include "tools/render.hpp"

#include <gtest/gtest.h>

#include "daemon/core/text.hpp"
#include "tests/tools/fake_control_server.hpp"
#include "tools/verbs/status.hpp"
#include "tools/verbs/watch.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;
using ::testing::Test;

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST(Table, ColumnsLineUpWithChineseText) {
    Table table({"A", "B"});
    table.add({{"教工支部"}, {"|"}});
    table.add({{"ab"}, {"|"}});
    const std::string text = table.text({});
    std::vector<std::size_t> columns;
    for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
        const std::string line = text.substr(begin, end - begin);
        if (contains(line, "|")) {
            columns.push_back(display_width(line.substr(0, line.find('|'))));
        }
    }
    ASSERT_EQ(columns.size(), 2U);
    EXPECT_EQ(columns[0], columns[1]);
}

TEST(Style, NoEscapesWithoutColour) {
    EXPECT_EQ(Style{}.paint(Paint::bad, "x"), "x");
    EXPECT_EQ(Style{.colour = true}.paint(Paint::bad, "x"), "\x1b[31mx\x1b[0m");
}

TEST(Render, FindingFromItsCodeAndArguments) {
    const auto finding =
        boost::json::parse(R"({"code": "certificate.expired", "severity": "error", "subject": "k",
        "message": "ignored", "remedy": "ignored", "arguments": {"not_after": "2026-03-31T16:00:00.000000Z"}})");
    const std::string text = render_finding(finding.as_object(), {});
    EXPECT_TRUE(contains(text, "The certificate expired on 2026-04-01 00:00:00.")) << text; // China time
    EXPECT_FALSE(contains(text, "ignored"));
}

TEST(Render, SubjectIsAPlace) {
    const auto finding =
        boost::json::parse(R"({"code": "pin.default", "severity": "warning", "subject": "0a1b"})");
    EXPECT_TRUE(contains(render_finding(finding.as_object(), {}), "ukeyctl pin change 0a1b"));
}

TEST(Render, UnknownCodeShowsTheDaemonsText) {
    EXPECT_EQ(explain("future.code", {}, {"From the future.", "Do it."}).message, "From the future.");
    EXPECT_EQ(explain("future.code", {}, {}).message, "future.code");
}

TEST(Render, RefusedBindingShowsTheDifferingCharacterAndTheRightName) {
    const Failure failure{"binding.name_mismatch",
                          {{"certificate_name", "第一支部（城区)"},
                           {"organisation_name", "第一支部（城区）"},
                           {"differences", "from the daemon"},
                           {"suggestion", "第一支部（城区）"}},
                          {}};
    const std::string text = render_failure(failure, {});
    EXPECT_TRUE(contains(text, "character 8")) << text;
    EXPECT_TRUE(contains(text, "Perhaps this is meant: 第一支部（城区）")) << text;
}

TEST(Render, ControlCharactersOfATokenDoNotReachTheTerminal) {
    auto status = test::example_status();
    status["keys"].as_array()[0].as_object()["label"] = "evil\x1b[2J";
    EXPECT_FALSE(contains(render_status(status, {}), "\x1b"));
}

TEST(Render, StatusNamesOrganisationVerdictAndRemedy) {
    const std::string text = render_status(test::example_status(), {});
    EXPECT_TRUE(contains(text, "! needs attention  教工支部")) << text;
    EXPECT_TRUE(contains(text, "重庆市委 - 沙坪坝区委 - 教工支部"));
    EXPECT_TRUE(contains(text, "✘ refused"));
    EXPECT_TRUE(contains(text, "What only a newer daemon knows."));
    EXPECT_TRUE(contains(text, "2026-04-01 16:30:00"));
}

TEST(Render, ErrorFindingsAreFoundAtAnyDepth) {
    EXPECT_TRUE(has_error_finding(test::example_status()));
    EXPECT_FALSE(
        has_error_finding(boost::json::parse(R"({"keys": [{"findings": [{"severity": "warning"}]}]})")));
    EXPECT_FALSE(has_error_finding(boost::json::parse(R"({"severity": "error"})")));
}

TEST(Render, EventsOnOneLine) {
    const auto event = boost::json::parse(
        R"({"type": "session.ended", "time": "2026-04-01T08:30:00Z", "session": {"key": "0a", "end_reason": "key_removed"}})");
    const std::string text = render_event(event.as_object(), {});
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_TRUE(contains(text, "key pulled out"));
    const auto unknown =
        boost::json::parse(R"({"type": "new.event", "time": "2026-04-01T08:30:00Z", "subject": "s"})");
    EXPECT_TRUE(contains(render_event(unknown.as_object(), {}), "new.event"));
}

} // namespace
