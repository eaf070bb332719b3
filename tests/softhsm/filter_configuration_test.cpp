// SPDX-License-Identifier: Apache-2.0
// What the filter makes of a configuration file that it cannot read, or not to its end.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "pkcs11/module/configuration.hpp"

namespace ukey::filter {
namespace {

class FilterConfigurationTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "ukey-configuration-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        setenv("UKEY_PKCS11_CONF", path().c_str(), 1);
        unsetenv("UKEY_PKCS11_MODULE");
        unsetenv("UKEY_LOGIN_SOCKET");
        unsetenv("UKEY_LOGIN_WAIT_MS");
    }
    void TearDown() override {
        unsetenv("UKEY_PKCS11_CONF");
        std::filesystem::remove_all(folder_);
    }

    std::string path() const { return folder_ + "/pkcs11.conf"; }
    void write(const std::string& text) const { std::ofstream(path()) << text; }

    static void expect_strictest(const Configuration& configuration) {
        EXPECT_EQ(configuration.without_daemon, WithoutDaemon::refuse);
        EXPECT_TRUE(configuration.guard_last_try);
    }

  private:
    std::string folder_;
};

TEST_F(FilterConfigurationTest, missing_file_is_no_error) {
    EXPECT_EQ(load_configuration().without_daemon, WithoutDaemon::allow);
    setenv("UKEY_PKCS11_CONF", (path() + "/below").c_str(), 1);
    write("");
    EXPECT_EQ(load_configuration().without_daemon, WithoutDaemon::allow);
}

TEST_F(FilterConfigurationTest, longest_file_is_read_whole) {
    const std::string last = "\nwithout_daemon = refuse\n";
    write("module = a.so\n#" + std::string(configuration_max_bytes - last.size() - 15, '.') + last);
    ASSERT_EQ(std::filesystem::file_size(path()), configuration_max_bytes);
    const Configuration configuration = load_configuration();
    EXPECT_EQ(configuration.without_daemon, WithoutDaemon::refuse);
    EXPECT_FALSE(configuration.guard_last_try) << "nothing was left out";
    EXPECT_EQ(configuration.backend_path, "a.so");
}

TEST_F(FilterConfigurationTest, file_that_is_too_long_is_the_strictest_policy) {
    write("module = a.so\nwithout_daemon = allow\n" + std::string(configuration_max_bytes, '#') +
          "\nwithout_daemon = refuse\n");
    const Configuration configuration = load_configuration();
    expect_strictest(configuration);
    EXPECT_EQ(configuration.backend_path, "a.so") << "what was read holds otherwise";
}

TEST_F(FilterConfigurationTest, line_that_is_read_in_part_does_not_count) {
    const std::string begin = "module = a.so\n#";
    const std::string cut = "\nmodule = b.so";
    write(begin + std::string(configuration_max_bytes - begin.size() - cut.size(), '.') + cut + ".real\n");
    EXPECT_EQ(load_configuration().backend_path, "a.so");
}

TEST_F(FilterConfigurationTest, file_that_cannot_be_read_is_the_strictest_policy) {
    std::filesystem::create_directory(path());
    expect_strictest(load_configuration());
    std::filesystem::remove(path());
    std::filesystem::create_symlink(path(), path());
    expect_strictest(load_configuration());
}

TEST_F(FilterConfigurationTest, section_cannot_weaken_what_was_not_read) {
    write("[one]\nmodule = a.so\nwithout_daemon = allow\nguard_last_try =\n" +
          std::string(configuration_max_bytes, '#'));
    expect_strictest(load_configuration("one"));
}

} // namespace
} // namespace ukey::filter
