// SPDX-License-Identifier: Apache-2.0
// A SoftHSM token of a test's own, in a temporary folder, with a key pair and its certificate.
#pragma once

#include <optional>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace ukey::test {

/// Where Debian's softhsm2 has its module; nullopt when it, softhsm2-util, pkcs11-tool or openssl is missing:
/// skip the test.
std::optional<std::string> find_softhsm();

/// Sets SOFTHSM2_CONF for this process and its children as long as it lives.
class SoftHsmToken {
  public:
    static constexpr const char* pin = "135790";
    static constexpr const char* label = "ukey-test";
    static constexpr const char* common_name = "测试党支部";

    /// Throws std::runtime_error when a tool fails.
    explicit SoftHsmToken(std::string module_path);
    ~SoftHsmToken();
    SoftHsmToken(const SoftHsmToken&) = delete; // owns the folder and the environment
    SoftHsmToken& operator=(const SoftHsmToken&) = delete;

    /// A key pair ("RSA:2048", "EC:prime256v1") and a certificate about it, with this CKA_ID in hex.
    void add_key(const std::string& type, const std::string& id);
    /// A certificate about another key than the one on the token with this id: a personalisation fault.
    void add_wrong_certificate(const std::string& id);

    const std::string& module_path() const { return module_path_; }
    const TemporaryFolder& folder() const { return folder_; }

  private:
    void run(const std::string& command) const;
    void make_certificate(const std::string& key_file, const std::string& certificate_file) const;

    std::string module_path_;
    TemporaryFolder folder_;
};

} // namespace ukey::test
