// SPDX-License-Identifier: Apache-2.0
// The daemon's Worker with a real ukey-probe, SoftHSM, and a module that crashes, hangs and lies.
#include <elf.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "daemon/probe/worker.hpp"
#include "tests/softhsm/softhsm_token.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;
using test::TemporaryFolder;

/// Nothing here takes so long unless it is broken; generous for a loaded machine with sanitizers.
constexpr auto overall_deadline = 60s;

class WorkerTest : public testing::Test {
  protected:
    void SetUp() override {
        behave("good");
        setenv("UKEY_FAULT_MODULE_BEHAVIOUR", behaviour_file().c_str(), 1);
        options_.name = "test";
        options_.module_path = UKEY_FAULT_MODULE;
        options_.probe_path = UKEY_PROBE;
        options_.backoff_first = 20ms;
        options_.backoff_max = 80ms;
    }

    void TearDown() override {
        if (worker_) {
            stop();
        }
        unsetenv("UKEY_FAULT_MODULE_BEHAVIOUR");
    }

    std::filesystem::path behaviour_file() const { return folder_.path() / "behaviour"; }

    /// Also a slot event of the fault module.
    void behave(const std::string& how) { folder_.write("behaviour", how); }

    /// What the module was asked, as the fault module notes it.
    std::string all_calls() const {
        std::ifstream file(behaviour_file().string() + ".calls");
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    /// Those that touch the token: t for C_GetTokenInfo, s for C_OpenSession.
    std::string token_calls() const {
        std::string calls = all_calls();
        std::erase(calls, 'i');
        return calls;
    }

    auto looks() const { return std::ranges::count(all_calls(), 'i'); }

    Worker& start() {
        worker_.emplace(context_.get_executor(), options_,
                        Worker::Events{.state_changed = [this] { ++state_changes_; },
                                       .slots_changed = [this] { ++slot_changes_; }});
        worker_->start();
        return *worker_;
    }

    /// Runs the context until the condition holds. False after the overall deadline.
    template <typename Condition>
    bool run_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + overall_deadline;
        context_.restart();
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            context_.run_one_until(end);
            context_.restart();
        }
        return true;
    }

    bool run_until_running() {
        return run_until([this] { return worker_->state() == WorkerState::running; });
    }

    bool run_until_finding(const std::string& code) {
        return run_until([&] { return !worker_->findings().empty() && worker_->findings()[0].code == code; });
    }

    void stop() {
        bool stopped = false;
        worker_->stop([&stopped] { stopped = true; });
        EXPECT_TRUE(run_until([&stopped] { return stopped; }));
    }

    const SlotReport& slot() const { return worker_->slots().at(0); }

    boost::asio::io_context context_;
    TemporaryFolder folder_;
    WorkerOptions options_;
    int state_changes_ = 0;
    int slot_changes_ = 0;
    std::optional<Worker> worker_;
};

TEST_F(WorkerTest, ReadsTheTokenOnce) {
    Worker& worker = start();
    EXPECT_EQ(worker.state(), WorkerState::starting);
    ASSERT_TRUE(run_until_running());
    EXPECT_EQ(worker.module()->description, "Fault module");
    EXPECT_TRUE(worker.module()->events);
    EXPECT_TRUE(worker.findings().empty());
    EXPECT_EQ(worker.restarts(), 0);
    ASSERT_EQ(worker.slots().size(), 1U);
    EXPECT_EQ(slot().slot, 7U);
    ASSERT_TRUE(slot().token);
    EXPECT_EQ(slot().token->label, "党支部");
    EXPECT_EQ(slot().token->certificates.at(0).der, "not a certificate, but bytes");
    EXPECT_EQ(slot().token->certificates.at(0).private_key, PrivateKeyPresence::unknown);
    EXPECT_EQ(token_calls(), "ts");
}

TEST_F(WorkerTest, TellsRemovalInsertionAndReplacement) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const auto first_generation = slot().token->generation;
    behave("no_token");
    ASSERT_TRUE(run_until([&] { return !slot().present; }));
    EXPECT_FALSE(slot().token);
    behave("good");
    ASSERT_TRUE(run_until([&] { return slot().token.has_value(); }));
    EXPECT_GT(slot().token->generation, first_generation);
    behave("other_token");
    ASSERT_TRUE(run_until([&] { return slot().token && slot().token->serial == "0002"; }));
    EXPECT_EQ(worker.state(), WorkerState::running);
}

TEST_F(WorkerTest, CannedSlotInfoIsCorrectedByTheToken) {
    behave("slot_info_canned");
    start();
    ASSERT_TRUE(run_until_running());
    EXPECT_FALSE(slot().present);
    EXPECT_FALSE(slot().error);
}

TEST_F(WorkerTest, DeviceErrorIsReportedWithFunctionAndValue) {
    behave("token_info_device_error");
    start();
    ASSERT_TRUE(run_until_running());
    EXPECT_TRUE(slot().present);
    EXPECT_EQ(slot().error, (CallError{.function = "C_GetTokenInfo", .rv = "CKR_DEVICE_ERROR"}));
}

TEST_F(WorkerTest, GarbageLengthsAreAReadError) {
    behave("garbage_lengths");
    start();
    ASSERT_TRUE(run_until_running());
    ASSERT_TRUE(slot().token);
    EXPECT_TRUE(slot().token->certificates.empty());
    EXPECT_EQ(slot().token->read_error->rv, "limit");
}

TEST_F(WorkerTest, WithoutEventsTheDaemonAsks) {
    behave("events_unsupported");
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    EXPECT_FALSE(worker.module()->events);
    behave("other_token");
    worker.refresh({});
    ASSERT_TRUE(run_until([&] { return slot().token->serial == "0002"; }));
}

TEST_F(WorkerTest, HeldSlotIsNotTouched) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const std::string before = token_calls();
    const auto looks_before = looks();
    worker.refresh({7});
    ASSERT_TRUE(run_until([&] { return looks() > looks_before; }));
    behave("pin_locked"); // an event for the held slot
    ASSERT_TRUE(run_until([&] { return looks() > looks_before + 1; }));
    worker.reread(7);
    behave("no_token");
    ASSERT_TRUE(run_until([&] { return !slot().present; }));
    EXPECT_EQ(token_calls(), before);
    behave("good");
    ASSERT_TRUE(run_until([&] { return slot().present; }));
    EXPECT_FALSE(slot().token);
    EXPECT_EQ(token_calls(), before);
    worker.refresh({});
    ASSERT_TRUE(run_until([&] { return slot().token.has_value(); }));
}

TEST_F(WorkerTest, RereadTellsPinFlagsOnly) {
    // Without events, so that the write of the behaviour is not an insertion.
    behave("events_unsupported");
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    EXPECT_EQ(slot().token->pin_locked(), Tristate::unknown);
    behave("pin_locked");
    worker.reread(7);
    ASSERT_TRUE(run_until([&] { return slot().token->pin_locked() == Tristate::yes; }));
    EXPECT_EQ(slot().token->generation, 1U);
    EXPECT_EQ(token_calls(), "tst");
}

TEST_F(WorkerTest, EventStormIsBounded) {
    behave("event_storm");
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    // Five insertions are read with growing pauses between them.
    ASSERT_TRUE(run_until([&] { return slot().token->generation >= 5; }));
    EXPECT_EQ(worker.restarts(), 0);
}

TEST_F(WorkerTest, CrashesAreNamedAndRecoveredFrom) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const auto generation = slot().token->generation;
    behave("crash_in_token_info"); // also an event, upon which it asks the token
    ASSERT_TRUE(run_until_finding("module.crashed"));
    EXPECT_EQ(worker.findings()[0].subject, "test");
    EXPECT_EQ(worker.findings()[0].arguments.at("reason"), "SIGSEGV");
    // A crash says nothing about the key.
    EXPECT_TRUE(slot().token);
    ASSERT_TRUE(run_until([&] { return worker.restarts() >= 2; }));
    behave("good");
    ASSERT_TRUE(
        run_until([&] { return worker.state() == WorkerState::running && worker.findings().empty(); }));
    EXPECT_GT(slot().token->generation, generation);
}

TEST_F(WorkerTest, CrashInInitializeBacksOff) {
    behave("crash_in_initialize");
    Worker& worker = start();
    ASSERT_TRUE(run_until([&] { return worker.restarts() >= 4; }));
    ASSERT_TRUE(run_until([&] { return worker.next_try_in().has_value(); }));
    EXPECT_LE(*worker.next_try_in(), options_.backoff_max);
    EXPECT_EQ(worker.findings()[0].arguments.at("delay"), "0.08 s");
    behave("good");
    ASSERT_TRUE(run_until_running());
}

class HangTest : public WorkerTest, public testing::WithParamInterface<const char*> {};

TEST_P(HangTest, IsKilledAndReported) {
    behave(GetParam());
    // Long enough for a start on a loaded machine with sanitizers.
    options_.deadline = 1500ms;
    Worker& worker = start();
    ASSERT_TRUE(run_until_finding("module.hung"));
    EXPECT_EQ(worker.findings()[0].arguments.at("deadline"), "1.5 s");
    EXPECT_FALSE(worker.pid());
    behave("good");
    ASSERT_TRUE(
        run_until([&] { return worker.state() == WorkerState::running && worker.findings().empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, HangTest,
                         testing::Values("hang_in_initialize", "hang_in_slot_list", "hang_in_token_info"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_F(WorkerTest, KilledFromOutsideItStartsAgain) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const pid_t first = *worker.pid();
    kill(first, SIGKILL);
    ASSERT_TRUE(run_until_finding("module.crashed"));
    EXPECT_EQ(worker.findings()[0].arguments.at("reason"), "SIGKILL");
    ASSERT_TRUE(run_until_running());
    EXPECT_NE(*worker.pid(), first);
    EXPECT_EQ(worker.restarts(), 1);
    EXPECT_TRUE(worker.findings().empty());
}

TEST_F(WorkerTest, SlotListThatFailsIsAModuleThatFailed) {
    behave("slot_list_fails");
    Worker& worker = start();
    ASSERT_TRUE(run_until_finding("module.initialize_failed"));
    EXPECT_EQ(worker.findings()[0].arguments.at("reason"), "C_GetSlotList says CKR_GENERAL_ERROR");
    behave("good");
    ASSERT_TRUE(run_until_running());
}

TEST_F(WorkerTest, MissingModuleIsUsedOnceItIsThere) {
    options_.module_path = (folder_.path() / "late.so").string();
    Worker& worker = start();
    ASSERT_TRUE(run_until_finding("module.missing"));
    EXPECT_EQ(worker.state(), WorkerState::failed);
    EXPECT_FALSE(worker.next_try_in());
    std::filesystem::copy_file(UKEY_FAULT_MODULE, folder_.path() / "late.tmp");
    std::filesystem::rename(folder_.path() / "late.tmp", options_.module_path);
    ASSERT_TRUE(run_until_running());
    EXPECT_TRUE(worker.findings().empty());
}

TEST_F(WorkerTest, WrongArchitectureIsTriedAgainAtRefresh) {
    std::string header(64, '\0');
    std::memcpy(header.data(), ELFMAG, SELFMAG);
    header[EI_CLASS] = ELFCLASS64;
    header[EI_DATA] = ELFDATA2LSB;
    header[EI_NIDENT + 2] = EM_S390;
    options_.module_path = folder_.write("vendor.so", header);
    Worker& worker = start();
    ASSERT_TRUE(run_until_finding("module.wrong_architecture"));
    EXPECT_EQ(worker.state(), WorkerState::failed);
    worker.refresh({});
    ASSERT_TRUE(run_until([&] { return worker.restarts() == 1 && worker.state() == WorkerState::failed; }));
}

TEST_F(WorkerTest, MissingProbeIsAFinding) {
    options_.probe_path = (folder_.path() / "no-such-probe").string();
    Worker& worker = start();
    ASSERT_TRUE(run_until_finding("module.crashed"));
    EXPECT_NE(worker.findings()[0].arguments.at("reason").find("No such file"), std::string::npos);
}

/// A program in the probe's place that writes this to its channel.
std::string impostor(const TemporaryFolder& folder, const std::string& printf_format) {
    std::string path =
        folder.write("impostor", "#!/bin/sh\nprintf '" + printf_format + "' >&3\nread line <&3\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST_F(WorkerTest, GarbageFramesEndTheProcess) {
    for (const char* bytes :
         {R"(\377\377\377\377garbage)", R"(\000\000\000\004\002{})", R"(\000\000\000\005\001oops)",
          R"(\000\000\000\003\001{})", R"(\000\000\000\023\001{"type":"slots"}  )"}) {
        options_.probe_path = impostor(folder_, bytes);
        Worker& worker = start();
        EXPECT_TRUE(run_until_finding("module.garbage")) << bytes;
        EXPECT_FALSE(worker.pid());
        stop();
        worker_.reset();
    }
}

TEST_F(WorkerTest, StopLeavesNoProcess) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const pid_t pid = *worker.pid();
    stop();
    EXPECT_EQ(kill(pid, 0), -1);
    EXPECT_FALSE(worker.pid());
    EXPECT_EQ(worker.state(), WorkerState::waiting);
    EXPECT_FALSE(worker.next_try_in());
    EXPECT_TRUE(worker.findings().empty());
    worker.start();
    EXPECT_TRUE(run_until_running());
}

TEST_F(WorkerTest, StopOfAHangingModuleIsBounded) {
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    const pid_t pid = *worker.pid();
    behave("hang_in_finalize");
    const auto begin = std::chrono::steady_clock::now();
    stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, options_.stop_grace + 2s);
    EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(WorkerTest, DestructionLeavesNoProcess) {
    const pid_t pid = [this] {
        Worker& worker = start();
        EXPECT_TRUE(run_until_running());
        return *worker.pid();
    }();
    worker_.reset();
    EXPECT_EQ(kill(pid, 0), -1);
    const int changes = state_changes_;
    context_.restart();
    context_.poll();
    EXPECT_EQ(state_changes_, changes);
}

/// What systemd does: a listening socket on descriptor 3, LISTEN_FDS and LISTEN_PID set.
pid_t start_activated_probe(const std::string& socket_path) {
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 1) != 0) {
        return -1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(listener, 3);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        execl(UKEY_PROBE, UKEY_PROBE, "--name", "test", "--module", UKEY_FAULT_MODULE, nullptr);
        _exit(127);
    }
    close(listener);
    return pid;
}

TEST_F(WorkerTest, SocketActivatedProbeServesOneConnection) {
    options_.socket_path = (folder_.path() / "probe.sock").string();
    const pid_t pid = start_activated_probe(*options_.socket_path);
    ASSERT_GT(pid, 0);
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    EXPECT_FALSE(worker.pid());
    EXPECT_TRUE(slot().token);
    stop();
    int status = -1;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
    // Nobody listens any more.
    worker.start();
    ASSERT_TRUE(run_until_finding("module.crashed"));
}

TEST_F(WorkerTest, SoftHsmTokenIsRead) {
    const auto softhsm = test::find_softhsm();
    if (!softhsm) {
        GTEST_SKIP() << "SoftHSM, pkcs11-tool or openssl is not installed";
    }
    test::SoftHsmToken token(*softhsm);
    token.add_key("RSA:2048", "01");
    options_.module_path = *softhsm;
    Worker& worker = start();
    ASSERT_TRUE(run_until_running());
    EXPECT_FALSE(worker.module()->events);
    const auto initialised = std::ranges::find_if(worker.slots(), [](const SlotReport& report) {
        return report.token && report.token->label == test::SoftHsmToken::label;
    });
    ASSERT_NE(initialised, worker.slots().end());
    EXPECT_EQ(initialised->token->certificates.size(), 1U);
    EXPECT_FALSE(initialised->token->read_error);
    // A module that works on: the same token is not read again.
    const auto generation = initialised->token->generation;
    const auto slot_id = initialised->slot;
    worker.refresh({});
    worker.reread(slot_id);
    ASSERT_TRUE(run_until([&] { return state_changes_ > 0; }));
    EXPECT_EQ(std::ranges::find(worker.slots(), slot_id, &SlotReport::slot)->token->generation, generation);
}

} // namespace
} // namespace ukey
