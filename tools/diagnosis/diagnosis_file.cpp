// SPDX-License-Identifier: Apache-2.0
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "tools/audit/whole_file.hpp"
#include "tools/diagnosis/diagnosis.hpp"
#include "tools/json_view.hpp"
#include "tools/output_file.hpp"

namespace ukey::ctl {
namespace {

constexpr std::string_view format_name = "ukey-diagnosis-v1";
/// A diagnosis has some kilobytes.
constexpr std::size_t file_max_bytes = 4UL * 1024UL * 1024UL;

boost::json::object to_json(const Evidence& evidence) {
    return {{"port", evidence.port},
            {"usb_id", evidence.usb_id},
            {"usb_serial", evidence.usb_serial},
            {"key", evidence.key},
            {"serial", evidence.serial},
            {"faults", boost::json::value_from(evidence.faults)},
            {"service_away", evidence.service_away},
            {"complete", evidence.complete},
            {"virtual_machine", evidence.virtual_machine}};
}

boost::json::object to_json(const Judgement& judgement) {
    boost::json::object json{{"verdict", to_string(judgement.verdict)},
                             {"decision", to_string(judgement.decision)},
                             {"because", boost::json::value_from(judgement.because)},
                             {"previous", nullptr}};
    if (judgement.with) {
        json["previous"] = *judgement.with;
    }
    return json;
}

Outcome<Evidence> read_evidence(const boost::json::object& diagnosis, const std::string& path) {
    const boost::json::object& evidence = object_of(diagnosis, "evidence");
    const boost::json::object& computer = object_of(diagnosis, "computer");
    const auto time = parse_timestamp(raw_text(diagnosis, "time"));
    const auto complete = flag_of(evidence, "complete");
    const auto service_away = flag_of(evidence, "service_away");
    const boost::json::value* faults = evidence.if_contains("faults");
    if (!time || !complete || !service_away || faults == nullptr || !faults->is_array()) {
        return fail_with("diagnosis.malformed",
                         {{"object", path}, {"reason", "a member is missing or wrong"}});
    }
    Evidence read{.computer = raw_text(computer, "id"),
                  .computer_name = raw_text(computer, "name"),
                  .port = raw_text(evidence, "port"),
                  .usb_id = raw_text(evidence, "usb_id"),
                  .usb_serial = raw_text(evidence, "usb_serial"),
                  .key = raw_text(evidence, "key"),
                  .serial = raw_text(evidence, "serial"),
                  .time = *time,
                  .faults = {},
                  .service_away = *service_away,
                  .complete = *complete,
                  .virtual_machine = flag_of(evidence, "virtual_machine").value_or(false)};
    for (const boost::json::value& code : faults->get_array()) {
        if (!code.is_string()) {
            return fail_with("diagnosis.malformed", {{"object", path}, {"reason", "a fault is no text"}});
        }
        read.faults.emplace_back(code.get_string());
    }
    return read;
}

} // namespace

boost::json::object to_json(const Diagnosis& diagnosis) {
    boost::json::array layers;
    for (const Check& check : diagnosis.layers) {
        layers.emplace_back(to_json(check));
    }
    return {{"target", diagnosis.target.name},
            {"computer", {{"id", diagnosis.computer.id}, {"name", diagnosis.computer.name}}},
            {"time", format_timestamp(diagnosis.time)},
            {"layers", std::move(layers)},
            {"evidence", to_json(diagnosis.evidence)},
            {"judgement", to_json(diagnosis.judgement)}};
}

boost::json::object to_json(const std::vector<Diagnosis>& diagnoses) {
    boost::json::array all;
    for (const Diagnosis& diagnosis : diagnoses) {
        all.emplace_back(to_json(diagnosis));
    }
    return {{"format", format_name}, {"diagnoses", std::move(all)}};
}

Outcome<void> write_diagnoses(const std::string& path, const std::vector<Diagnosis>& diagnoses) {
    auto file = OutputFile::open(path);
    if (!file) {
        return tl::unexpected(file.error());
    }
    file->write(boost::json::serialize(to_json(diagnoses)) + "\n");
    return file->commit();
}

Outcome<std::vector<Evidence>> parse_diagnoses(std::string_view text, const std::string& path) {
    boost::json::error_code error;
    const boost::json::value parsed = boost::json::parse(text, error);
    const boost::json::object& file = as_object(parsed);
    if (error || raw_text(file, "format") != format_name) {
        return fail_with("diagnosis.malformed",
                         {{"object", path}, {"reason", error ? error.message() : "it has another format"}});
    }
    std::vector<Evidence> all;
    for (const boost::json::value& diagnosis : list_of(file, "diagnoses")) {
        const auto evidence = read_evidence(as_object(diagnosis), path);
        if (!evidence) {
            return tl::unexpected(evidence.error());
        }
        all.push_back(*evidence);
    }
    return all;
}

Outcome<std::vector<Evidence>> read_diagnoses(const std::string& path) {
    const auto text = read_whole_file(path);
    if (!text) {
        return fail_with(text.error());
    }
    if (text->size() > file_max_bytes) {
        return fail_with("diagnosis.malformed", {{"object", path}, {"reason", "it is too large"}});
    }
    return parse_diagnoses(*text, path);
}

} // namespace ukey::ctl
