// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/removal_text.hpp"

#include "tools/json_view.hpp"
#include "tools/locale.hpp"

namespace ukey::ctl {

std::string traces_left(const boost::json::object& answer) {
    if (flag_of(answer, "is_gone").value_or(true)) {
        return {};
    }
    return std::string(_("A report or an export was being read meanwhile: the last traces go when the "
                         "service is stopped.")) +
           "\n";
}

} // namespace ukey::ctl
