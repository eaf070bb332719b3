// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/fetched_bundle.hpp"

#include "daemon/core/base64.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"

namespace ukey::ctl {

Outcome<void> fetch_bundle(const Context& context, const boost::json::object& wanted, OutputFile& output) {
    constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
    Progress progress(N_("{done} MiB written"), 0);
    std::size_t bytes = 0;
    bool whole = true;
    const auto result = context.ask(
        "audit.bundle", wanted,
        [&](const boost::json::value& part) {
            const auto piece = base64_decode(part.is_string() ? std::string_view(part.get_string()) : "?");
            whole = whole && piece.has_value();
            if (piece) {
                output.write(*piece);
                bytes += piece->size();
                progress.advance_to(bytes / mebibyte);
            }
            return whole;
        },
        long_answer_wait);
    if (!result) {
        return tl::unexpected(result.error());
    }
    return whole ? Outcome<void>()
                 : fail_with("control.bad_answer", {{"reason", "a piece of the bundle is not base64"}});
}

} // namespace ukey::ctl
