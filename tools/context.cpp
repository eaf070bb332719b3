// SPDX-License-Identifier: Apache-2.0
#include "tools/verb.hpp"

#include <cstdio>

#include <boost/json/serialize.hpp>

namespace ukey::ctl {

Outcome<boost::json::object> Context::ask(std::string_view verb, boost::json::object arguments,
                                          const PartHandler& on_part, std::chrono::seconds wait) const {
    return connect().and_then(
        [&](ControlClient client) { return client.call(verb, std::move(arguments), on_part, wait); });
}

Outcome<boost::json::object> Context::ask_for_list(std::string_view verb, boost::json::object arguments,
                                                   std::string_view name) const {
    boost::json::array parts;
    const auto result = ask(verb, std::move(arguments), [&](const boost::json::value& part) {
        parts.push_back(part);
        return true;
    });
    return result.map([&](boost::json::object whole) {
        boost::json::object gathered{{name, std::move(parts)}};
        gathered.insert(whole.begin(), whole.end());
        return gathered;
    });
}

void Context::print(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void Context::print_json(const boost::json::object& object) const {
    print(boost::json::serialize(object) + "\n");
}

} // namespace ukey::ctl
