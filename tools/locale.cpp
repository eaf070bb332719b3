// SPDX-License-Identifier: Apache-2.0
#include "tools/locale.hpp"

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <libintl.h>

#include "daemon/core/finding.hpp"
#include "tools/program_files.hpp"

namespace ukey::ctl {
namespace {

constexpr const char* text_domain = "ukey";

std::string environment(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
    return value != nullptr ? value : "";
}

/// "zh_CN" of "zh_CN.UTF-8@modifier": the language that the environment asks messages in.
std::string requested_language() {
    for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
        const std::string value = environment(name);
        if (!value.empty()) {
            return value.substr(0, value.find_first_of(".@"));
        }
    }
    return {};
}

/// setlocale fails for a locale that was not generated (a minimal installation has none but C.UTF-8), and
/// gettext then translates nothing. Under C.UTF-8, which glibc always has, it does follow LANGUAGE.
void fall_back_to_utf8() {
    std::setlocale(LC_ALL, "C.UTF-8");
    const std::string language = requested_language();
    if (environment("LANGUAGE").empty() && !language.empty()) {
        setenv("LANGUAGE", language.c_str(), 1); // NOLINT(concurrency-mt-unsafe): before any thread
    }
}

std::string catalogue_folder() {
    std::string chosen = environment("UKEY_LOCALE_DIR");
    if (!chosen.empty()) {
        return chosen;
    }
    // build/PRESET/tools/ukeyctl has build/PRESET/locale
    const auto beside = program_folder().parent_path() / "locale";
    std::error_code ignored;
    return std::filesystem::is_directory(beside, ignored) ? beside.string() : UKEY_LOCALE_DIR;
}

} // namespace

void set_up_locale() {
    if (std::setlocale(LC_ALL, "") == nullptr) {
        fall_back_to_utf8();
    }
    std::setlocale(LC_NUMERIC, "C"); // figures are for spreadsheets and scripts too
    bindtextdomain(text_domain, catalogue_folder().c_str());
    bind_textdomain_codeset(text_domain, "UTF-8");
    textdomain(text_domain);
}

std::string translate(std::string_view text) {
    if (text.empty()) {
        return {}; // gettext answers the empty text with the catalogue's header
    }
    return gettext(std::string(text).c_str());
}

std::string say(std::string_view text, const Places& places) {
    return fill_places(translate(text), places);
}

} // namespace ukey::ctl
