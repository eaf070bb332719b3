// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/guided.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "tools/bus_prompt.hpp"
#include "tools/diagnosis/diagnosis_text.hpp"
#include "tools/diagnosis/fix.hpp"
#include "tools/diagnosis/guide.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {
namespace {

class Guide {
  public:
    Guide(const Context& context, std::string wanted, std::vector<Evidence> previous)
        : context_(context), wanted_(std::move(wanted)), previous_(std::move(previous)),
          prompt_([this](const UsbDevice& device, bool arrived) { show_device(device, arrived); }) {}

    Outcome<Guided> run();

  private:
    Outcome<void> look_again();
    /// What is in is the key that this is about, as far as can be told; else the person is told.
    bool is_key_in_question();
    /// False: the person ends it.
    Outcome<bool> take(const Step& step);
    bool ask(const std::string& instruction, WaitFor what, const std::string& port = {});
    Outcome<bool> try_other_port();
    Outcome<bool> try_other_key();
    Outcome<bool> mend(const Step& step);
    void show_device(const UsbDevice& device, bool arrived);
    void say_line(const std::string& text);
    const Diagnosis& diagnosis() const { return look_.diagnoses.front(); }

    const Context& context_;
    std::string wanted_;
    std::vector<Evidence> previous_;
    Look look_{};
    Look last_{};                   ///< at the key in question
    std::optional<Evidence> first_; ///< of it, once anything of it was seen
    std::vector<Evidence> others_;  ///< other keys that were looked at on the way
    bool has_arrived_ = false;      ///< something was plugged in since the last look
    std::vector<Check> shown_;      ///< layers as they were shown last
    GuideHistory history_;
    BusPrompt prompt_;
};

void Guide::say_line(const std::string& text) {
    context_.print(text + "\n");
    std::fflush(stdout); // what follows may wait for a person
}

void Guide::show_device(const UsbDevice& device, bool arrived) {
    const LocalDevice local{.device = device, .drivers = {}, .node = {}, .speed = {}};
    const Target target{.name = {}, .key = {}, .device = {}, .local = local};
    say_line(say(arrived ? N_("  + USB port {port}: {device}") : N_("  - USB port {port}: {device}"),
                 {{"port", device.port}, {"device", device_name(target)}}));
}

/// What is known of it is the same; time goes on.
bool is_as_before(const Check& check, const Check& before) {
    return before.name == check.name && before.state == check.state &&
           (check.name == "clock" || found_text(before) == found_text(check));
}

/// Only the layers that are not as they were.
Outcome<void> Guide::look_again() {
    const auto patience = has_arrived_ ? settling_time_after_arrival : settling_time;
    has_arrived_ = false;
    auto found = look(context_, wanted_, previous_, patience);
    if (!found && !shown_.empty() && found.error().code == "key.not_found") {
        wanted_.clear(); // at another port, or out: whatever is in now
        found = look(context_, wanted_, previous_, patience);
    }
    if (!found) {
        return tl::unexpected(found.error());
    }
    look_ = std::move(*found);
    std::vector<Check> changed;
    std::ranges::copy_if(diagnosis().layers, std::back_inserter(changed), [&](const Check& check) {
        return std::ranges::none_of(shown_, [&](const Check& before) { return is_as_before(check, before); });
    });
    say_line("\n" + context_.style().paint(Paint::strong, title_of(diagnosis().target)));
    context_.print(changed.empty() ? std::string(_("Nothing has changed.")) + "\n"
                                   : render_checks(changed, context_.style()));
    shown_ = diagnosis().layers;
    say_line(paint_headline(diagnosis(), context_.style()));
    return {};
}

bool Guide::is_key_in_question() {
    const Evidence& now = diagnosis().evidence;
    const auto is_same = [&](const Evidence& other) { return compare_keys(other, now) == SameKey::same; };
    if ((first_ && compare_keys(*first_, now) == SameKey::different) ||
        std::ranges::any_of(others_, is_same)) {
        say_line(_("This is another key than the one that was in first."));
        return false;
    }
    const bool is_seen = diagnosis().target.has_device() || diagnosis().target.has_token();
    if (!first_ && is_seen && look_.diagnoses.size() == 1) {
        first_ = now;
    }
    last_ = look_;
    return true;
}

/// What may be the key, or a reader with it.
bool may_be_meant(const UsbDevice& device) {
    LocalDevice local;
    local.device = device;
    return may_be_key(device) || is_card_reader(device) || may_be_unknown_key(local);
}

/// True to go on: a line, or what was waited for; at this port, unless that is empty.
bool Guide::ask(const std::string& instruction, WaitFor what, const std::string& port) {
    prompt_.forget();
    say_line("\n" + context_.style().paint(Paint::strong, "→ " + instruction));
    say_line(what == WaitFor::line || !prompt_.watches_bus()
                 ? _("  Press Enter when that is done; q and Enter ends the guide.")
                 : _("  This goes on by itself, or with Enter; q and Enter ends the guide."));
    const PromptAnswer answer = prompt_.wait(what, [&](const UsbDevice& device) {
        return port.empty() ? may_be_meant(device) : device.port == port;
    });
    has_arrived_ = has_arrived_ || what == WaitFor::arrival;
    return answer.kind != PromptAnswer::Kind::quit;
}

Outcome<bool> Guide::try_other_port() {
    if (diagnosis().target.has_device() &&
        !ask(_("Take the key out."), WaitFor::departure, diagnosis().evidence.port)) {
        return false;
    }
    return ask(_("Plug the key into another port of this computer itself, not into a hub or a screen."),
               WaitFor::arrival);
}

/// What is found of it goes with the other diagnoses, whatever it is.
Outcome<bool> Guide::try_other_key() {
    const std::string port = diagnosis().evidence.port;
    const Places places{{"port", port}};
    if (!ask(_("Is there another key of this kind that works elsewhere? Then take this one out; without one, "
               "just press Enter."),
             WaitFor::departure, port)) {
        return false;
    }
    const auto still_in = std::ranges::any_of(
        list_usb_devices(), [&](const LocalDevice& local) { return local.device.port == port; });
    if (still_in) {
        return true; // there is none
    }
    if (!ask(say(N_("Plug the other key into the same port {port}."), places), WaitFor::arrival, port)) {
        return false;
    }
    const auto other = look(context_, {}, {}, settling_time_after_arrival);
    if (!other) {
        return tl::unexpected(other.error());
    }
    for (const Diagnosis& one : other->diagnoses) {
        say_line(title_of(one.target) + ": " + headline_of(one));
        previous_.push_back(one.evidence);
        others_.push_back(one.evidence);
    }
    return ask(
        say(N_("Take the other key out, and plug the key in question into port {port} again."), places),
        WaitFor::arrival, port);
}

Outcome<bool> Guide::mend(const Step& step) {
    const Explained reason = explain_code(diagnosis(), step.code);
    say_line("\n" + reason.message);
    const Fix* fix = step.kind == StepKind::fix ? fix_for(step.code) : nullptr;
    if (fix == nullptr) {
        return ask(reason.remedy.empty() ? _("See to that.") : reason.remedy, WaitFor::line);
    }
    prompt_.forget();
    say_line(context_.style().paint(
        Paint::strong, "→ " + say(N_("This program can {fix}: {command}"),
                                  {{"fix", translate(fix->title)}, {"command", command_line(*fix)}})));
    say_line(_("  y and Enter does it; Enter goes on without; q and Enter ends the guide."));
    switch (prompt_.wait(WaitFor::line, {}).kind) {
    case PromptAnswer::Kind::quit:
        return false;
    case PromptAnswer::Kind::yes:
        if (const auto done = apply(*fix); !done) {
            say_line(explain(done.error()).message); // the person may know another way
            return ask(reason.remedy, WaitFor::line);
        }
        return true;
    default:
        return ask(reason.remedy, WaitFor::line);
    }
}

Outcome<bool> Guide::take(const Step& step) {
    switch (step.kind) {
    case StepKind::leave_one:
        return ask(say(N_("{count} keys or devices are in: leave only the one in question."),
                       {{"count", std::to_string(look_.diagnoses.size())}}),
                   WaitFor::line);
    case StepKind::plug_in:
        return ask(_("Plug the key into this computer itself, not into a hub or a screen."),
                   WaitFor::arrival);
    case StepKind::other_port:
        return try_other_port();
    case StepKind::other_key:
        return try_other_key();
    case StepKind::fix:
    case StepKind::act:
        return mend(step);
    case StepKind::done:
        return false;
    }
    return false;
}

Outcome<Guided> Guide::run() {
    for (;;) {
        if (const auto looked = look_again(); !looked) {
            return tl::unexpected(looked.error());
        }
        if (!is_key_in_question()) {
            if (!ask(_("Plug the key in question in its place."), WaitFor::arrival)) {
                break;
            }
            continue;
        }
        const Step step = next_step(look_.diagnoses, history_);
        note(history_, step, diagnosis());
        const auto go_on = take(step);
        if (!go_on) {
            return tl::unexpected(go_on.error());
        }
        if (!*go_on) {
            break;
        }
    }
    if (last_.diagnoses.empty()) {
        last_ = look_;
    }
    const Diagnosis& last = last_.diagnoses.front();
    const bool other_port = last.judgement.verdict == Verdict::key_in_order && !history_.first_port.empty() &&
                            last.evidence.port != history_.first_port && first_ &&
                            compare_keys(*first_, last.evidence) == SameKey::same;
    return Guided{.look = std::move(last_),
                  .previous = std::move(previous_),
                  .other_port = other_port ? history_.first_port : std::string()};
}

} // namespace

Outcome<Guided> diagnose_guided(const Context& context, const std::string& wanted,
                                std::vector<Evidence> previous) {
    context.print(
        std::string(_("One step at a time; what is plugged in or pulled out is shown as it happens.")) +
        "\n");
    return Guide(context, wanted, std::move(previous)).run();
}

} // namespace ukey::ctl
