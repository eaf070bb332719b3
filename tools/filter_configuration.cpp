// SPDX-License-Identifier: Apache-2.0
#include "tools/filter_configuration.hpp"

#include <cstdlib>
#include <fstream>

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

/// The filter itself reads no more of the file than this.
constexpr std::size_t file_max_bytes = 64UL * 1024;

} // namespace

FilterConfiguration load_filter_configuration() {
    const char* chosen = secure_getenv("UKEY_PKCS11_CONF");
    FilterConfiguration configuration;
    configuration.file = chosen != nullptr && *chosen != '\0' ? chosen : "/etc/ukeyd/pkcs11.conf";
    std::ifstream stream(configuration.file);
    std::size_t read_bytes = 0;
    bool in_section = false;
    for (std::string line; read_bytes < file_max_bytes && std::getline(stream, line);) {
        read_bytes += line.size() + 1;
        const std::string_view text = trim(std::string_view(line).substr(0, line.find('#')));
        const std::size_t equals = text.find('=');
        if (text.starts_with('[') && text.ends_with(']')) {
            in_section = true;
        } else if (equals != std::string_view::npos && trim(text.substr(0, equals)) == "module") {
            const std::string module(trim(text.substr(equals + 1)));
            if (in_section) {
                configuration.named_backends.push_back(module);
            } else {
                configuration.backend = module; // the last one holds
            }
        }
    }
    return configuration;
}

} // namespace ukey::ctl
