// SPDX-License-Identifier: Apache-2.0
// pkcs11/client against SoftHSM and against a module that lies; ukey-probe --person.
#include <elf.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/secret.hpp"
#include "daemon/core/signature_sample.hpp"
#include "daemon/core/token.hpp"
#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/pin_operations.hpp"
#include "pkcs11/client/session.hpp"
#include "tests/softhsm/softhsm_token.hpp"

namespace ukey {
namespace {

using pkcs11::Module;
using test::SoftHsmToken;
using test::TemporaryFolder;

Secret secret(std::string_view text) {
    return Secret({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The first bytes of an ELF header for another machine.
std::string elf_header(unsigned char elf_class, unsigned char machine_low) {
    std::string header(64, '\0');
    std::memcpy(header.data(), ELFMAG, SELFMAG);
    header[EI_CLASS] = static_cast<char>(elf_class);
    header[EI_DATA] = ELFDATA2LSB;
    header[EI_NIDENT + 2] = static_cast<char>(machine_low);
    return header;
}

class SoftHsm : public testing::Test {
  protected:
    void SetUp() override {
        const auto path = test::find_softhsm();
        if (!path) {
            GTEST_SKIP() << "SoftHSM, pkcs11-tool or openssl is not installed";
        }
        token_.emplace(*path);
    }

    /// The slot of the initialised token; SoftHSM always has an uninitialised one beside it.
    static std::optional<pkcs11::Slot> find_slot(const std::shared_ptr<Module>& module) {
        const auto ids = module->slot_ids().value();
        for (const pkcs11::SlotId id : ids) {
            pkcs11::Slot slot(module, id);
            const auto info = slot.token_info();
            if (info && info->label == SoftHsmToken::label) {
                return slot;
            }
        }
        return std::nullopt;
    }

    std::shared_ptr<Module> load() const { return Module::load(token_->module_path()).value(); }

    std::optional<SoftHsmToken> token_;
};

struct PersonResult {
    int status = -1;
    boost::json::object answer;
};

/// Runs ukey-probe --person with PINs on its standard input.
PersonResult run_person(const std::string& verb, const std::string& module, const std::string& serial,
                        const TemporaryFolder& folder, const std::string& pins) {
    const std::string input = folder.write("pins", pins);
    const std::string output = (folder.path() / "answer.json").string();
    const std::string command = std::string(UKEY_PROBE) + " --person " + verb + " --module " + module +
                                " --slot-serial '" + serial + "' --pin-fd 5 5<" + input + " >" + output;
    const int status = std::system(command.c_str()); // NOLINT(cert-env33-c, concurrency-mt-unsafe)
    std::filesystem::remove(input);
    boost::json::error_code error;
    const boost::json::value answer = boost::json::parse(read_file(output), error);
    return {.status = WEXITSTATUS(status),
            .answer = answer.is_object() ? answer.get_object() : boost::json::object()};
}

TEST(ReturnValueNames, AreThoseOfTheStandard) {
    EXPECT_EQ(pkcs11::rv_name(0), "CKR_OK");
    EXPECT_EQ(pkcs11::rv_name(0xA4), "CKR_PIN_LOCKED");
    EXPECT_EQ(pkcs11::rv_name(0x1B8), "CKR_PIN_TOO_WEAK");
    EXPECT_EQ(pkcs11::rv_name(0x200), "CKR_FUNCTION_REJECTED");
    EXPECT_EQ(pkcs11::rv_name(0x8000002FUL), "CKR_VENDOR_DEFINED+0x2f");
    EXPECT_EQ(pkcs11::rv_name(0x1FF), "0x1ff");
}

TEST(ModuleFile, MissingOfAnotherArchitectureNotLoadableOrNotPkcs11) {
    const TemporaryFolder folder;
    EXPECT_EQ(Module::load((folder.path() / "none.so").string()).error().code, "module.missing");
    EXPECT_EQ(Module::load("opensc-pkcs11.so").error().code, "module.missing");
    EXPECT_EQ(Module::load(folder.path().string()).error().code, "module.missing");

    const auto other = Module::load(folder.write("other.so", elf_header(ELFCLASS64, EM_S390)));
    EXPECT_EQ(other.error().code, "module.wrong_architecture");
    EXPECT_NE(other.error().reason.find("S/390 64-bit, not "), std::string::npos) << other.error().reason;

    EXPECT_EQ(Module::load(folder.write("text.so", "#!/bin/sh\necho a text is no library\n")).error().code,
              "module.not_loadable");
    EXPECT_EQ(Module::load(folder.write("empty.so", "")).error().code, "module.not_loadable");
    const std::string library = "/lib/x86_64-linux-gnu/libm.so.6";
    if (std::filesystem::exists(library)) {
        EXPECT_EQ(Module::load(library).error().code, "module.not_pkcs11");
    }
}

TEST(PinsAndLogins, AreInTheSourcesOfPinOperationsOnly) {
    const std::filesystem::path source = UKEY_SOURCE_DIR;
    for (const char* folder : {"pkcs11/client", "daemon/probe"}) {
        for (const auto& file : std::filesystem::directory_iterator(source / folder)) {
            if (!file.path().filename().string().starts_with("pin_operations.")) {
                const std::string text = read_file(file.path());
                for (const char* forbidden : {"C_Login(", "C_SetPIN(", "C_InitPIN(", "CKU_USER"}) {
                    EXPECT_EQ(text.find(forbidden), std::string::npos) << file.path() << ": " << forbidden;
                }
            }
        }
    }
}

TEST(PublicHeaders, NeedNoPkcs11Header) {
    const std::filesystem::path folder = std::filesystem::path(UKEY_SOURCE_DIR) / "pkcs11" / "client";
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (file.path().extension() == ".hpp" && file.path().filename() != "raw.hpp") {
            const std::string text = read_file(file.path());
            EXPECT_EQ(text.find("#include <p11-kit"), std::string::npos) << file.path();
            EXPECT_EQ(text.find("raw.hpp"), std::string::npos) << file.path();
        }
    }
}

class FaultModule : public testing::Test {
  protected:
    void behave(const std::string& how) { folder_.write("behaviour", how); }

    void SetUp() override {
        behave("good");
        setenv("UKEY_FAULT_MODULE_BEHAVIOUR", (folder_.path() / "behaviour").c_str(), 1);
    }
    void TearDown() override { unsetenv("UKEY_FAULT_MODULE_BEHAVIOUR"); }

    TemporaryFolder folder_;
};

TEST_F(FaultModule, TextsLosePaddingAndBecomeUtf8) {
    const auto module = Module::load(UKEY_FAULT_MODULE).value();
    EXPECT_EQ(module->info()->description, "Fault module");
    EXPECT_EQ(module->info()->cryptoki_version, "2.40");
    const pkcs11::Slot slot(module, module->slot_ids()->front());
    EXPECT_EQ(slot.info()->description, "Fault slot \xEF\xBF\xBD");
    EXPECT_EQ(slot.token_info()->label, "党支部");
}

TEST_F(FaultModule, InitializeFailed) {
    behave("initialize_failed");
    const auto module = Module::load(UKEY_FAULT_MODULE);
    EXPECT_EQ(module.error().code, "module.initialize_failed");
    EXPECT_EQ(module.error().reason, "C_Initialize says CKR_DEVICE_ERROR");
}

TEST_F(FaultModule, GarbageLengthsAreRefusedWithoutAllocating) {
    const auto module = Module::load(UKEY_FAULT_MODULE).value();
    const pkcs11::Slot slot(module, module->slot_ids()->front());
    const auto session = pkcs11::Session::open(slot).value();
    const auto found = session.find(pkcs11::ObjectClass::certificate, certificates_max);
    ASSERT_EQ(found->objects.size(), 1U);
    behave("garbage_lengths");
    const auto value = found->objects.front().bytes(pkcs11::Attribute::value, certificate_max_bytes);
    EXPECT_EQ(value.error().reason, "limit");
    const auto label = found->objects.front().bytes(pkcs11::Attribute::label, label_max_bytes);
    ASSERT_TRUE(label.has_value());
    EXPECT_FALSE(label->has_value());
    const auto garbage = session.find(pkcs11::ObjectClass::certificate, certificates_max);
    EXPECT_FALSE(garbage->complete);
    EXPECT_LE(garbage->objects.size(), certificates_max);
    behave("garbage_slot_count");
    EXPECT_EQ(module->slot_ids().error().reason, "limit");
}

TEST_F(SoftHsm, InfoSlotsAndToken) {
    const auto module = load();
    EXPECT_EQ(module->info()->manufacturer, "SoftHSM");
    const auto slot = find_slot(module);
    ASSERT_TRUE(slot);
    EXPECT_TRUE(slot->info()->token_present);
    const auto token = slot->token_info().value();
    EXPECT_EQ(token.manufacturer, "SoftHSM project");
    EXPECT_EQ(token.serial.size(), 16U);
    EXPECT_TRUE(token.flags.contains("login_required"));
    EXPECT_TRUE(token.flags.contains("token_initialized"));
}

TEST_F(SoftHsm, SessionKeepsItsModuleAliveAndMovesSafely) {
    token_->add_key("RSA:2048", "01");
    auto module = load();
    auto session = pkcs11::Session::open(*find_slot(module)).value();
    module.reset();
    pkcs11::Session moved = std::move(session);
    const auto found = moved.find(pkcs11::ObjectClass::certificate, certificates_max);
    ASSERT_EQ(found->objects.size(), 1U);
    EXPECT_EQ(found->objects[0].bytes(pkcs11::Attribute::id, id_max_bytes).value(), "\x01");
    EXPECT_GT(found->objects[0].bytes(pkcs11::Attribute::value, certificate_max_bytes).value()->size(), 500U);
    // Private objects are not visible without a login.
    EXPECT_TRUE(moved.find(pkcs11::ObjectClass::private_key, 8)->objects.empty());
}

TEST_F(SoftHsm, ChangePin) {
    const auto module = load();
    const auto slot = *find_slot(module);
    using pkcs11::FinalTry;
    const auto wrong = pkcs11::change_pin(slot, secret("000000"), secret("246802"), FinalTry::refuse);
    EXPECT_EQ(wrong.error().object, "C_SetPIN");
    EXPECT_EQ(wrong.error().reason, "CKR_PIN_INCORRECT");
    EXPECT_EQ(pkcs11::change_pin(slot, secret(SoftHsmToken::pin), secret("1"), FinalTry::refuse).error().code,
              "pin.bad_length");
    ASSERT_TRUE(pkcs11::change_pin(slot, secret(SoftHsmToken::pin), secret("246802"), FinalTry::refuse));
    EXPECT_FALSE(pkcs11::change_pin(slot, secret(SoftHsmToken::pin), secret("111111"), FinalTry::refuse));
    EXPECT_TRUE(pkcs11::change_pin(slot, secret("246802"), secret(SoftHsmToken::pin), FinalTry::refuse));
}

TEST_F(SoftHsm, SampleIsSignedByTheCertificatesKey) {
    for (const auto& [type, id] : {std::pair("RSA:2048", "01"), std::pair("EC:prime256v1", "02")}) {
        SoftHsmToken token(token_->module_path());
        token.add_key(type, id);
        const auto module = load();
        const auto sample = pkcs11::sign_sample(*find_slot(module), secret(SoftHsmToken::pin), 3);
        ASSERT_TRUE(sample) << to_string(sample.error());
        SignatureSample evidence{.certificates_der = sample->certificates_der,
                                 .key_type = sample->key_type,
                                 .signatures = {},
                                 .stopped = {}};
        for (const pkcs11::SignedDigest& one : sample->signatures) {
            evidence.signatures.push_back({one.digest, one.signature, one.duration});
        }
        EXPECT_EQ(verify_signature_sample(evidence).value(), (SignatureVerdict{.good = 3})) << type;
        std::string& signature = evidence.signatures[1].signature;
        signature.back() = static_cast<char>(signature.back() ^ 1);
        EXPECT_EQ(verify_signature_sample(evidence).value(), (SignatureVerdict{.good = 2, .wrong = 1}))
            << type;
    }
}

TEST_F(SoftHsm, PersonChangesThePinAndTestsTheKey) {
    token_->add_key("RSA:2048", "01");
    const std::string serial = find_slot(load())->token_info()->serial;
    const std::string& module = token_->module_path();
    const auto changed = run_person("change-pin", module, serial, token_->folder(), "135790\n864209\n");
    EXPECT_EQ(changed.status, 0);
    EXPECT_EQ(changed.answer, (boost::json::object{{"done", true}, {"rv", "CKR_OK"}}));
    const auto refused = run_person("self-test", module, serial, token_->folder(), "135790\n");
    EXPECT_EQ(refused.status, 1);
    EXPECT_EQ(refused.answer.at("rv").as_string(), "CKR_PIN_INCORRECT");
    const auto tested = run_person("self-test", module, serial, token_->folder(), "864209\n");
    ASSERT_EQ(tested.status, 0);
    EXPECT_EQ(verify_signature_sample(decode_signature_sample(tested.answer).value()).value(),
              (SignatureVerdict{.good = 1}));
    EXPECT_EQ(run_person("self-test", module, "no such", token_->folder(), "864209\n")
                  .answer.at("code")
                  .as_string(),
              "key.not_found");
    EXPECT_EQ(run_person("self-test", module, serial, token_->folder(), "").answer.at("code").as_string(),
              "pin.not_given");
}

TEST_F(SoftHsm, PersonalisationFaultIsAWrongSignature) {
    token_->add_key("RSA:2048", "01");
    token_->add_wrong_certificate("01");
    const std::string serial = find_slot(load())->token_info()->serial;
    const auto tested = run_person("self-test", token_->module_path(), serial, token_->folder(), "135790\n");
    ASSERT_EQ(tested.status, 0);
    EXPECT_EQ(verify_signature_sample(decode_signature_sample(tested.answer).value()).value(),
              (SignatureVerdict{.wrong = 1}));
}

TEST_F(SoftHsm, PersonListsSlots) {
    token_->add_key("RSA:2048", "01");
    const auto listed = run_person("list", token_->module_path(), "", token_->folder(), "");
    ASSERT_EQ(listed.status, 0);
    const auto slots = decode_slots(listed.answer.at("slots")).value();
    const auto slot = std::ranges::find_if(slots, [](const SlotReport& report) {
        return report.token && report.token->label == SoftHsmToken::label;
    });
    ASSERT_NE(slot, slots.end());
    ASSERT_EQ(slot->token->certificates.size(), 1U);
    EXPECT_EQ(slot->token->certificates[0].id, "01");
    EXPECT_EQ(slot->token->certificates[0].private_key, PrivateKeyPresence::unknown);
    EXPECT_EQ(slot->token->pin_locked(), Tristate::unknown);
}

TEST(SecretType, ComparesAndMoves) {
    Secret pin = secret("123456");
    EXPECT_TRUE(pin.equals("123456"));
    EXPECT_FALSE(pin.equals("123457"));
    EXPECT_FALSE(pin.equals("12345"));
    const Secret moved = std::move(pin);
    EXPECT_TRUE(pin.empty()); // NOLINT(bugprone-use-after-move): moved-from objects are to be empty
    EXPECT_TRUE(moved.equals("123456"));
}

TEST(Base64, RoundTripsAndIsStrict) {
    for (const char* text : {"", "f", "fo", "foo", "foob"}) {
        EXPECT_EQ(base64_decode(base64_encode(text)), text);
    }
    EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
    for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "Zm9v\n", "====", "Zg==Zg=="}) {
        EXPECT_FALSE(base64_decode(text)) << text;
    }
}

} // namespace
} // namespace ukey
