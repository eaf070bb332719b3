// SPDX-License-Identifier: Apache-2.0
// What a behaviour has seen, a line each: "step: CKR_NAME values". Nothing in a line may differ between two
// runs on the same token.
#pragma once

#include <functional>
#include <sstream>
#include <string>

#include <p11-kit/pkcs11.h>

namespace ukey::behaviour {

/// The line goes out at once: what comes after it may crash.
void write_line(const std::string& step, const std::string& rest);

template <typename... Values>
void note(const std::string& step, const Values&... values) {
    std::ostringstream text;
    ((text << ' ' << values), ...);
    write_line(step, text.str());
}

std::string name_of(CK_RV rv);

/// A call and its line in one expression, to be made with braces: they are what makes the call come before
/// the values that are looked at after it.
class Say {
  public:
    template <typename... Values>
    Say(const std::string& step, CK_RV rv, const Values&... values) : rv_(rv) {
        note(step, name_of(rv), values...);
    }
    operator CK_RV() const { return rv_; } // NOLINT(google-explicit-constructor): stands for the answer

  private:
    CK_RV rv_;
};

/// Runs `work` in a forked child, and says with what signal it ended if it did: a crash is one result, and
/// the same one bare and filtered.
void isolated(const std::string& step, const std::function<void()>& work);

/// Did `work` end by a signal, in a forked child? A call that blocks does, after a while.
bool crashes_in_child(const std::function<void()>& work);

/// How often of so many times something failed. Such a line may differ between two runs, and is compared by
/// its numbers.
void by_chance(const std::string& step, int failed, int times);

/// A handle that is a small number is one; one that is an address differs from run to run.
std::string handle_text(CK_ULONG handle);

} // namespace ukey::behaviour
