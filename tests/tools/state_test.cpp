// SPDX-License-Identifier: Apache-2.0
// State backup and restore: every refusal, what is kept, and a restore that ends after any of its steps.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <gtest/gtest.h>

#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/rotation_store.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/state_lock.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tools/state/back_up.hpp"
#include "tools/state/restore.hpp"
#include "tools/state/state_folder.hpp"

namespace {

using namespace ukey;
using namespace ukey::ctl;
namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_mode & ALLPERMS;
}

class StateTest : public ::testing::Test {
  protected:
    StateTest() {
        fs::permissions(folder_.path(), fs::perms(0755)); // for tests of another owner
        fs::create_directory(state());
        fs::permissions(state(), fs::perms(0700));
        folder_.write("ukeyd.toml", "mode = \"observe\"\n");
    }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    std::string state() const { return path("state"); }

    Storage open(const std::string& folder) const {
        return Storage::open(folder + "/ukeyd.db", clock_).value();
    }
    Storage open() const { return open(state()); }

    static void append(Storage& storage, int count) {
        for (int done = 0; done < count; ++done) {
            ASSERT_TRUE(storage.write([&] { return storage.append("key.removed", {{"key", "k"}}); }));
        }
    }

    /// As a service does that lives for so many records: 1 for its start, `count` and one for its stop, and
    /// after its first run 1 more for the absence.
    void live(int count) const {
        Storage storage = open();
        const auto key = load_workstation_key(storage, state() + workstation_key_file);
        ASSERT_TRUE(key) << to_string(key.error());
        ASSERT_TRUE(record_start(storage, {}, [](TimeSpan) { return std::nullopt; }));
        append(storage, count);
        ASSERT_TRUE(record_stop(storage));
        ASSERT_TRUE(add_checkpoint(storage, *key));
    }

    std::vector<std::string> kinds(const std::string& folder) const {
        std::vector<std::string> kinds;
        Storage storage = open(folder);
        EXPECT_TRUE(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
            kinds.push_back(record.kind);
            return true;
        }));
        return kinds;
    }

    Outcome<BackupMade> make_backup(const std::string& name = "backup") const {
        return back_up({.state_dir = state(), .configuration = path("ukeyd.toml"), .output = path(name)});
    }

    RestoreRequest request(bool replace = false, const std::string& name = "backup") const {
        RestoreRequest asked;
        asked.file = path(name);
        asked.state_dir = state();
        asked.configuration = path("ukeyd.toml");
        asked.replace = replace;
        return asked;
    }

    static std::string code(const Outcome<Restored>& outcome) { return outcome ? "" : outcome.error().code; }

    /// The computer is installed anew: nothing is in the state folder.
    void wipe() const {
        fs::remove_all(state());
        fs::create_directory(state());
        fs::permissions(state(), fs::perms(0700));
    }

    /// Changes a backup behind its back.
    void tamper(const std::string& sql, const std::string& name = "backup") const {
        Database database = Database::open_alone(path(name)).value();
        const auto done = database.execute(sql);
        ASSERT_TRUE(done) << to_string(done.error());
    }

    /// Names in the folder, but for those that a test has made itself.
    std::vector<std::string> left_beside() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_.path())) {
            const std::string name = entry.path().filename().string();
            if (name != "state" && name != "backup" && name != "ukeyd.toml") {
                names.push_back(name);
            }
        }
        return names;
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
};

TEST_F(StateTest, BackupIsOneFileOfOneMomentWhileTheServiceWrites) {
    live(3);
    Storage running = open();
    append(running, 2);
    const std::string fingerprint = WorkstationKey::load(state() + workstation_key_file)->fingerprint();
    const auto made = make_backup();
    ASSERT_TRUE(made) << made.error().code;
    append(running, 1);
    EXPECT_EQ(made->facts.last_seq, 7U);
    EXPECT_EQ(made->facts.workstation, fingerprint);
    EXPECT_EQ(made->facts.host, host_name());
    EXPECT_EQ(made->facts.configuration, "mode = \"observe\"\n");
    EXPECT_EQ(made->bytes, fs::file_size(path("backup")));
    EXPECT_EQ(mode_of(path("backup")), 0600U);
    EXPECT_TRUE(left_beside().empty()) << left_beside().front();

    fs::permissions(path("backup"), fs::perms(0400)); // it is read as it is, nothing beside it
    Storage copy = Storage::open_to_read(path("backup"), clock_).value();
    EXPECT_EQ(copy.database().pragma("application_id").value(), backup_application_id);
    const Backup backup = read_backup(copy).value();
    EXPECT_EQ(backup.key.fingerprint(), fingerprint);
    std::uint64_t checked = 0;
    const auto whole =
        copy.read([&] { return check_backup(copy, backup, [&](std::uint64_t seq) { checked = seq; }); });
    EXPECT_TRUE(whole) << to_string(whole.error());
    EXPECT_EQ(checked, 7U);
    EXPECT_TRUE(left_beside().empty()) << left_beside().front();
}

TEST_F(StateTest, BackupReplacesNoFile) {
    live(1);
    folder_.write("backup", "something else");
    EXPECT_EQ(make_backup().error().code, "file.other_content");
    EXPECT_EQ(read_file(path("backup")), "something else");
    EXPECT_EQ(make_backup("nowhere/backup").error().code, "file.unwritable");
    EXPECT_TRUE(left_beside().empty());
}

TEST_F(StateTest, FolderInTheWayIsRemovedOnlyWhenAnEarlierRunLeftIt) {
    live(1);
    fs::create_directory(path("backup.part"));
    folder_.write("backup.part/letter", "somebody's own");
    EXPECT_EQ(make_backup().error().code, "file.unwritable");
    EXPECT_EQ(read_file(path("backup.part/letter")), "somebody's own");
    fs::rename(path("backup.part/letter"), path("backup.part/backup"));
    EXPECT_TRUE(make_backup());
    EXPECT_TRUE(left_beside().empty());
}

TEST_F(StateTest, BackupThatCannotBeMadeLeavesNothing) {
    EXPECT_EQ(make_backup().error().code, "state.unusable") << "there is no database";
    live(1);
    const std::string key = state() + workstation_key_file;
    fs::rename(key, key + ".gone");
    EXPECT_EQ(make_backup().error().code, "state.unusable");
    ASSERT_TRUE(WorkstationKey::generate().save(key));
    const auto other_key = make_backup();
    EXPECT_EQ(other_key.error().code, "workstation.key_unusable");
    EXPECT_EQ(other_key.error().places.at("reason"), "it is not the one that signs this ledger");
    fs::remove(path("ukeyd.toml"));
    fs::create_directory(path("ukeyd.toml"));
    EXPECT_EQ(make_backup().error().code, "file.unreadable");
    EXPECT_FALSE(fs::exists(path("backup")));
    EXPECT_TRUE(left_beside().empty());
    fs::remove(path("ukeyd.toml"));
    fs::rename(key + ".gone", key);
    const auto made = make_backup();
    ASSERT_TRUE(made) << made.error().code;
    EXPECT_EQ(made->facts.configuration, std::nullopt);
}

TEST_F(StateTest, BackupTakesTheKeyThatIsToFollowWhenItsRecordIsThere) {
    live(1);
    const std::string key = state() + workstation_key_file;
    std::string second;
    {
        Storage storage = open();
        fs::copy_file(key, key + ".first");
        second = rotate_workstation_key(storage, WorkstationKey::load(key).value(), key)->key.fingerprint();
    }
    fs::rename(key, next_key_path(key));
    fs::rename(key + ".first", key); // as between the record and the change of files
    EXPECT_EQ(make_backup()->facts.workstation, second);
}

TEST_F(StateTest, OnAComputerInstalledAnewTheChainGoesOnAndTheSeamIsRecorded) {
    live(3);
    const auto made = make_backup();
    ASSERT_TRUE(made);
    const std::string fingerprint = made->facts.workstation;
    live(2); // is lost
    wipe();
    fs::remove(path("ukeyd.toml"));
    const auto restored = restore(request());
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_EQ(restored->kept, "");
    EXPECT_EQ(restored->configuration, path("ukeyd.toml"));
    EXPECT_FALSE(restored->configuration_differs);
    EXPECT_EQ(read_file(path("ukeyd.toml")), "mode = \"observe\"\n");
    EXPECT_TRUE(left_beside().empty());
    EXPECT_EQ(mode_of(state()), 0700U);
    EXPECT_EQ(mode_of(state() + "/ukeyd.db"), 0600U);
    EXPECT_EQ(mode_of(state() + workstation_key_file), 0600U);
    const std::string bytes = read_file(state() + "/ukeyd.db");
    EXPECT_EQ(bytes.find("PRIVATE KEY"), std::string::npos) << "it is in its own file only";
    EXPECT_EQ(bytes.find("observe"), std::string::npos);

    live(1);
    EXPECT_EQ(WorkstationKey::load(state() + workstation_key_file)->fingerprint(), fingerprint);
    EXPECT_EQ(kinds(state()),
              (std::vector<std::string>{"daemon.started", "key.removed", "key.removed", "key.removed",
                                        "daemon.stopped", "state.restored", "coverage.absence",
                                        "daemon.started", "key.removed", "daemon.stopped"}));
    ASSERT_TRUE(make_backup("second")) << "of a ledger with a seam";
    EXPECT_EQ(code(restore(request(false, "second"))), "") << "nothing is lost";
}

TEST_F(StateTest, RestoreRefusesWhatIsNoBackup) {
    live(1);
    ASSERT_TRUE(make_backup());
    fs::copy_file(path("backup"), path("good"));
    wipe();
    EXPECT_EQ(code(restore(request(false, "absent"))), "file.unreadable");
    EXPECT_EQ(code(restore(request(false, "."))), "backup.malformed") << "a folder";
    folder_.write("text", "no database at all");
    EXPECT_EQ(code(restore(request(false, "text"))), "backup.malformed");
    { const Storage other = Storage::open(path("other.db"), clock_).value(); }
    EXPECT_EQ(code(restore(request(false, "other.db"))), "backup.malformed");
    tamper("DROP TABLE backup");
    EXPECT_EQ(code(restore(request())), "backup.malformed");
    fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
    tamper("DELETE FROM backup");
    EXPECT_EQ(code(restore(request())), "backup.malformed");
    fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
    tamper("UPDATE backup SET private_key = 'none'");
    EXPECT_EQ(code(restore(request())), "backup.malformed");
    fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
    tamper("PRAGMA user_version = " + std::to_string(schema_version + 1));
    EXPECT_EQ(code(restore(request())), "state.newer");
    EXPECT_FALSE(fs::exists(state() + "/ukeyd.db"));
}

TEST_F(StateTest, RestoreRefusesADamagedBackup) {
    live(20);
    ASSERT_TRUE(make_backup());
    fs::copy_file(path("backup"), path("good"));
    wipe();
    const std::string free_hand = "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; ";
    const WorkstationKey other = WorkstationKey::generate();
    const Secret pem = other.to_pem();
    const std::string other_pem(reinterpret_cast<const char*>(pem.bytes().data()), pem.size());
    for (const std::string& change :
         {free_hand + "UPDATE ledger SET payload = x'7b7d' WHERE seq = 3",
          free_hand + "DELETE FROM ledger WHERE seq = 3", free_hand + "DELETE FROM ledger WHERE seq > 10",
          std::string("UPDATE backup SET last_seq = 5"),
          "UPDATE backup SET workstation = '" + other.fingerprint() + "', private_key = '" + other_pem + "'",
          std::string("UPDATE checkpoint SET signature = zeroblob(64)"),
          std::string("UPDATE checkpoint SET head = zeroblob(32)")}) {
        fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
        tamper(change);
        EXPECT_EQ(code(restore(request())), "backup.damaged") << change;
    }
    fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
    fs::resize_file(path("backup"), fs::file_size(path("good")) / 2);
    EXPECT_NE(code(restore(request())), "") << "half of it";
    for (const auto offset : {4096, 3 * 4096}) { // where pages begin
        fs::copy_file(path("good"), path("backup"), fs::copy_options::overwrite_existing);
        std::fstream file(path("backup"), std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(offset);
        file << std::string(200, '\x5a');
        file.close();
        EXPECT_NE(code(restore(request())), "") << "noise at " << offset;
    }
    EXPECT_FALSE(fs::exists(state() + "/ukeyd.db"));
    EXPECT_FALSE(fs::exists(state() + ".restoring"));
    EXPECT_EQ(code(restore(request(false, "good"))), "");
}

TEST_F(StateTest, RestoreRefusesWhileTheServiceRuns) {
    live(1);
    ASSERT_TRUE(make_backup());
    std::array<int, 2> ready{};
    ASSERT_EQ(pipe(ready.data()), 0);
    const pid_t service = fork();
    if (service == 0) {
        const auto lock = StateLock::take(state());
        _exit(lock && write(ready[1], "1", 1) == 1 ? pause() : 1);
    }
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    const auto refused = restore(request(true));
    EXPECT_EQ(code(refused), "state.in_use");
    EXPECT_EQ(refused.error().places.at("reason"), "process " + std::to_string(service));
    kill(service, SIGKILL);
    EXPECT_EQ(waitpid(service, nullptr, 0), service);
    EXPECT_EQ(code(restore(request())), "");
}

TEST_F(StateTest, RecordsThatTheBackupDoesNotHaveAreNotReplacedUnasked) {
    live(2);
    ASSERT_TRUE(make_backup());
    live(1);
    const auto refused = restore(request());
    EXPECT_EQ(code(refused), "state.has_records");
    EXPECT_EQ(refused.error().places.at("count"), "4");
    EXPECT_EQ(kinds(state()).size(), 8U);
    EXPECT_EQ(left_beside().size(), 0U);

    const auto restored = restore(request(true));
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_TRUE(restored->kept.starts_with(state() + ".replaced-"));
    EXPECT_EQ(kinds(restored->kept).size(), 8U) << "nothing is lost";
    EXPECT_TRUE(fs::exists(restored->kept + workstation_key_file));
    EXPECT_EQ(kinds(state()).size(), 4U);

    live(0); // another ledger from here on
    EXPECT_EQ(restore(request()).error().places.at("count"), "4");
    wipe();
    live(5); // that of a service that was just installed
    EXPECT_EQ(restore(request()).error().places.at("count"), "7");
}

TEST_F(StateTest, StateThatCannotBeReadIsKeptToo) {
    live(1);
    ASSERT_TRUE(make_backup());
    std::ofstream(state() + "/ukeyd.db", std::ios::binary) << "noise, and not even much of it";
    EXPECT_EQ(code(restore(request())), "state.unknown_records");
    const auto restored = restore(request(true));
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_TRUE(read_file(restored->kept + "/ukeyd.db").starts_with("noise"));
    EXPECT_EQ(kinds(state()).size(), 3U);
}

TEST_F(StateTest, ConfigurationInForceIsLeftAlone) {
    live(1);
    ASSERT_TRUE(make_backup());
    folder_.write("ukeyd.toml", "mode = \"enforce\"\n");
    auto restored = restore(request());
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_TRUE(restored->configuration_differs);
    EXPECT_TRUE(restored->configuration.starts_with(path("ukeyd.toml") + ".restored-"));
    EXPECT_EQ(read_file(restored->configuration), "mode = \"observe\"\n");
    EXPECT_EQ(read_file(path("ukeyd.toml")), "mode = \"enforce\"\n");
    folder_.write("ukeyd.toml", "mode = \"observe\"\n");
    restored = restore(request());
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_EQ(restored->configuration, "");
}

/// What a restore leaves that ends right after a step: as when the power goes, nothing is cleaned up.
class StateRestoreEnding : public StateTest, public ::testing::WithParamInterface<RestoreStep> {};

TEST_P(StateRestoreEnding, LeavesTheOldStateOrTheNewOneAndCanBeRunAgain) {
    live(3);
    ASSERT_TRUE(make_backup());
    wipe();
    live(6); // eight records of another ledger
    const std::string own = WorkstationKey::load(state() + workstation_key_file)->fingerprint();
    const pid_t child = fork();
    if (child == 0) {
        RestoreRequest asked = request(true);
        asked.after = [](RestoreStep step) {
            if (step == GetParam()) {
                _exit(0);
            }
        };
        static_cast<void>(restore(asked));
        _exit(1); // the step never came
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    const bool done = GetParam() == RestoreStep::exchanged;
    EXPECT_EQ(kinds(state()).size(), done ? 5U : 8U);
    EXPECT_EQ(WorkstationKey::load(state() + workstation_key_file)->fingerprint() == own, !done);

    const auto restored = restore(request(true));
    ASSERT_TRUE(restored) << restored.error().code;
    EXPECT_EQ(kinds(state()).size(), 5U);
    EXPECT_FALSE(fs::exists(state() + ".restoring"));
    std::size_t kept = 0;
    for (const std::string& name : left_beside()) {
        kept += name.starts_with("state.replaced-") && kinds(path(name)).size() == 8 ? 1 : 0;
    }
    EXPECT_EQ(kept, 1U) << "the old state is there";
    live(0);
    EXPECT_EQ(kinds(state()).at(5), "state.restored");
}

INSTANTIATE_TEST_SUITE_P(Steps, StateRestoreEnding,
                         ::testing::Values(RestoreStep::copied, RestoreStep::checked, RestoreStep::made_ready,
                                           RestoreStep::configuration_kept, RestoreStep::named,
                                           RestoreStep::exchanged));

/// With the rights of a user that owns nothing here; what `ask` answers.
std::string as_nobody(const std::function<std::string()>& ask) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::string told = setuid(65534) == 0 ? ask() : "not another user";
        _exit(write(ends[1], told.data(), told.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::string told(256, '\0');
    const ssize_t length = read(ends[0], told.data(), told.size());
    told.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    close(ends[0]);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    return told;
}

TEST_F(StateTest, OnlyRootAndTheOwnerMayDoIt) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "only root can be another user";
    }
    live(1);
    ASSERT_TRUE(make_backup());
    fs::permissions(path("backup"), fs::perms(0644));
    EXPECT_EQ(as_nobody([&] { return code(restore(request())); }), "state.needs_root");
    EXPECT_EQ(as_nobody([&] { return make_backup("mine").error().code; }), "state.needs_root");
}

TEST_F(StateTest, RootLeavesTheServiceItsFilesAndFollowsNoLinkOfIt) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "only root can be another user";
    }
    constexpr uid_t service_user = 54321;
    live(3);
    for (const auto& entry : fs::directory_iterator(state())) {
        ASSERT_EQ(chown(entry.path().c_str(), service_user, service_user), 0);
    }
    ASSERT_EQ(chown(state().c_str(), service_user, service_user), 0);
    ASSERT_TRUE(make_backup());
    // What SQLite makes beside the database is made with the service's rights: it cannot be led astray.
    const std::string precious = folder_.write("precious", "root's");
    fs::permissions(precious, fs::perms(0600));
    fs::remove(state() + "/ukeyd.db-shm");
    fs::create_symlink(precious, state() + "/ukeyd.db-shm");
    static_cast<void>(make_backup("other"));
    EXPECT_EQ(read_file(precious), "root's");
    fs::remove(state() + "/ukeyd.db-shm");

    const auto restored = restore(request(true));
    ASSERT_TRUE(restored) << restored.error().code;
    for (const std::string& name :
         {std::string(), std::string("/ukeyd.db"), std::string(workstation_key_file)}) {
        struct stat status {};
        ASSERT_EQ(stat((state() + name).c_str(), &status), 0) << name;
        EXPECT_EQ(status.st_uid, service_user) << name;
        EXPECT_EQ(status.st_gid, service_user) << name;
    }
    EXPECT_EQ(geteuid(), 0U);
    EXPECT_EQ(mode_of(state()), 0700U);
}

} // namespace
