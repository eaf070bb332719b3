// SPDX-License-Identifier: Apache-2.0
// HTML that is balanced and escaped by construction: an element ends where its object does.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "tools/output_file.hpp"

namespace ukey::ctl {

/// Names and values; a value is escaped.
using HtmlAttributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class HtmlWriter {
  public:
    /// An element that is open as long as this lives.
    class Element {
      public:
        Element(HtmlWriter& writer, std::string_view tag) : writer_(writer), tag_(tag) {}
        Element(const Element&) = delete; // would end the element twice
        Element& operator=(const Element&) = delete;
        ~Element() { writer_.close(tag_); }

      private:
        HtmlWriter& writer_;
        std::string_view tag_;
    };

    explicit HtmlWriter(OutputFile& output) : output_(output) {}
    HtmlWriter(const HtmlWriter&) = delete; // the output has one writer
    HtmlWriter& operator=(const HtmlWriter&) = delete;
    ~HtmlWriter() { flush(); }

    /// `tag` must outlive the element: a literal.
    [[nodiscard]] Element element(std::string_view tag, HtmlAttributes attributes = {});
    /// One without content and end: meta, br, col.
    void empty_element(std::string_view tag, HtmlAttributes attributes = {});
    /// A whole element with nothing but text in it.
    void text_element(std::string_view tag, std::string_view text, HtmlAttributes attributes = {});
    /// Escaped; what HTML may not hold (control characters, bytes that are not UTF-8) becomes U+FFFD.
    void text(std::string_view text);
    /// As it is: our own constants only.
    void literal(std::string_view html);

  private:
    void open(std::string_view tag, HtmlAttributes attributes);
    void close(std::string_view tag);
    void flush();
    void flush_if_full();

    OutputFile& output_;
    std::string pending_;
};

/// & < > " ' as entities.
std::string html_escaped(std::string_view text);

} // namespace ukey::ctl
