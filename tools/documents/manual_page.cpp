// SPDX-License-Identifier: Apache-2.0
#include "tools/documents/manual_page.hpp"

#include <fmt/format.h>

#include "daemon/core/configuration.hpp"
#include "tools/locale.hpp"

namespace ukey::documents {
namespace {

using ctl::translate;

class Page {
  public:
    Page(std::string_view name, std::string_view section, std::string_view summary) {
        text_ = fmt::format(".\\\" SPDX-License-Identifier: Apache-2.0\n.TH {} {} \"\" \"ukeyd {}\"\n", name,
                            section, UKEY_VERSION);
        heading(translate(N_("NAME")));
        text_ += fmt::format("{} \\- {}\n", roff_text(name), roff_text(summary));
    }

    void heading(std::string_view title) { text_ += fmt::format(".SH {}\n", roff_text(title)); }
    void subheading(std::string_view title) { text_ += fmt::format(".SS {}\n", roff_text(title)); }
    void paragraph(std::string_view text) { text_ += fmt::format(".PP\n{}\n", roff_text(text)); }
    /// `tag` is roff already.
    void item(std::string_view tag, std::string_view text) {
        text_ += fmt::format(".TP\n{}\n{}\n", tag, roff_text(text));
    }
    /// A line of its own, as roff.
    void raw(std::string_view line) { text_ += fmt::format("{}\n", line); }

    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

std::string bold(std::string_view text) {
    return fmt::format("\\fB{}\\fR", roff_text(text));
}

std::string italic(std::string_view text) {
    return fmt::format("\\fI{}\\fR", roff_text(text));
}

/// "--format {table,json,csv}" with its parts marked.
std::string option_tag(const OptionText& option) {
    std::string tag;
    for (const std::string& name : option.names) {
        tag += (tag.empty() ? "" : ", ") + (option.positional ? italic(name) : bold(name));
    }
    if (!option.choices.empty()) {
        tag += " " + italic(fmt::format("{}", fmt::join(option.choices, "|")));
    } else if (!option.value.empty()) {
        tag += " " + italic(translate(option.value));
    }
    return tag;
}

std::string option_description(const OptionText& option) {
    std::string text = translate(option.description); // ukeyd's own are not translated yet
    if (!option.default_value.empty()) {
        text += " " + ctl::say(N_("(default: {value})"), {{"value", option.default_value}});
    }
    return text;
}

bool is_help(const OptionText& option) {
    return !option.names.empty() && option.names.back() == "--help";
}

void add_options(Page& page, const CommandText& command) {
    for (const OptionText& option : command.options) {
        if (!is_help(option)) {
            page.item(option_tag(option), option_description(option));
        }
    }
}

/// "ukeyctl key bind KEY ORGANISATION".
std::string synopsis(std::string_view program, const CommandText& command) {
    std::string line =
        bold(command.path.empty() ? std::string(program) : fmt::format("{} {}", program, command.path));
    for (const OptionText& option : command.options) {
        if (!is_help(option)) {
            const std::string tag = option.positional ? italic(option.names.front()) : option_tag(option);
            line += " " + (option.required ? tag : "[" + tag + "]");
        }
    }
    return line;
}

void add_exit_codes(Page& page) {
    page.heading(translate(N_("EXIT STATUS")));
    page.item("0", translate(N_("Done.")));
    page.item(
        "1",
        translate(N_("The answer is no: a finding that is an error, a failed verification, nothing found.")));
    page.item("2", translate(N_("Wrong usage.")));
    page.item("3", translate(N_("The service does not answer.")));
    page.item("4", translate(N_("Refused.")));
    page.item("5", translate(N_("Internal error.")));
}

} // namespace

std::string roff_text(std::string_view text) {
    std::string escaped;
    bool line_begins = true;
    for (const char character : text) {
        if (line_begins && (character == '.' || character == '\'')) {
            escaped += "\\&";
        }
        switch (character) {
        case '\\':
            escaped += "\\e";
            break;
        case '-':
            escaped += "\\-";
            break;
        default:
            escaped += character;
        }
        line_begins = character == '\n';
    }
    return escaped;
}

std::string ukeyctl_page(const CommandText& ukeyctl) {
    Page page("ukeyctl", "1", ukeyctl.summary);
    page.heading(translate(N_("SYNOPSIS")));
    page.raw(fmt::format("{} [{}] {} [{}]", bold("ukeyctl"), italic(translate(N_("OPTIONS"))),
                         italic(translate(N_("VERB"))), italic(translate(N_("ARGUMENTS")))));
    page.heading(translate(N_("DESCRIPTION")));
    page.paragraph(translate(N_(
        "Shows the U-Keys (USB tokens with a certificate) of this computer and the logins made with them, "
        "binds "
        "them to organisations, reports the monthly login criterion and finds out what is wrong. It talks to "
        "the service ukeyd. What a verb may show or change depends on who calls it: everyone sees the keys "
        "that are "
        "plugged in and their own logins; members of the group ukey see all; only root changes anything.")));
    page.heading(translate(N_("OPTIONS")));
    add_options(page, ukeyctl);
    page.heading(translate(N_("VERBS")));
    for (const CommandText& verb : leaf_commands(ukeyctl)) {
        page.subheading(verb.path);
        page.raw(synopsis("ukeyctl", verb));
        page.paragraph(verb.summary);
        add_options(page, verb);
    }
    add_exit_codes(page);
    page.heading(translate(N_("FILES")));
    page.item(italic("/run/ukeyd/control.sock"), translate(N_("The service's socket.")));
    page.item(italic("/etc/ukeyd/ukeyd.toml"), translate(N_("The service's configuration, ukeyd.toml(5).")));
    page.heading(translate(N_("SEE ALSO")));
    page.raw(fmt::format("{}(8), {}(5)", bold("ukeyd"), bold("ukeyd.toml")));
    return page.take();
}

std::string ukeyd_page(const CommandText& ukeyd) {
    Page page("ukeyd", "8", translate(N_("the U-Key hardware integration service")));
    page.heading(translate(N_("SYNOPSIS")));
    page.raw(synopsis("ukeyd", ukeyd));
    page.heading(translate(N_("DESCRIPTION")));
    page.paragraph(
        translate(N_("Detects U-Keys by USB and PKCS#11, verifies their certificates, keeps each key to one "
                     "organisation, and "
                     "records the logins that applications make through the filter module ukey-pkcs11.so. "
                     "systemd starts it as "
                     "ukeyd.service; “systemctl reload ukeyd” has it read its configuration again.")));
    page.heading(translate(N_("OPTIONS")));
    add_options(page, ukeyd);
    page.heading(translate(N_("SIGNALS")));
    page.item("SIGTERM, SIGINT", translate(N_("Stops cleanly: open logins end as daemon_stopped.")));
    page.item(
        "SIGHUP",
        translate(N_("Reads the configuration again; a wrong one is refused with its place, and the old "
                     "one stays in force.")));
    page.heading(translate(N_("EXIT STATUS")));
    page.item("0", translate(N_("Stopped by a signal.")));
    page.item("2", translate(N_("Wrong usage or configuration.")));
    page.item("3", translate(N_("The state cannot be used: a full disk, a damaged or a newer database.")));
    page.item("5", translate(N_("Internal error.")));
    page.heading(translate(N_("FILES")));
    page.item(italic("/etc/ukeyd/ukeyd.toml"), translate(N_("The configuration.")));
    page.item(italic("/var/lib/ukeyd/ukeyd.db"), translate(N_("Ledger, registry and bindings.")));
    page.item(italic("/run/ukeyd/"), translate(N_("The sockets.")));
    page.heading(translate(N_("SEE ALSO")));
    page.raw(fmt::format("{}(1), {}(5)", bold("ukeyctl"), bold("ukeyd.toml")));
    return page.take();
}

std::string configuration_page() {
    Page page("ukeyd.toml", "5", translate(N_("configuration of the U-Key service ukeyd")));
    page.heading(translate(N_("DESCRIPTION")));
    page.paragraph(translate(N_("A file in TOML. “ukeyctl config check” says whether it is right, and where "
                                "it is not; “systemctl reload "
                                "ukeyd” puts it into force. A dot in a name stands for a table: trust.paths "
                                "is paths in the table [trust]; "
                                "module[].name is name in each [[module]].")));
    page.heading(translate(N_("KEYS")));
    for (const ConfigurationKey& key : configuration_keys()) {
        std::string tag = fmt::format("{} ({}", bold(key.name), roff_text(translate(key.type)));
        tag += key.default_value.empty() ? ")"
                                         : fmt::format(", {} {})", roff_text(translate(N_("default"))),
                                                       roff_text(key.default_value));
        page.item(tag, translate(key.description));
    }
    page.heading(translate(N_("EXAMPLE")));
    page.raw(".EX\nmode = \"observe\"\n\n[trust]\npaths = [\"/etc/ukeyd/trust\"]\n\n[[module]]\nname = "
             "\"opensc\"\n"
             "path = \"/usr/lib/x86_64\\-linux\\-gnu/opensc\\-pkcs11.so\"\nsocket = "
             "\"/run/ukey\\-probe/opensc.sock\"\n.EE");
    page.heading(translate(N_("SEE ALSO")));
    page.raw(fmt::format("{}(1), {}(8)", bold("ukeyctl"), bold("ukeyd")));
    return page.take();
}

} // namespace ukey::documents
