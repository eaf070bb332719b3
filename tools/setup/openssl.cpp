// SPDX-License-Identifier: Apache-2.0
// OpenSSL: the engine of libengine-pkcs11-openssl, in a file of ours that the administrator's openssl.cnf
// includes (config(5ssl)). OpenSSL's own parser says what is in force, so that included files count.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <fmt/format.h>

#include "daemon/core/openssl_handle.hpp"
#include "daemon/core/text.hpp"
#include "tools/setup/lines.hpp"
#include "tools/setup/settings_file.hpp"
#include "tools/setup/setup.hpp"

namespace ukey::ctl {
namespace {

const std::string main_file = "/etc/ssl/openssl.cnf";
const std::string drop_in = "/etc/ssl/ukey-engine.cnf";
const std::string include_line = ".include " + drop_in;

using ConfHandle = std::unique_ptr<CONF, OpensslDeleter<NCONF_free>>;

/// The folder in a text such as `ENGINESDIR: "/usr/lib/x86_64-linux-gnu/engines-3"`.
std::string folder_of(int which) {
    const std::string text = OpenSSL_version(which);
    const std::size_t begin = text.find('"');
    const std::size_t end = text.rfind('"');
    return begin == std::string::npos || begin == end ? "" : text.substr(begin + 1, end - begin - 1);
}

Outcome<ConfHandle> parse(const std::string& text) {
    ConfHandle conf(NCONF_new(nullptr));
    const BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    long line = 0;
    if (NCONF_load_bio(conf.get(), bio.get(), &line) != 1) {
        ERR_clear_error();
        return fail_with("setup.unparsable", {{"object", main_file}, {"line", std::to_string(line)}});
    }
    ERR_clear_error(); // an included file that is missing is none
    return conf;
}

/// Empty when it is not set.
std::string value(const ConfHandle& conf, const std::string& section, const char* name) {
    const char* text = NCONF_get_string(conf.get(), section.c_str(), name);
    ERR_clear_error();
    return text != nullptr ? text : "";
}

/// What is set without us.
struct InForce {
    std::string start;   ///< section that openssl_conf names
    std::string engines; ///< section that its `engines` names
    std::string engine;  ///< section of the engine pkcs11
    std::string module;  ///< its MODULE_PATH
};

InForce look_up(const ConfHandle& conf) {
    InForce found;
    found.start = value(conf, "default", "openssl_conf");
    if (!found.start.empty()) {
        found.engines = value(conf, found.start, "engines");
    }
    STACK_OF(CONF_VALUE)* all =
        found.engines.empty() ? nullptr : NCONF_get_section(conf.get(), found.engines.c_str());
    ERR_clear_error();
    for (int i = 0; all != nullptr && i < sk_CONF_VALUE_num(all); ++i) {
        const CONF_VALUE* entry = sk_CONF_VALUE_value(all, i);
        const std::string id = value(conf, entry->value, "engine_id");
        if ((id.empty() ? std::string(entry->name) : id) == "pkcs11") {
            found.engine = entry->value;
            found.module = value(conf, entry->value, "MODULE_PATH");
        }
    }
    return found;
}

std::string drop_in_text(const InForce& found, const std::string& engine, const std::string& filter) {
    std::string text = "# Written by ukeyctl setup openssl. To undo it: ukeyctl setup openssl --revert\n";
    const std::string start = found.start.empty() ? "ukey_start" : found.start;
    const std::string engines = found.engines.empty() ? "ukey_engines" : found.engines;
    if (found.start.empty()) {
        text += fmt::format("[default]\nopenssl_conf = {}\n", start);
    }
    if (found.engines.empty()) {
        text += fmt::format("[{}]\nengines = {}\n", start, engines);
    }
    // Not initialised before a program asks for it: then the filter is not loaded either.
    return text +
           fmt::format("[{}]\nukey_pkcs11 = ukey_pkcs11_engine\n"
                       "[ukey_pkcs11_engine]\nengine_id = pkcs11\ndynamic_path = {}\nMODULE_PATH = {}\n"
                       "init = 0\n"
                       "# What follows the line that includes this file begins anew.\n[default]\n",
                       engines, engine, filter);
}

std::string without_include(const std::string& text) {
    return map_lines(text, [](std::string_view line) {
        return trim(line) == include_line ? std::nullopt : std::optional<std::string>(line);
    });
}

std::string with_include(const std::string& text) {
    return text + (text.empty() || text.ends_with('\n') ? "" : "\n") + include_line + "\n";
}

/// The administrator has set up the engine: only its module changes.
std::string exchange_module(const std::string& text, const SetupQuestion& question) {
    return map_lines(text, [&](std::string_view line) -> std::optional<std::string> {
        const std::string_view setting = line.substr(0, line.find('#'));
        const std::size_t equals = std::min(setting.find('='), setting.size());
        const std::string_view module = trim(setting.substr(std::min(equals + 1, setting.size())));
        std::string changed(line);
        if (trim(setting.substr(0, equals)) == "MODULE_PATH" &&
            same_file(std::string(module), question.backend)) {
            changed.replace(line.find(module, equals), module.size(), question.filter);
        }
        return changed;
    });
}

/// pkcs11-provider is not in Debian 12; where somebody has built it, it is told how to set it up.
void note_provider(SetupPlan& plan, const SetupQuestion& question) {
    const std::string provider = folder_of(OPENSSL_MODULES_DIR) + "/pkcs11.so";
    std::error_code ignored;
    if (std::filesystem::exists(provider, ignored)) {
        plan.notes.push_back(
            {"setup.provider", provider, {{"object", provider}, {"filter", question.filter}}});
    }
}

Outcome<SetupPlan> plan_engine(const SetupQuestion& question, const std::string& engine,
                               const std::string& text) {
    auto conf = parse(without_include(text));
    auto ours = read_settings(drop_in);
    if (!conf || !ours) {
        return tl::unexpected(!conf ? conf.error() : ours.error());
    }
    const InForce found = look_up(*conf);
    SetupPlan plan;
    if (found.engine.empty()) {
        const bool included = without_include(text) != text;
        plan.edits = {{drop_in, *ours, drop_in_text(found, engine, question.filter)},
                      {main_file, text, included ? text : with_include(text)}};
    } else if (same_file(found.module, question.filter)) {
        plan.edits = {{main_file, text, text}}; // by the administrator, or by an earlier exchange of ours
    } else {
        std::string after = exchange_module(text, question);
        auto changed = parse(after);
        if (!changed || !same_file(look_up(*changed).module, question.filter)) {
            return fail_with("setup.other_module", {{"object", main_file},
                                                    {"section", found.engine},
                                                    {"path", found.module},
                                                    {"filter", question.filter}});
        }
        plan.edits = {{main_file, text, std::move(after)}};
    }
    note_provider(plan, question);
    return plan;
}

Outcome<SetupPlan> plan(const SetupQuestion& question) {
    const std::string engine = folder_of(OPENSSL_ENGINES_DIR) + "/pkcs11.so";
    std::error_code ignored;
    if (!std::filesystem::exists(engine, ignored)) {
        return fail_with("setup.missing", {{"object", engine}, {"package", "libengine-pkcs11-openssl"}});
    }
    auto text = read_settings(main_file);
    if (!text) {
        return tl::unexpected(text.error());
    }
    if (!*text) {
        return fail_with("setup.missing", {{"object", main_file}, {"package", "openssl"}});
    }
    return plan_engine(question, engine, **text);
}

} // namespace

constinit const SetupTarget setup_openssl{
    .name = "openssl", .root_only = true, .plan = plan, .may_change = nullptr};

} // namespace ukey::ctl
