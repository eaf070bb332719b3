// SPDX-License-Identifier: Apache-2.0
#include "tools/output_file.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace {

using ukey::ctl::OutputFile;
using ukey::test::TemporaryFolder;

std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::size_t files_in(const TemporaryFolder& folder) {
    const std::filesystem::directory_iterator files(folder.path());
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

ukey::ctl::Outcome<void> write_new(const std::string& path, std::string_view bytes) {
    auto output = OutputFile::open(path);
    EXPECT_TRUE(output);
    output->write(bytes);
    return output->commit_new();
}

TEST(OutputFile, AppearsOnlyWhenItIsWhole) {
    const TemporaryFolder folder;
    const std::string path = folder.path() / "report";
    {
        auto output = OutputFile::open(path);
        ASSERT_TRUE(output);
        output->write("half");
        EXPECT_FALSE(std::filesystem::exists(path));
    }
    EXPECT_EQ(files_in(folder), 0U); // given up: nothing stays behind
}

TEST(OutputFile, CommitReplaces) {
    const TemporaryFolder folder;
    const std::string path = folder.write("report", "old");
    auto output = OutputFile::open(path);
    ASSERT_TRUE(output);
    output->write("new");
    EXPECT_TRUE(output->commit());
    EXPECT_EQ(read(path), "new");
    EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFile, CommitNewNeverReplaces) {
    const TemporaryFolder folder;
    const std::string path = folder.path() / "report";
    EXPECT_TRUE(write_new(path, "first"));
    EXPECT_TRUE(write_new(path, "first")); // the same bytes: nothing to complain of
    for (const char* other : {"second", "firs", "first and more", ""}) {
        const auto refused = write_new(path, other);
        ASSERT_FALSE(refused) << other;
        EXPECT_EQ(refused.error().code, "file.other_content");
        EXPECT_EQ(ukey::ctl::exit_code_of(refused.error().code), ukey::ctl::ExitCode::answered_no);
    }
    EXPECT_EQ(read(path), "first");
    EXPECT_EQ(files_in(folder), 1U);
}

} // namespace
