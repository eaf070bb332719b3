// SPDX-License-Identifier: Apache-2.0
// A diagnosis in words, in the reader's language: on a terminal, and what its papers are made of.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/diagnosis/diagnosis.hpp"
#include "tools/render.hpp"

namespace ukey::ctl {

/// "U-Key 0a1b2c3d4e5f: organisation", "Device at USB port 1-2" …
std::string title_of(const Target& target);
/// What the verdict means for the key.
std::string headline_of(const Diagnosis& diagnosis);
/// The same in the verdict's colour.
std::string paint_headline(const Diagnosis& diagnosis, const Style& style);
/// A code as its finding has it.
Explained explain_code(const Diagnosis& diagnosis, const std::string& code);
/// What decided, the decisive one first.
std::vector<Explained> reasons_of(const Diagnosis& diagnosis);
/// What the earlier diagnosis has to do with it; empty: none has.
std::string earlier_of(const Diagnosis& diagnosis, std::span<const Evidence> previous);

/// For a terminal: layers, verdict, what to do. `previous` as it was judged with.
std::string render(const Diagnosis& diagnosis, std::span<const Evidence> previous, const Style& style);

} // namespace ukey::ctl
