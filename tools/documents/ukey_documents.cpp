// SPDX-License-Identifier: Apache-2.0
// Writes manual pages and shell completions into a folder; runs when the packages are built, in the language
// of its environment: ukey-documents FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>

#include "daemon/command_line.hpp"
#include "tools/command_line.hpp"
#include "tools/documents/completion.hpp"
#include "tools/documents/manual_page.hpp"
#include "tools/locale.hpp"

namespace {

bool write(const std::filesystem::path& file, const std::string& text) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) {
        std::cerr << "ukey-documents: cannot write " << file << '\n';
    }
    return bool(stream);
}

} // namespace

int main(int argc, char** argv) {
    using namespace ukey::documents;
    if (argc != 2) {
        std::cerr << "usage: ukey-documents FOLDER\n";
        return 2;
    }
    ukey::ctl::set_up_locale();
    const std::filesystem::path folder = argv[1];
    ukey::ctl::CommandLine command_line;
    const CommandText ukeyctl = read_commands(command_line.app());
    ukey::DaemonOptions options;
    options.probe_path = UKEY_LIBEXEC_DIR "/ukeyd/ukey-probe";
    const CommandText ukeyd = read_commands(*ukey::make_command_line(options));
    const bool written = write(folder / "man/ukeyctl.1", ukeyctl_page(ukeyctl)) &&
                         write(folder / "man/ukeyd.8", ukeyd_page(ukeyd)) &&
                         write(folder / "man/ukeyd.toml.5", configuration_page()) &&
                         write(folder / "completions/ukeyctl.bash", bash_completion(ukeyctl)) &&
                         write(folder / "completions/_ukeyctl", zsh_completion(ukeyctl)) &&
                         write(folder / "completions/ukeyctl.fish", fish_completion(ukeyctl));
    return written ? 0 : 1;
}
