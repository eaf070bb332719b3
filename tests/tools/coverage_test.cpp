// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/coverage.hpp"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace ukey::ctl;
namespace fs = std::filesystem;

constexpr const char* maps =
    "55d0c0de1000-55d0c0de2000 r--p 00000000 fd:01 1048                       /usr/bin/some program\n"
    "7f0000000000-7f0000001000 r--p 00000000 fd:01 4711                       /usr/lib/backend.so\n"
    "7f0000001000-7f0000002000 r-xp 00001000 fd:01 4711                       /usr/lib/backend.so\n"
    "7f0000003000-7f0000004000 rw-p 00000000 00:00 0 \n"
    "7f0000005000-7f0000006000 r--p 00000000 103:0a 12                        /usr/lib/old.so (deleted)\n"
    "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n"
    "nonsense\n"
    "7f0000005000-7f0000006000 r--p 0000";

/// A folder as /proc is, with the processes that a test puts into it.
class InventedProc {
  public:
    InventedProc() : folder_(testing::TempDir() + "proc-" + std::to_string(getpid())) {
        fs::create_directories(folder_);
    }
    ~InventedProc() { fs::remove_all(folder_); }
    InventedProc(const InventedProc&) = delete; // owns the folder
    InventedProc& operator=(const InventedProc&) = delete;

    void add(const std::string& name, const std::string& text) const {
        fs::create_directories(folder_ + "/" + name);
        std::ofstream(folder_ + "/" + name + "/maps") << text;
        std::ofstream(folder_ + "/" + name + "/status") << "Name:\tx\nUid:\t1000\t0\t0\t0\n";
    }
    const std::string& folder() const { return folder_; }

  private:
    std::string folder_;
};

std::vector<WantedFile> wanted_backend() {
    return {WantedFile("/usr/lib/backend.so")};
}

ProcessMaps process_with(std::string executable, std::string cgroup) {
    return {.pid = 7,
            .uid = 0,
            .executable = std::move(executable),
            .executable_identity = std::nullopt,
            .cgroup = std::move(cgroup),
            .files = {{.identity = {}, .path = "/usr/lib/backend.so", .deleted = false}}};
}

Coverage judge(ProcessMaps process, std::set<pid_t> workers) {
    const CoverageQuestion question{.backends = {"/usr/lib/backend.so"},
                                    .filter = "/usr/lib/ukey-pkcs11.so",
                                    .probe = "/usr/libexec/ukey-probe",
                                    .workers = std::move(workers)};
    ProcessSight sight{.processes = {}, .looked_at = 1, .unseen = 0, .cut_short = false};
    sight.processes.push_back(std::move(process));
    return judge_coverage(question, sight, true, "root");
}

TEST(ParseMaps, NamesEachFileOnce) {
    const auto files = parse_maps(maps);
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files[0].path, "/usr/bin/some program");
    EXPECT_EQ(files[1].path, "/usr/lib/backend.so");
    EXPECT_EQ(files[1].identity, (FileIdentity{0xfd, 1, 4711}));
    EXPECT_FALSE(files[1].deleted);
    EXPECT_EQ(files[2].path, "/usr/lib/old.so");
    EXPECT_EQ(files[2].identity, (FileIdentity{0x103, 10, 12}));
    EXPECT_TRUE(files[2].deleted);
}

TEST(FindProcesses, LeavesOutWhatHasEnded) {
    const InventedProc proc;
    proc.add("42", maps);
    proc.add("43", "7f0000000000-7f0000001000 r--p 00000000 fd:01 1 /usr/lib/other.so\n");
    proc.add("self", maps);
    fs::create_directory(proc.folder() + "/44"); // its files went while it was looked at
    const ProcessSight sight = find_processes(wanted_backend(), {}, proc.folder());
    ASSERT_EQ(sight.processes.size(), 1U);
    EXPECT_EQ(sight.processes[0].pid, 42);
    EXPECT_EQ(sight.processes[0].uid, 1000U);
    EXPECT_EQ(sight.looked_at, 2U);
    EXPECT_EQ(sight.unseen, 0U);
    EXPECT_FALSE(sight.cut_short);
}

TEST(FindProcesses, EndsAtItsBounds) {
    const InventedProc proc;
    for (int pid = 1; pid <= 5; ++pid) {
        proc.add(std::to_string(pid), maps);
    }
    const auto few = find_processes(
        wanted_backend(), {.processes = 3, .time = std::chrono::milliseconds(60'000)}, proc.folder());
    EXPECT_TRUE(few.cut_short);
    EXPECT_EQ(few.processes.size(), 3U);
    const auto late = find_processes(
        wanted_backend(), {.processes = 100, .time = std::chrono::milliseconds(-1)}, proc.folder());
    EXPECT_TRUE(late.cut_short);
    EXPECT_TRUE(late.processes.empty());
    EXPECT_TRUE(find_processes(wanted_backend(), {}, "/nonexistent").cut_short);
}

TEST(JudgeCoverage, AWorkerIsTheRightProgramThatSomebodyAnswersFor) {
    const std::string unit = "0::/system.slice/system-ukey\\x2dprobe.slice/ukey-probe@opensc.service\n";
    const std::string users_own = "0::/user.slice/user-1000.slice/ukey-probe@opensc.service\n";
    const std::string probe = "/usr/libexec/ukey-probe";
    EXPECT_TRUE(judge(process_with(probe, ""), {7}).findings.empty());
    EXPECT_TRUE(judge(process_with(probe, unit), {}).findings.empty());
    for (const auto& process : {process_with(probe, ""), process_with(probe, users_own),
                                process_with("/home/someone/ukey-probe", unit)}) {
        const Coverage coverage = judge(process, {8});
        ASSERT_EQ(coverage.findings.size(), 1U) << process.executable << process.cgroup;
        EXPECT_EQ(coverage.findings[0].code, "coverage.bypass");
    }
    EXPECT_FALSE(judge(process_with("/home/someone/ukey-probe", ""), {7}).findings.empty());
}

TEST(JudgeCoverage, NamesTheSetupThatFits) {
    const auto setup = [](const std::string& executable, const std::string& library) {
        ProcessMaps process = process_with(executable, "");
        process.files.push_back({.identity = {}, .path = library, .deleted = false});
        return judge(std::move(process), {}).findings.at(0).arguments.at("setup");
    };
    EXPECT_EQ(setup("/usr/lib/firefox-esr/firefox-esr", "/usr/lib/libnss3.so"), "ukeyctl setup nss");
    EXPECT_EQ(setup("/usr/bin/p11tool", "/usr/lib/libp11-kit.so.0.3.1"), "ukeyctl setup p11-kit");
    EXPECT_EQ(setup("/usr/bin/openssl", "/usr/lib/engines-3/libpkcs11.so"), "ukeyctl setup openssl");
    EXPECT_EQ(setup("/usr/lib/openssh/ssh-pkcs11-helper", "/usr/lib/libc.so.6"), "ukeyctl setup ssh");
    EXPECT_EQ(setup("/opt/vpn", "/usr/lib/libc.so.6"), "ukeyctl setup --help");
}

TEST(JudgeCoverage, SaysWhatCouldNotBeSeen) {
    const ProcessSight sight{.processes = {}, .looked_at = 3, .unseen = 2, .cut_short = false};
    const Coverage root = judge_coverage({}, sight, true, "root");
    EXPECT_EQ(root.findings.at(0).code, "coverage.incomplete");
    EXPECT_EQ(check_coverage(root).state, CheckState::unknown);
    const Coverage other = judge_coverage({}, sight, false, "someone");
    EXPECT_EQ(other.findings.at(0).code, "coverage.not_seen");
    EXPECT_FALSE(other.complete());
    EXPECT_EQ(check_coverage(judge_coverage({}, {}, true, "root")).state, CheckState::ok);
}

} // namespace
