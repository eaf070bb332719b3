// SPDX-License-Identifier: Apache-2.0
// virtual-ukey-ca: a test CA, and the personalisation of virtual U-Keys.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "tests/card/virtual_ukey/authority/issue_card.hpp"

namespace {

using namespace ukey::virtual_card;

const std::map<std::string, KeyAlgorithm> algorithms{{"rsa2048", KeyAlgorithm::rsa_2048},
                                                     {"p256", KeyAlgorithm::p_256}};
const std::map<std::string, SubjectForm> subject_forms{{"cn", SubjectForm::common_name},
                                                       {"cfca", SubjectForm::cfca}};
const std::map<std::string, TextEncoding> encodings{{"utf8", TextEncoding::utf8}, {"bmp", TextEncoding::bmp}};
const std::map<std::string, CodePlace> code_places{{"extension", CodePlace::extension},
                                                   {"serial-number", CodePlace::serial_number}};

struct Options {
    std::string authority_folder;
    std::string card_folder;
    std::string authority_name = "测试党建CA";
    KeyAlgorithm authority_algorithm = KeyAlgorithm::p_256;
    std::string guid;
    IssueRequest request;
};

CLI::App* add_init(CLI::App& app, Options& options) {
    CLI::App* init = app.add_subcommand("init", "Make a CA: a root and an intermediate that issues");
    init->add_option("DIR", options.authority_folder, "The CA's folder")->required();
    init->add_option("--name", options.authority_name, "The CA's common name")->capture_default_str();
    init->add_option("--algorithm", options.authority_algorithm, "rsa2048 or p256 (default)")
        ->transform(CLI::CheckedTransformer(algorithms));
    return init;
}

void add_subject_options(CLI::App& issue, Subject& subject) {
    issue.add_option("--name", subject.name, "The organisation's full name")->required();
    issue.add_option("--code", subject.code, "The organisation's code");
    issue.add_option("--subject-form", subject.form, "cn (default) or cfca: 051@name@code@1")
        ->transform(CLI::CheckedTransformer(subject_forms));
    issue.add_option("--encoding", subject.encoding, "utf8 (default) or bmp")
        ->transform(CLI::CheckedTransformer(encodings));
    issue
        .add_option("--code-place", subject.code_place,
                    "extension (default) or serial-number, for the form cn")
        ->transform(CLI::CheckedTransformer(code_places));
}

CLI::App* add_issue(CLI::App& app, Options& options) {
    CLI::App* issue =
        app.add_subcommand("issue", "Issue certificates to a card, made if it is not there yet");
    IssueRequest& request = options.request;
    issue->add_option("CA_DIR", options.authority_folder, "The CA's folder")->required();
    issue->add_option("CARD_DIR", options.card_folder, "The card's folder")->required();
    add_subject_options(*issue, request.subject);
    issue->add_option("--algorithm", request.algorithm, "rsa2048 (default) or p256")
        ->transform(CLI::CheckedTransformer(algorithms));
    issue->add_option("--days", request.validity_days, "Days from --not-before")->capture_default_str();
    issue->add_option("--not-before", request.not_before,
                      "2026-01-31 or 2026-01-31T12:00:00Z; now by default");
    issue->add_option("--not-after", request.not_after, "Instead of --days");
    issue->add_flag("--dual", request.dual, "An encryption certificate (slot 9D) too");
    issue->add_flag("--new-key", request.new_key, "New keys for a card that has some");
    issue->add_option("--key-usage", request.key_usage, "Of the signing certificate")->capture_default_str();
    issue->add_option("--serial-guid", options.guid, "GUID of a new card: 32 hexadecimal digits");
    issue->add_option("--retries", request.pin_tries, "PIN tries of a new card")->capture_default_str();
    return issue;
}

CLI::App* add_revoke(CLI::App& app, Options& options) {
    CLI::App* revoke = app.add_subcommand("revoke", "Put a card's certificates on the revocation list");
    revoke->add_option("CA_DIR", options.authority_folder, "The CA's folder")->required();
    revoke->add_option("CARD_DIR", options.card_folder, "The card's folder")->required();
    return revoke;
}

ukey::Result<void> issue(Options& options) {
    auto guid = from_hex(options.guid);
    if (!guid)
        return ukey::fail("virtual_card.guid", "make a card", options.guid, "not hexadecimal");
    options.request.guid = std::move(*guid);
    const auto authority = CertificateAuthority::open(options.authority_folder);
    if (!authority)
        return tl::unexpected(authority.error());
    return issue_card(*authority, options.card_folder, options.request);
}

ukey::Result<void> revoke(const Options& options) {
    const auto authority = CertificateAuthority::open(options.authority_folder);
    if (!authority)
        return tl::unexpected(authority.error());
    return revoke_card(*authority, options.card_folder);
}

ukey::Result<void> init(const Options& options) {
    const auto authority = CertificateAuthority::create(options.authority_folder, options.authority_name,
                                                        options.authority_algorithm);
    if (!authority)
        return tl::unexpected(authority.error());
    return {};
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("A test CA for virtual U-Keys");
    app.require_subcommand(1);
    Options options;
    const CLI::App* init_verb = add_init(app, options);
    const CLI::App* issue_verb = add_issue(app, options);
    add_revoke(app, options);
    CLI11_PARSE(app, argc, argv);

    const auto done = init_verb->parsed()    ? init(options)
                      : issue_verb->parsed() ? issue(options)
                                             : revoke(options);
    if (done)
        return 0;
    const ukey::Error& error = done.error();
    fmt::print(stderr, "virtual-ukey-ca: {}: {}: {}\n", error.context, error.object, error.reason);
    return 1;
}
