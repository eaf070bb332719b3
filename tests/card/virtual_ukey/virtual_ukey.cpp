// SPDX-License-Identifier: Apache-2.0
// virtual-ukey: a software U-Key for tests. `make` prepares a blank card, `run` puts it into a reader, `tell`
// speaks to a running one.
#include <array>
#include <cerrno>
#include <cstring>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "tests/card/virtual_ukey/card/card_folder.hpp"
#include "tests/card/virtual_ukey/link/control_client.hpp"
#include "tests/card/virtual_ukey/link/run_card.hpp"

namespace {

using namespace ukey::virtual_card;

struct Options {
    std::string card_folder;
    int pin_descriptor = -1;
    int puk_descriptor = -1;
    unsigned pin_tries = default_pin_tries;
    std::string guid;
    std::string vpcd;
    std::string vscard;
    std::string control;
    std::string fault = "none";
    unsigned delay_ms = 0;
    bool inserted = true;
    std::string command;
};

CLI::App* add_make(CLI::App& app, Options& options) {
    CLI::App* make = app.add_subcommand("make", "Make a blank card: a PIN, no keys or certificates yet");
    make->add_option("--card", options.card_folder, "The card's folder")->required();
    make->add_option("--pin-fd", options.pin_descriptor,
                     "Read the PIN from this file descriptor; else 123456");
    make->add_option("--puk-fd", options.puk_descriptor, "Read the PUK from there; else 12345678");
    make->add_option("--retries", options.pin_tries, "PIN tries")->capture_default_str();
    make->add_option("--serial-guid", options.guid, "32 hexadecimal digits; random by default");
    return make;
}

CLI::App* add_run(CLI::App& app, Options& options) {
    CLI::App* run = app.add_subcommand("run", "Run a card");
    run->add_option("--card", options.card_folder, "The card's folder")->required();
    auto* reader = run->add_option_group("reader")->require_option(1);
    reader->add_option("--vpcd", options.vpcd, "HOST:PORT where pcscd's vpcd listens");
    reader->add_option("--vscard", options.vscard, "HOST:PORT or unix:PATH of QEMU's ccid-card-passthru");
    run->add_option("--control", options.control, "Listen for commands on this unix socket");
    run->add_flag("--inserted,!--removed", options.inserted,
                  "In the reader (the default) or beside it at first");
    run->add_option("--fault", options.fault, "Start with a fault")->capture_default_str();
    run->add_option("--delay-ms", options.delay_ms, "Of the fault `slow`");
    return run;
}

CLI::App* add_tell(CLI::App& app, Options& options) {
    CLI::App* tell = app.add_subcommand("tell", "Send one command to a running card and print its answer");
    tell->add_option("SOCKET", options.control, "The card's control socket")->required();
    tell->add_option("JSON", options.command, "E.g. {\"do\":\"status\"}")->required();
    return tell;
}

/// The first line of what the descriptor holds, or `otherwise` when there is no descriptor.
ukey::Result<std::string> read_secret(int descriptor, std::string_view otherwise) {
    if (descriptor < 0)
        return std::string(otherwise);
    std::array<char, 64> buffer{};
    const ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
    if (size < 0)
        return ukey::fail("io.failed", "read a PIN", fmt::format("descriptor {}", descriptor),
                          std::strerror(errno));
    std::string secret(buffer.data(), static_cast<std::size_t>(size));
    OPENSSL_cleanse(buffer.data(), buffer.size());
    return secret.substr(0, secret.find('\n'));
}

ukey::Result<void> make(const Options& options) {
    auto pin = read_secret(options.pin_descriptor, default_pin);
    auto puk = read_secret(options.puk_descriptor, default_puk);
    if (!pin || !puk)
        return tl::unexpected(pin ? puk.error() : pin.error());
    auto guid = from_hex(options.guid);
    if (!guid)
        return ukey::fail("virtual_card.guid", "make a card", options.guid, "not hexadecimal");
    const auto state = make_card_state(*pin, *puk, options.pin_tries, std::move(*guid));
    OPENSSL_cleanse(pin->data(), pin->size());
    OPENSSL_cleanse(puk->data(), puk->size());
    if (!state)
        return tl::unexpected(state.error());
    return CardFolder(options.card_folder).create(*state);
}

ukey::Result<void> run(const Options& options) {
    const bool is_vpcd = !options.vpcd.empty();
    const auto address = parse_reader_address(is_vpcd ? options.vpcd : options.vscard);
    if (!address || (is_vpcd && !address->unix_path.empty()))
        return ukey::fail("usage", "run a card", is_vpcd ? options.vpcd : options.vscard,
                          is_vpcd ? "not HOST:PORT" : "neither HOST:PORT nor unix:PATH");
    const auto fault = parse_fault(options.fault);
    if (!fault)
        return ukey::fail("usage", "run a card", options.fault, "unknown fault");
    return run_card({options.card_folder, *address, is_vpcd ? ReaderProtocol::vpcd : ReaderProtocol::vscard,
                     options.control, *fault, std::chrono::milliseconds(options.delay_ms), options.inserted});
}

ukey::Result<void> tell(const Options& options) {
    const auto answer = send_control_command(options.control, options.command);
    if (!answer)
        return tl::unexpected(answer.error());
    fmt::print("{}\n", *answer);
    return {};
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("A software U-Key for tests");
    app.require_subcommand(1);
    Options options;
    const CLI::App* make_verb = add_make(app, options);
    const CLI::App* run_verb = add_run(app, options);
    add_tell(app, options);
    CLI11_PARSE(app, argc, argv);

    const auto done = make_verb->parsed() ? make(options) : run_verb->parsed() ? run(options) : tell(options);
    if (done)
        return 0;
    const ukey::Error& error = done.error();
    fmt::print(stderr, "virtual-ukey: {}: {}: {}\n", error.context, error.object, error.reason);
    return error.code == "usage" ? 2 : 1;
}
