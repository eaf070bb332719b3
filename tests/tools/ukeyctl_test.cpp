// SPDX-License-Identifier: Apache-2.0
// The program itself: exit codes, languages, JSON on both streams, --help of every verb.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/tools/fake_control_server.hpp"
#include "tools/verb.hpp"

namespace {

using namespace ukey::test;

struct Ended {
    int exit_code = -1;
    std::string output;
    std::string errors;
};

/// Runs ukeyctl by the shell; `arguments` is shell text, `environment` such as "LANG=C".
Ended run(const std::string& arguments, const std::string& environment = "LC_ALL=C.UTF-8 LANGUAGE=en") {
    const std::string errors = testing::TempDir() + "ukeyctl-stderr-" + std::to_string(getpid());
    const std::string command =
        environment + " UKEY_LOCALE_DIR=" TEST_LOCALE_DIR " " UKEYCTL " " + arguments + " 2>" + errors;
    std::FILE* pipe = popen(command.c_str(), "r"); // NOLINT(cert-env33-c): our own program, our own words
    Ended ended;
    std::array<char, 4096> bytes{};
    for (std::size_t got = 0; (got = fread(bytes.data(), 1, bytes.size(), pipe)) > 0;) {
        ended.output.append(bytes.data(), got);
    }
    ended.exit_code = WEXITSTATUS(pclose(pipe));
    std::ostringstream text;
    text << std::ifstream(errors).rdbuf();
    ended.errors = text.str();
    std::filesystem::remove(errors);
    return ended;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string at(const FakeControlServer& server) {
    return "--runtime-dir " + server.folder() + " ";
}

TEST(Ukeyctl, HelpOfEveryVerb) {
    for (const auto& verb : ukey::ctl::verb_table()) {
        const std::string words = std::string(verb.group) + " " + std::string(verb.name);
        const Ended ended = run(words + " --help");
        EXPECT_EQ(ended.exit_code, 0) << words;
        EXPECT_TRUE(contains(ended.output, verb.summary)) << words << ": " << ended.output;
    }
    EXPECT_EQ(run("--help").exit_code, 0);
    EXPECT_TRUE(contains(run("--version").output, "ukeyctl " UKEY_VERSION));
}

TEST(Ukeyctl, ChineseEvenWhereTheLocaleIsNotGenerated) {
    for (const char* environment : {"LC_ALL= LANG=zh_CN.UTF-8 LANGUAGE=", "LC_ALL=C.UTF-8 LANGUAGE=zh_CN",
                                    "LC_ALL=zh_CN.GB18030 LANGUAGE="}) {
        EXPECT_TRUE(contains(run("--help", environment).output, "用法")) << environment;
    }
    EXPECT_TRUE(contains(
        run("status --runtime-dir /nonexistent", "LC_ALL= LANG=zh_CN.UTF-8 LANGUAGE=").errors, "没有应答"));
}

TEST(Ukeyctl, WrongUsage) {
    EXPECT_EQ(run("").exit_code, 2);
    EXPECT_EQ(run("fly").exit_code, 2);
    EXPECT_EQ(run("key bind only-one").exit_code, 2);
    EXPECT_EQ(run("report month 2026-13 --runtime-dir /nonexistent").exit_code, 2);
    const Ended ended = run("key bind --json");
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(boost::json::parse(ended.errors).at("error").at("code"), "usage.arguments");
}

TEST(Ukeyctl, UnreachableDaemon) {
    for (const auto* words : {"status", "watch", "key list", "org list", "session list",
                              "report month 2026-04", "audit export", "audit verify", "pin status"}) {
        const Ended ended = run(std::string(words) + " --json --runtime-dir /nonexistent");
        EXPECT_EQ(ended.exit_code, 3) << words;
        EXPECT_EQ(boost::json::parse(ended.errors).at("error").at("code"), "daemon.unreachable") << words;
        EXPECT_TRUE(ended.output.empty()) << words << ended.output;
    }
}

TEST(Ukeyctl, RefusalsAndNo) {
    FakeControlServer server([](const boost::json::object& request) {
        if (request.at("verb") == "key.bind") {
            return error("binding.taken", {{"organisation", "甲"}, {"subject", "k"}});
        }
        if (request.at("verb") == "key.release") {
            return error("control.refused", {{"verb", "key.release"}, {"privilege", "administer"}});
        }
        return error("key.not_found", {{"object", "zz"}});
    });
    const Ended bound = run(at(server) + "key bind k 甲");
    EXPECT_EQ(bound.exit_code, 4);
    EXPECT_TRUE(contains(bound.errors, "already belongs to 甲")) << bound.errors;
    EXPECT_EQ(run(at(server) + "key release k").exit_code, 4);
    EXPECT_EQ(run(at(server) + "key show zz").exit_code, 1);
}

TEST(Ukeyctl, StatusWithAnErrorFindingAnswersNo) {
    FakeControlServer server([](const auto&) { return result(example_status()); });
    const Ended people = run(at(server) + "status");
    EXPECT_EQ(people.exit_code, 1);
    EXPECT_TRUE(contains(people.output, "教工支部"));
    EXPECT_FALSE(contains(people.output, "\x1b"));
    const Ended program = run(at(server) + "--json status");
    EXPECT_EQ(boost::json::parse(program.output), example_status());
}

TEST(Ukeyctl, WatchPrintsOneLineAnEvent) {
    FakeControlServer server([](const auto&) -> Answer {
        return {{{"more", true}, {"part", {{{"type", "watching"}}}}},
                {{"more", true}, {"part", {{{"type", "key.removed"}, {"key", {{"key", "0a"}}}}}}},
                {{"hang_up", true}}};
    });
    const Ended ended = run(at(server) + "--json watch");
    EXPECT_EQ(ended.exit_code, 3); // the daemon went away
    EXPECT_EQ(std::ranges::count(ended.output, '\n'), 2);
    EXPECT_TRUE(contains(ended.output, R"("type":"key.removed")"));
}

TEST(Ukeyctl, AuditExportToAFileAppearsWhole) {
    FakeControlServer server([](const boost::json::object& request) -> Answer {
        if (request.at("arguments").as_object().contains("from_seq")) {
            return {{{"more", true}, {"part", {{{"seq", 1}}}}}, {{"hang_up", true}}};
        }
        return {{{"more", true},
                 {"part", {{{"seq", 1}, {"kind", "start"}, {"payload", "{\"a\":1}"}, {"hash", "00"}}}}},
                {{"result", {{"records", 1}, {"first_seq", 1}, {"last_seq", 1}, {"head", "00"}}}}};
    });
    const std::string file = server.folder() + "/export";
    EXPECT_EQ(run(at(server) + "audit export --from-seq 1 --output " + file).exit_code, 3);
    EXPECT_FALSE(std::filesystem::exists(file)); // cut off: no half file
    EXPECT_EQ(run(at(server) + "audit export --output " + file).exit_code, 0);
    EXPECT_TRUE(std::filesystem::exists(file));
    const Ended json = run(at(server) + "audit export --format json");
    EXPECT_EQ(boost::json::parse(json.output).at("records").as_array().size(), 1U);
    EXPECT_EQ(boost::json::parse(json.output).at("head"), "00");
}

TEST(Ukeyctl, AuditVerifyThatFailsAnswersNo) {
    FakeControlServer server([](const auto&) {
        return result({{"records", 9}, {"intact", false}, {"first_bad_seq", 4}, {"reason", "hash differs"}});
    });
    const Ended ended = run(at(server) + "audit verify");
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_TRUE(contains(ended.output, "broken at record 4"));
}

TEST(Ukeyctl, ExplainAndConfigNeedNoDaemon) {
    EXPECT_EQ(run("explain pin.default").exit_code, 0);
    EXPECT_EQ(run("explain pcscd.absent").exit_code, 0);
    EXPECT_EQ(run("explain no.such").exit_code, 1);
    EXPECT_TRUE(contains(run("explain").output, "binding.name_mismatch"));
    EXPECT_EQ(run("config check /nonexistent.toml").exit_code, 1);
    EXPECT_EQ(run("doctor --runtime-dir /nonexistent").exit_code, 1);
    const Ended diagnosis = run("diagnose --json --runtime-dir /nonexistent");
    EXPECT_FALSE(boost::json::parse(diagnosis.output).at("diagnoses").as_array().empty());
}

} // namespace
