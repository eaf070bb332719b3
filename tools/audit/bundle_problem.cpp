// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/bundle_problem.hpp"

#include "daemon/core/text.hpp"
#include "tools/render.hpp"
#include "tools/words.hpp"

namespace ukey::ctl {

boost::json::object problem_json(const BundleProblem& problem) {
    boost::json::object object{{"code", problem.code}, {"seq", nullptr}, {"reason", problem.reason}};
    if (problem.seq) {
        object["seq"] = *problem.seq;
    }
    return object;
}

boost::json::array problems_json(const std::vector<BundleProblem>& problems) {
    boost::json::array list;
    for (const BundleProblem& problem : problems) {
        list.push_back(problem_json(problem));
    }
    return list;
}

std::string problem_line(const BundleProblem& problem, const Places& more, const Style& style) {
    // What a file says of itself is anyone's to choose: no line and no escape sequence of it may pass for
    // ours.
    Places places{{"seq", std::to_string(problem.seq.value_or(0))},
                  {"reason", to_printable_utf8(word(problem.reason))}};
    places.insert(more.begin(), more.end());
    const Explained texts = explain(problem.code, places, {problem.reason, ""});
    return "  " + style.paint(Paint::bad, "✘") + " " + texts.message + "\n" +
           (texts.remedy.empty() ? "" : "    → " + texts.remedy + "\n");
}

} // namespace ukey::ctl
