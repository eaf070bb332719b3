// SPDX-License-Identifier: Apache-2.0
#include "tools/report/html_writer.hpp"

#include "daemon/core/text.hpp"

namespace ukey::ctl {
namespace {

/// Written in pieces of this size, so that a large report is never in memory as a whole.
constexpr std::size_t piece_bytes = std::size_t{64} * 1024;

} // namespace

std::string html_escaped(std::string_view text) {
    std::string escaped;
    for (const char character : to_printable_utf8(text)) {
        switch (character) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        case '"':
            escaped += "&quot;";
            break;
        case '\'':
            escaped += "&#39;";
            break;
        default:
            escaped += character;
        }
    }
    return escaped;
}

HtmlWriter::Element HtmlWriter::element(std::string_view tag, HtmlAttributes attributes) {
    open(tag, attributes);
    return {*this, tag};
}

void HtmlWriter::empty_element(std::string_view tag, HtmlAttributes attributes) {
    open(tag, attributes);
}

void HtmlWriter::text_element(std::string_view tag, std::string_view content, HtmlAttributes attributes) {
    const auto whole = element(tag, attributes);
    text(content);
}

void HtmlWriter::text(std::string_view content) {
    pending_ += html_escaped(content);
    flush_if_full();
}

void HtmlWriter::literal(std::string_view html) {
    pending_ += html;
    flush_if_full();
}

void HtmlWriter::open(std::string_view tag, HtmlAttributes attributes) {
    pending_ += '<';
    pending_ += tag;
    for (const auto& [name, value] : attributes) {
        if (!value.empty()) {
            pending_ += ' ';
            pending_ += name;
            pending_ += "=\"";
            pending_ += html_escaped(value);
            pending_ += '"';
        }
    }
    pending_ += '>';
    flush_if_full();
}

void HtmlWriter::close(std::string_view tag) {
    pending_ += "</";
    pending_ += tag;
    pending_ += ">\n"; // lines that an editor can show; between cells and blocks it means nothing
}

void HtmlWriter::flush() {
    output_.write(pending_);
    pending_.clear();
}

void HtmlWriter::flush_if_full() {
    if (pending_.size() >= piece_bytes) {
        flush();
    }
}

} // namespace ukey::ctl
