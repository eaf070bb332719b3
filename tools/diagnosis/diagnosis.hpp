// SPDX-License-Identifier: Apache-2.0
// One key, one computer, one moment: what was looked at, what was found, and the verdict. Written to a file
// it goes to a second computer, where both are judged together (docs/formats/diagnosis.md).
#pragma once

#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "tools/diagnosis/check.hpp"
#include "tools/diagnosis/doctor.hpp"
#include "tools/diagnosis/target.hpp"
#include "tools/diagnosis/verdict.hpp"

namespace ukey::ctl {

/// A computer for as long as its system is not installed anew; the number says nothing else of it.
struct ComputerIdentity {
    std::string id;   ///< 32 hexadecimal digits: of this purpose alone, from /etc/machine-id
    std::string name; ///< host name
};
ComputerIdentity this_computer();

struct Diagnosis {
    Target target;
    ComputerIdentity computer;
    Timestamp time{};
    std::vector<Check> layers;
    Evidence evidence;
    Judgement judgement;

    /// The key signed, and what it signed was right.
    bool was_tested() const;
};

/// Checks the layers and judges what they say together with earlier diagnoses.
Diagnosis diagnose(Target target, const ComputerView& view, const ComputerIdentity& computer,
                   std::span<const Evidence> previous);

/// One more layer, the innermost one; judges again.
void add_self_test(Diagnosis& diagnosis, Check self_test, std::span<const Evidence> previous);

/// English, with every layer; of all of them, as the file has it.
boost::json::object to_json(const Diagnosis& diagnosis);
boost::json::object to_json(const std::vector<Diagnosis>& diagnoses);

/// Error `file.unwritable`.
Outcome<void> write_diagnoses(const std::string& path, const std::vector<Diagnosis>& diagnoses);

/// The evidence of every diagnosis in a file that `diagnose --output` wrote. Errors `file.unreadable`,
/// `diagnosis.malformed`.
Outcome<std::vector<Evidence>> read_diagnoses(const std::string& path);
/// The same from its text; `path` is for the message.
Outcome<std::vector<Evidence>> parse_diagnoses(std::string_view text, const std::string& path);

} // namespace ukey::ctl
