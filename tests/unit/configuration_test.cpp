// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/configuration.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

TEST(Configuration, AnEmptyFileIsTheDefaults) {
    const auto configuration = parse_configuration("c", "");
    ASSERT_TRUE(configuration);
    EXPECT_EQ(configuration->mode, Mode::observe);
    EXPECT_TRUE(configuration->modules.empty());
    EXPECT_EQ(configuration->policy.of("certificate.expired"), Verdict::deny);
}

TEST(Configuration, EverythingCanBeSet) {
    const auto configuration = parse_configuration("c", R"(
mode = "enforce"
trust.paths = ["/etc/ukeyd/trust"]
[policy]
one_key_per_organisation = true
expires_soon_days = 7
[policy.findings]
"pin.default" = "deny"
[worker]
deadline_ms = 2000
[report]
folder = "/srv/reports"
[return]
recipient = "某公司售后服务部"
phone = "023-00000000"
[[module]]
name = "opensc"
path = "/usr/lib/opensc-pkcs11.so"
[[certificate_profile]]
issuer_contains = "CFCA"
name_attribute = "O"
)");
    ASSERT_TRUE(configuration) << to_string(configuration.error());
    EXPECT_EQ(configuration->mode, Mode::enforce);
    EXPECT_EQ(configuration->trust_paths, std::vector<std::string>{"/etc/ukeyd/trust"});
    EXPECT_TRUE(configuration->one_key_per_organisation);
    EXPECT_EQ(configuration->expires_soon, std::chrono::days(7));
    EXPECT_EQ(configuration->policy.of("pin.default"), Verdict::deny);
    EXPECT_EQ(configuration->worker_deadline, std::chrono::milliseconds(2000));
    EXPECT_EQ(configuration->report_folder, "/srv/reports");
    EXPECT_EQ(configuration->return_address.recipient, "某公司售后服务部");
    EXPECT_EQ(configuration->return_address.phone, "023-00000000");
    EXPECT_EQ(configuration->return_address.address, "");
    EXPECT_EQ(configuration->modules.at(0).name, "opensc");
    EXPECT_EQ(configuration->certificate_profiles.at(0).name_attribute, "O");
}

struct Mistake {
    const char* text;
    const char* code;
    const char* place;
};

TEST(Configuration, MistakesNameTheirLine) {
    for (const Mistake& mistake :
         {Mistake{"\nmood = 1\n", "config.unknown_key", "c:2"},
          Mistake{"mode = 'x'\n", "config.bad_value", "c:1"}, Mistake{"a = \n", "config.syntax", "c:1"},
          Mistake{"[worker]\ndeadline_ms = 'soon'\n", "config.bad_value", "c:2"},
          Mistake{"[worker]\nx = 1\n", "config.unknown_key", "c:2"},
          Mistake{"[report]\nfolder = 'reports'\n", "config.bad_value", "c:2"},
          Mistake{"[[module]]\nname = 'a'\npath = 'relative.so'\n", "config.bad_value", "c:1"},
          Mistake{"module = 3\n", "config.bad_value", "c:1"},
          Mistake{"[policy.findings]\n'x' = 'deny'\n", "config.bad_value", "c:1"}}) {
        const auto configuration = parse_configuration("c", mistake.text);
        ASSERT_FALSE(configuration) << mistake.text;
        EXPECT_EQ(configuration.error().code, mistake.code) << mistake.text;
        EXPECT_EQ(configuration.error().object, mistake.place) << mistake.text;
    }
}

TEST(Configuration, WhatIsShownIsAcceptedAgain) {
    const auto first = parse_configuration("c", "mode = 'enforce'\n[[module]]\nname = 'a'\npath = '/b'\n");
    ASSERT_TRUE(first);
    const std::string shown = to_toml(*first);
    const auto second = parse_configuration("c", shown);
    ASSERT_TRUE(second) << to_string(second.error());
    EXPECT_EQ(to_toml(*second), shown);
}

TEST(Configuration, EveryKeyIsDescribed) {
    for (const ConfigurationKey& key : configuration_keys()) {
        EXPECT_FALSE(key.name.empty());
        EXPECT_FALSE(key.description.empty()) << key.name;
    }
}

} // namespace
} // namespace ukey
