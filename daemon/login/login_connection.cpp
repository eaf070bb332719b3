// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_connection.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include "daemon/core/ledger.hpp"
#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// PKCS#11 2.40 §5.1: CKR_OK.
constexpr std::uint64_t rv_ok = 0;
/// A process with more logins open at once than this is not logging in.
constexpr std::size_t open_logins_max = 64;

// Messages are made here and not where they are sent: GCC 12 does not keep an initialiser list, or what a
// conditional operator makes, alive over a co_await.
boost::json::object error_message(std::int64_t request, const std::string& code, const std::string& reason) {
    return {{"type", "error"}, {"request", request}, {"code", code}, {"reason", reason}};
}

boost::json::object recorded_message(std::int64_t request, const std::string& login) {
    return {{"type", "recorded"}, {"request", request}, {"login", login}};
}

void refuse_last_try(LoginSession& attempt) {
    attempt.verdict = to_string(Verdict::deny);
    if (std::ranges::find(attempt.codes, "pin.final_try") == attempt.codes.end()) {
        attempt.codes.emplace_back("pin.final_try");
    }
}

/// Anyone may ask, and `pin.default` would tell the PIN.
boost::json::array public_codes(const std::vector<std::string>& codes) {
    boost::json::array array;
    for (const std::string& code : codes) {
        if (code != "pin.default") {
            array.push_back(boost::json::value(code));
        }
    }
    return array;
}

} // namespace

LoginConnection::LoginConnection(LoginServer& server, LocalSocket socket, Peer peer,
                                 asio::posix::stream_descriptor process)
    : server_(server), channel_(std::move(socket), login_frame_max_bytes), peer_(std::move(peer)),
      process_(std::move(process)) {
    channel_.accept_only_from(peer_.pid);
    server_.connections_.insert(this);
}

void LoginConnection::close() {
    channel_.close();
    boost::system::error_code ignored; // closing what is closed already is no failure
    process_.close(ignored);
}

asio::awaitable<void> LoginConnection::serve() {
    asio::co_spawn(
        process_.get_executor(), [self = shared_from_this()] { return self->watch_process(); },
        report_exception());
    co_await receive_all();
    close();
    server_.connections_.erase(this);
    if (foreign_sender_) {
        const RefusedReport report{peer_.uid, peer_.pid, {}, "foreign_sender"};
        co_await record_refused_report(report);
    }
    if (server_.closed_) {
        co_return; // the daemon stops: end_all() says why
    }
    const std::set<std::string> logins = logins_;
    for (const std::string& login : logins) {
        const SessionEnd how{EndReason::process_exit, server_.parts_.clock.now(), std::nullopt};
        co_await server_.end(login, how);
    }
}

/// A forked child may keep the socket open, so the end of the process counts as much as the end of the
/// connection. What it reported before is in the socket still, also when it ended before we came to accept.
asio::awaitable<void> LoginConnection::watch_process() {
    if (!process_.is_open()) {
        channel_.finish_receiving();
        co_return;
    }
    boost::system::error_code error;
    co_await process_.async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
        channel_.finish_receiving();
    }
}

asio::awaitable<void> LoginConnection::receive_all() {
    for (;;) {
        auto message = co_await channel_.receive();
        if (!message) {
            spdlog::warn("login channel: pid {} uid {}: {}; connection closed", peer_.pid, peer_.uid,
                         to_string(message.error()));
            foreign_sender_ = message.error().code == "frame.foreign_sender";
            co_return;
        }
        if (!*message) {
            co_return;
        }
        auto decoded = decode_login_message(**message);
        if (!decoded) {
            spdlog::warn("login channel: pid {} uid {}: {}; connection closed", peer_.pid, peer_.uid,
                         to_string(decoded.error()));
            co_return;
        }
        if (!co_await handle(std::move(*decoded))) {
            co_return;
        }
    }
}

asio::awaitable<bool> LoginConnection::handle(LoginMessage message) {
    if (auto* ask = std::get_if<AskMessage>(&message)) {
        co_return co_await handle_one(std::move(*ask));
    }
    if (auto* result = std::get_if<ResultMessage>(&message)) {
        co_return co_await handle_one(std::move(*result));
    }
    if (auto* use = std::get_if<UseMessage>(&message)) {
        co_return co_await handle_one(std::move(*use));
    }
    if (auto* end = std::get_if<EndMessage>(&message)) {
        co_return co_await handle_one(std::move(*end));
    }
    co_return co_await handle_one(std::move(std::get<PinMessage>(message)));
}

LoginSession LoginConnection::describe(const KeyIdentity& token, const LoginClaim& claim) const {
    LoginSession session;
    session.uid = peer_.uid;
    session.pid = peer_.pid;
    session.executable = claim.executable;
    session.application = claim.application;
    session.started = server_.parts_.clock.now();
    if (const PresentKey* key = server_.parts_.keys.find(token)) {
        session.key_id = key->key_id;
        session.organisation = key->binding.organisation_code;
        session.verdict = to_string(key->admission.verdict);
        session.codes = key->admission.codes;
    } else {
        session.verdict = to_string(server_.parts_.configuration.policy.of("key.not_read"));
        session.codes = {"key.not_read"};
    }
    return session;
}

/// False when the user has used up what one user may have recorded in a minute; what was left out is recorded
/// as a number once the minute is over.
asio::awaitable<bool> LoginConnection::within_limit() {
    const RateLimit::Decision decision = server_.rate_limit_.take(peer_.uid, server_.parts_.clock.boottime());
    if (decision.left_out_before > 0) {
        const auto done = co_await server_.parts_.store.run_together([&](Storage& storage) {
            return record_limited_reports(storage, peer_.uid, decision.left_out_before);
        });
        server_.note_write(done ? nullptr : &done.error());
    }
    co_return decision.allowed;
}

/// Answers by itself when the report is one too many.
asio::awaitable<bool> LoginConnection::admit_report(std::int64_t request) {
    const bool allowed = co_await within_limit();
    if (!allowed) {
        const boost::json::object error = error_message(request, "login.rate_limited", "");
        co_await channel_.send(error);
    }
    co_return allowed;
}

/// What was not what it claimed to be, and stands in no other record.
asio::awaitable<void> LoginConnection::record_refused_report(const RefusedReport& report) {
    if (!co_await within_limit()) {
        co_return;
    }
    const auto done = co_await server_.parts_.store.run_together(
        [&](Storage& storage) { return record_refusal_of_report(storage, report); });
    server_.note_write(done ? nullptr : &done.error());
}

asio::awaitable<void> LoginConnection::record_coverage_gaps(const AskMessage& message) {
    const PresentKey* key = server_.parts_.keys.find(message.token);
    const std::vector<boost::json::object> gaps =
        server_.coverage_.look(message, peer_.uid, key, key == nullptr ? "" : module_path(*key));
    for (const boost::json::object& gap : gaps) {
        if (!co_await within_limit()) {
            co_return;
        }
        const auto done = co_await server_.parts_.store.run_together(
            [&](Storage& storage) { return record_coverage_gap(storage, gap); });
        server_.note_write(done ? nullptr : &done.error());
    }
}

std::string LoginConnection::module_path(const PresentKey& key) const {
    const auto& modules = server_.parts_.configuration.modules;
    const auto module = std::ranges::find(modules, key.module, &ModuleConfiguration::name);
    return module == modules.end() ? std::string() : module->path;
}

/// The question that the key is to answer, if the policy wants one and nothing is in its way.
asio::awaitable<void> LoginConnection::add_challenge(boost::json::object& reply, const AskMessage& message) {
    const Configuration& configuration = server_.parts_.configuration;
    const PresentKey* present = server_.parts_.keys.find(message.token);
    if (!configuration.attest_logins || present == nullptr ||
        !obstacle_to_attestation(*present, configuration, server_.parts_.clock.now()).empty()) {
        co_return;
    }
    const CertificateFacts& certificate = *present->certificates.signing;
    const std::string object_id = present->certificates.signing_id;
    Challenges::Challenge challenge{.record = {.nonce = make_nonce(),
                                               .ledger_seq = 0,
                                               .ledger_head = {},
                                               .key_id = present->key_id,
                                               .manufacturer = present->identity.manufacturer,
                                               .model = present->identity.model,
                                               .serial = present->identity.serial,
                                               .public_key = certificate.spki_sha256,
                                               .organisation = present->binding.organisation_code,
                                               .uid = peer_.uid,
                                               .asked_at = format_timestamp(server_.parts_.clock.now()),
                                               .login = {},
                                               .started_at = {}},
                                    .executable = message.claim.executable,
                                    .certificate_der = certificate.der,
                                    .uptime = server_.parts_.clock.boottime()};
    const auto read = co_await server_.parts_.store.run_together([&](Storage& storage) -> Result<void> {
        challenge.record.ledger_seq = storage.head_seq();
        challenge.record.ledger_head = to_hex(storage.head_hash());
        return {};
    });
    if (read) {
        reply["attest"] = to_json(challenge, object_id);
        challenges_.issue(std::move(challenge));
    }
}

/// Grades the session by what the process answered to the challenge; says why there is no answer.
void LoginConnection::judge_attestation(LoginSession& session, const ResultMessage& message) {
    const Configuration& configuration = server_.parts_.configuration;
    const PresentKey* key = server_.parts_.keys.find(message.token);
    if (message.attestation) {
        challenges_.judge(session, message, key, server_.parts_.clock.boottime());
    } else if (configuration.attest_logins && !message.late) {
        const std::string obstacle =
            key == nullptr ? "key_absent"
                           : obstacle_to_attestation(*key, configuration, server_.parts_.clock.now());
        session.attestation = {{"absent", obstacle.empty() ? "not_answered" : obstacle}};
    }
    if (const boost::json::value* refused = session.attestation.if_contains("refused")) {
        spdlog::warn("login channel: pid {} uid {}: the attestation of login {} is refused: {}", peer_.pid,
                     peer_.uid, message.login, std::string_view(refused->get_string()));
    }
}

/// A login that is told late may be of a key that is out again: the store knows it.
asio::awaitable<void> LoginConnection::name_absent_key(LoginSession& session, KeyIdentity token) {
    const auto known = co_await server_.parts_.store.run_together(
        [&](Storage& storage) { return find_key_by_identity(storage, token); });
    if (known && *known) {
        session.key_id = **known;
    }
}

/// True also when the peer has gone: what it sent before is still to be received.
asio::awaitable<bool> LoginConnection::answer(std::int64_t request, const std::string& login,
                                              const Result<void>& done) {
    const boost::json::object message = done ? recorded_message(request, login)
                                             : error_message(request, done.error().code, done.error().reason);
    co_await channel_.send(message);
    co_return true;
}

asio::awaitable<bool> LoginConnection::handle_one(AskMessage message) {
    LoginSession attempt = describe(message.token, message.claim);
    const bool last_try = message.guarded_last_try && !server_.take_last_try(peer_.uid, attempt.key_id);
    if (last_try) {
        refuse_last_try(attempt);
    }
    // The guard is a wish of this computer's configuration, not one of the rules that a mode puts in force.
    const bool enforced = server_.parts_.configuration.mode == Mode::enforce || last_try;
    const bool denied = attempt.verdict == to_string(Verdict::deny) && enforced;
    const std::string verdict = attempt.verdict == to_string(Verdict::deny) && !enforced
                                    ? std::string(to_string(Verdict::warn))
                                    : attempt.verdict;
    boost::json::object reply{{"type", "verdict"},
                              {"request", message.request},
                              {"verdict", verdict},
                              {"codes", public_codes(attempt.codes)},
                              {"key", nullptr}};
    if (!attempt.key_id.empty()) {
        reply["key"] = attempt.key_id;
    }
    if (!denied) {
        co_await add_challenge(reply, message);
    }
    // The answer goes first: the filter waits only so long, and a refusal must not turn into a late yes.
    if (!co_await channel_.send(reply)) {
        co_return true; // it has gone, and was refused nothing
    }
    if (denied && co_await within_limit()) {
        const auto done = co_await server_.parts_.store.run_together(
            [&](Storage& storage) { return record_refusal(storage, attempt); });
        server_.note_write(done ? nullptr : &done.error());
        server_.parts_.events.publish(
            "login.refused", attempt.key_id,
            {{"key", attempt.key_id}, {"uid", peer_.uid}, {"codes", reply["codes"]}});
    }
    co_await record_coverage_gaps(message);
    co_return true;
}

asio::awaitable<bool> LoginConnection::handle_one(ResultMessage message) {
    if (!co_await admit_report(message.request)) {
        co_return true;
    }
    LoginSession session = describe(message.token, message.claim);
    session.login = message.login;
    session.default_pin = message.default_pin;
    session.uses = message.uses;
    server_.coverage_.pin_was_used(session.key_id, message.rv == rv_ok);
    if (message.rv != rv_ok) {
        const auto done = co_await server_.parts_.store.run_together(
            [&](Storage& storage) { return record_failed_login(storage, session, message.rv); });
        server_.note_write(done ? nullptr : &done.error());
        co_return co_await answer(message.request, message.login, done);
    }
    if (message.late) { // told, not seen: its own time, but not one that lies ahead
        session.grade = EvidenceGrade::late;
        session.started = std::min(message.started, session.started);
        if (session.key_id.empty()) {
            co_await name_absent_key(session, message.token);
        }
    }
    judge_attestation(session, message);
    if (logins_.size() + unwritten_.size() >= open_logins_max) {
        spdlog::warn("login channel: pid {} uid {} has too many logins; connection closed", peer_.pid,
                     peer_.uid);
        co_return false;
    }
    const auto started = co_await server_.parts_.store.run_together(
        [&](Storage& storage) -> Result<bool> { return start_session(storage, session); });
    server_.note_write(started ? nullptr : &started.error());
    if (started && *started) {
        logins_.insert(session.login);
        co_await server_.start(session, message.token);
    } else if (started && session.attestation.contains("refused")) {
        const RefusedReport report{peer_.uid, peer_.pid, message.login,
                                   std::string(session.attestation.at("refused").as_string())};
        co_await record_refused_report(report);
    }
    Result<void> done;
    if (started) {
        unwritten_.erase(message.login);
    } else {
        unwritten_.insert_or_assign(message.login, started.error());
        done = tl::unexpected(started.error());
    }
    co_return co_await answer(message.request, message.login, done);
}

asio::awaitable<bool> LoginConnection::handle_one(UseMessage message) {
    const auto open = server_.open_.find(message.login);
    if (!logins_.contains(message.login) || open == server_.open_.end() || open->second.uses > 0) {
        co_return true; // ended already, not its own, or not the first use: the end tells the number
    }
    open->second.uses = std::max(open->second.uses, message.uses);
    const auto done = co_await server_.parts_.store.run_together(
        [&](Storage& storage) { return use_session(storage, message.login, message.uses); });
    server_.note_write(done ? nullptr : &done.error());
    server_.parts_.events.publish("session.used", message.login, {{"login", message.login}});
    co_return true;
}

asio::awaitable<bool> LoginConnection::handle_one(EndMessage message) {
    Result<void> done;
    if (const auto beginning = unwritten_.find(message.login); beginning != unwritten_.end()) {
        done = tl::unexpected(beginning->second); // first its beginning, which will be told again
    } else if (logins_.erase(message.login) > 0) {
        const SessionEnd how{message.reason, server_.parts_.clock.now(), message.uses};
        done = co_await server_.end(message.login, how);
    }
    co_return co_await answer(message.request, message.login, done);
}

asio::awaitable<bool> LoginConnection::handle_one(PinMessage message) {
    const std::string no_login;
    if (!co_await admit_report(message.request)) {
        co_return true;
    }
    Result<void> done;
    const PresentKey* key = server_.parts_.keys.find(message.token);
    if (key != nullptr) {
        server_.coverage_.pin_was_used(key->key_id, message.rv == rv_ok);
    }
    if (key != nullptr && message.rv == rv_ok && message.default_pin) {
        const std::string key_id = key->key_id;
        done = co_await server_.parts_.store.run_together([&](Storage& storage) {
            return storage.write([&] { return set_pin_default(storage, key_id, *message.default_pin); });
        });
        server_.note_write(done ? nullptr : &done.error());
        co_await server_.parts_.keys.reload(key_id);
    }
    co_return co_await answer(message.request, no_login, done);
}

} // namespace ukey
