// SPDX-License-Identifier: Apache-2.0
#include "tests/softhsm/softhsm_token.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace ukey::test {

std::optional<std::string> find_softhsm() {
    for (const char* tool : {"/usr/bin/softhsm2-util", "/usr/bin/pkcs11-tool", "/usr/bin/openssl"}) {
        if (!std::filesystem::exists(tool)) {
            return std::nullopt;
        }
    }
    for (const char* path :
         {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"}) {
        if (std::filesystem::exists(path)) {
            return path;
        }
    }
    return std::nullopt;
}

SoftHsmToken::SoftHsmToken(std::string module_path) : module_path_(std::move(module_path)) {
    const std::filesystem::path tokens = folder_.path() / "tokens";
    std::filesystem::create_directory(tokens);
    const std::string configuration =
        folder_.write("softhsm2.conf", "directories.tokendir = " + tokens.string() +
                                           "\nobjectstore.backend = file\nlog.level = ERROR\n");
    setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
    run(std::string("softhsm2-util --init-token --free --so-pin 87654321 --label ") + label + " --pin " +
        pin);
}

SoftHsmToken::~SoftHsmToken() {
    unsetenv("SOFTHSM2_CONF");
}

void SoftHsmToken::add_key(const std::string& type, const std::string& id) {
    const std::string key = (folder_.path() / (id + ".key.pem")).string();
    const std::string certificate = (folder_.path() / (id + ".crt.pem")).string();
    const bool rsa = type.starts_with("RSA:");
    run("openssl genpkey -algorithm " +
        (rsa ? "RSA -pkeyopt rsa_keygen_bits:" + type.substr(4)
             : "EC -pkeyopt ec_paramgen_curve:" + type.substr(3)) +
        " -out " + key);
    make_certificate(key, certificate);
    const std::string tool = "pkcs11-tool --module " + module_path_ + " --login --pin " + pin + " --id " +
                             id + " --label key --write-object ";
    run(tool + key + " --type privkey --usage-sign");
    run(tool + certificate + " --type cert");
}

void SoftHsmToken::add_wrong_certificate(const std::string& id) {
    const std::string key = (folder_.path() / "other.key.pem").string();
    const std::string certificate = (folder_.path() / "other.crt.pem").string();
    const std::string tool = "pkcs11-tool --module " + module_path_ + " --login --pin " + pin + " --id " + id;
    run(tool + " --delete-object --type cert");
    run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out " + key);
    make_certificate(key, certificate);
    run(tool + " --label other --write-object " + certificate + " --type cert");
}

void SoftHsmToken::make_certificate(const std::string& key_file, const std::string& certificate_file) const {
    run("openssl req -x509 -utf8 -days 30 -subj /CN=" + std::string(common_name) + " -key " + key_file +
        " -out " + certificate_file);
}

void SoftHsmToken::run(const std::string& command) const {
    const std::string log = (folder_.path() / "tools.log").string();
    // NOLINTNEXTLINE(cert-env33-c, concurrency-mt-unsafe): fixed commands of a test
    if (std::system((command + " >" + log + " 2>&1").c_str()) != 0) {
        throw std::runtime_error("failed: " + command);
    }
}

} // namespace ukey::test
