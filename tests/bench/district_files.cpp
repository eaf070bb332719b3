// SPDX-License-Identifier: Apache-2.0
// Files as a district gets them, of any size: a registry, a list of workstations, and a bundle of each of
// them over a month with bindings and logins. The same arguments give the same files but for the keys that
// sign them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "daemon/core/bundle.hpp"

namespace ukey {
namespace {

struct Size {
    std::uint64_t organisations;
    std::uint64_t keys;
    std::uint64_t sessions;
    std::uint64_t workstations;
};

const Timestamp installed = parse_timestamp("2026-03-20T00:00:00Z").value();
const Timestamp month_begin = parse_timestamp("2026-03-31T16:00:00Z").value();
const Timestamp exported = parse_timestamp("2026-05-02T00:00:00Z").value();

std::string code_of(std::uint64_t organisation) {
    return fmt::format("{:08}", organisation);
}

/// One of 50 committees for every so many branches.
void write_registry(const std::string& path, std::uint64_t organisations) {
    constexpr std::uint64_t committees = 50;
    std::ofstream file(path);
    file << "path,code,kind,assessed_unit,administrator,mobile\n";
    for (std::uint64_t number = 1; number <= organisations; ++number) {
        const std::uint64_t committee = (number - 1) % committees + 1;
        const std::string parent = fmt::format("中共涪陵区第{}单位委员会", committee);
        const bool is_committee = number <= committees;
        file << (is_committee ? parent : fmt::format("{} - 第{}基层支部委员会", parent, number)) << ','
             << code_of(number) << ',' << (is_committee ? "committee" : "branch") << ','
             << fmt::format("{:02}", committee) << ",管理员" << number << ','
             << fmt::format("138{:08}", number) << '\n';
    }
}

/// Records of one workstation, one after the other.
class Ledger {
  public:
    Ledger(const WorkstationKey& key, std::string name)
        : key_(key), writer_(file_, {.public_key = key.public_key(),
                                     .workstation_name = std::move(name),
                                     .first_seq = 1,
                                     .previous_hash = ledger_genesis_hash(),
                                     .written = exported,
                                     .software = "bench"}) {}

    void add(Timestamp time, std::string kind, std::string payload) {
        LedgerRecord record{.seq = ++seq_,
                            .time = time,
                            .boottime = time - installed,
                            .kind = std::move(kind),
                            .payload = std::move(payload),
                            .hash = {}};
        record.hash = ledger_hash(head_, record);
        head_ = record.hash;
        writer_.add(record);
    }

    const std::string& finish() {
        writer_.add(sign_checkpoint(key_, seq_, head_, exported));
        writer_.finish(key_);
        return file_;
    }

    std::uint64_t records() const { return seq_; }

  private:
    const WorkstationKey& key_;
    std::string file_;
    BundleWriter writer_;
    std::string head_ = ledger_genesis_hash();
    std::uint64_t seq_ = 0;
};

void add_session(Ledger& ledger, std::mt19937_64& random, Timestamp time, const std::string& key,
                 const std::string& organisation) {
    const std::string login = fmt::format("{:016x}{:016x}", random(), random());
    ledger.add(
        time, "session.started",
        fmt::format(R"({{"login":"{}","key":"{}","organisation":"{}","uid":1000,"pid":4711,)"
                    R"("claim":{{"executable":"/usr/lib/chromium/chromium","application":"Chromium"}},)"
                    R"("verdict":"warn","codes":["certificate.no_revocation_list"],"grade":"observed",)"
                    R"("started_at":"{}","uses":0}})",
                    login, key, organisation, format_timestamp(time)));
    ledger.add(time + std::chrono::seconds(2), "session.used",
               fmt::format(R"({{"login":"{}","uses":1}})", login));
    ledger.add(time + std::chrono::minutes(3), "session.ended",
               fmt::format(R"({{"login":"{}","key":"{}","reason":"logout","uses":3}})", login, key));
}

/// Its part of the keys, each bound and used in the month.
std::uint64_t write_workstation(const std::string& folder, std::uint64_t number, const Size& size,
                                std::ofstream& list) {
    std::mt19937_64 random(number);
    const WorkstationKey key = WorkstationKey::generate();
    const std::string name = fmt::format("workstation {}", number);
    list << key.fingerprint() << " trusted " << name << '\n';
    Ledger ledger(key, name);
    ledger.add(installed, "daemon.started", R"({"version":"1","mode":"observe","modules":["/opensc.so"]})");
    std::vector<std::uint64_t> keys;
    for (std::uint64_t own = number; own < size.keys; own += size.workstations) {
        keys.push_back(own);
        const std::string id = fmt::format("{:012x}", own);
        ledger.add(
            installed, "key.inserted",
            fmt::format(R"({{"key":"{}","module":"/opensc.so","certificate_name":"中共涪陵区支部"}})", id));
        ledger.add(
            installed, "key.bound",
            fmt::format(R"({{"key":"{}","organisation":"{}","organisation_name":"中共涪陵区支部","uid":0}})",
                        id, code_of(own % size.organisations + 1)));
    }
    const std::uint64_t sessions = size.sessions / size.workstations;
    const auto step = (exported - month_begin) / (sessions + 1);
    for (std::uint64_t session = 0; session < sessions && !keys.empty(); ++session) {
        const std::uint64_t own = keys[session % keys.size()];
        add_session(ledger, random, month_begin + step * static_cast<std::int64_t>(session),
                    fmt::format("{:012x}", own), code_of(own % size.organisations + 1));
    }
    std::ofstream file(fmt::format("{}/{:06}.bundle", folder, number), std::ios::binary);
    file << ledger.finish();
    return ledger.records();
}

} // namespace
} // namespace ukey

int main(int count, char** arguments) {
    if (count != 6) {
        std::fputs("district_files FOLDER ORGANISATIONS KEYS SESSIONS WORKSTATIONS\n", stderr);
        return 2;
    }
    const std::string folder = arguments[1];
    const ukey::Size size{std::strtoull(arguments[2], nullptr, 10), std::strtoull(arguments[3], nullptr, 10),
                          std::strtoull(arguments[4], nullptr, 10), std::strtoull(arguments[5], nullptr, 10)};
    ukey::write_registry(folder + "/organisations.csv", size.organisations);
    std::ofstream list(folder + "/workstations.txt");
    std::uint64_t records = 0;
    for (std::uint64_t number = 0; number < size.workstations; ++number) {
        records += ukey::write_workstation(folder, number, size, list);
    }
    fmt::print("{} records\n", records);
    return list ? 0 : 1;
}
