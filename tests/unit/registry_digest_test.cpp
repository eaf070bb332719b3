// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/registry_digest.hpp"

#include <gtest/gtest.h>

#include "daemon/core/certificate.hpp"

namespace ukey {
namespace {

Organisation branch() {
    Organisation made;
    made.code = "0012";
    made.path = {"区委", "支部"};
    made.assessed_unit = "01";
    made.answered_for_by = "0001";
    made.administrator = Administrator{"张三", "13800000001"};
    return made;
}

std::string digest_of(const Organisation& organisation) {
    RegistryDigest digest;
    digest.add(organisation);
    return digest.sha256();
}

TEST(RegistryDigest, IsThatOfTheDocument) {
    const std::string_view fields = "0012\n区委 - 支部\nbranch\n01\n1\n0\n0001\n";
    EXPECT_EQ(digest_of(branch()), sha256_hex(fields)) << "nothing personal in it";
    Organisation dated = branch();
    dated.founded = ChinaDate{2013, 4, 1};
    EXPECT_EQ(digest_of(dated), sha256_hex(std::string(fields) + "\tfounded\t2013-04-01\n"));
    dated.dissolved = ChinaDate{2014, 1, 31};
    EXPECT_EQ(digest_of(dated),
              sha256_hex(std::string(fields) + "\tfounded\t2013-04-01\n\tdissolved\t2014-01-31\n"));
}

} // namespace
} // namespace ukey
