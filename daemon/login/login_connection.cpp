// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include "daemon/core/base64.hpp"
#include "daemon/report_exception.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// PKCS#11 2.40 §5.1: CKR_OK.
constexpr std::uint64_t rv_ok = 0;
/// A process with more logins open at once than this is not logging in.
constexpr std::size_t open_logins_max = 64;
/// Messages that are handled together: more would make the others' logins wait for one commit.
constexpr std::size_t arrivals_max = 64;

// Messages are made here and not where they are sent: GCC 12 does not keep an initialiser list, or what a
// conditional operator makes, alive over a co_await.
boost::json::object error_message(std::int64_t request, const std::string& code, const std::string& reason) {
    return {{"type", "error"}, {"request", request}, {"code", code}, {"reason", reason}};
}

boost::json::object answer_message(const LoginReport& report) {
    if (!report.admitted) {
        return error_message(report.request, "login.rate_limited", "");
    }
    if (!report.done) {
        return error_message(report.request, report.done.error().code, report.done.error().reason);
    }
    return {{"type", "recorded"}, {"request", report.request}, {"login", report.login}};
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
    if (foreign_sender_) { // before the connection is closed: who sees it closed finds the record
        const RefusedReport report{peer_.uid, peer_.pid, {}, "foreign_sender"};
        co_await record_refused_report(report);
    }
    close();
    server_.connections_.erase(this);
    if (server_.closed_) {
        co_return; // the daemon stops: end_all() says why
    }
    const std::set<std::string> logins = logins_;
    for (const std::string& login : logins) {
        const SessionEnd how = server_.how_it_ends(login, EndReason::process_exit);
        co_await server_.end(login, how);
    }
}

/// A forked child may keep the socket open, so the end of the process counts as much as the end of the
/// connection. What it reported before is in the socket still, also when it ended before we came to accept;
/// answers that it did not read are nobody's.
asio::awaitable<void> LoginConnection::watch_process() {
    if (!process_.is_open()) {
        channel_.shut_down();
        co_return;
    }
    boost::system::error_code error;
    co_await process_.async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
        channel_.shut_down();
    }
}

asio::awaitable<void> LoginConnection::receive_all() {
    for (;;) {
        Arrivals arrivals = co_await receive_arrivals();
        const bool over = arrivals.messages.empty();
        const bool go_on = co_await handle_all(std::move(arrivals.messages));
        if (arrivals.error) {
            spdlog::warn("login channel: pid {} uid {}: {}; connection closed", peer_.pid, peer_.uid,
                         to_string(*arrivals.error));
            foreign_sender_ = arrivals.error->code == "frame.foreign_sender";
            co_return;
        }
        if (over || !go_on) {
            co_return;
        }
    }
}

/// Waits for one message, and takes along those that have come with it: a program that ends, or that was told
/// to wait, tells all it has at once.
asio::awaitable<LoginConnection::Arrivals> LoginConnection::receive_arrivals() {
    Arrivals arrivals;
    auto first = co_await channel_.receive();
    add_arrival(arrivals, std::move(first));
    std::size_t before = 0;
    while (!arrivals.error && arrivals.messages.size() > before && arrivals.messages.size() < arrivals_max) {
        before = arrivals.messages.size();
        add_arrival(arrivals, channel_.take_received());
    }
    co_return arrivals;
}

void LoginConnection::add_arrival(Arrivals& arrivals,
                                  Result<std::optional<boost::json::object>> message) const {
    if (message && !*message) {
        return;
    }
    auto decoded = message ? decode_login_message(**message)
                           : Result<LoginMessage>(tl::unexpected(std::move(message.error())));
    if (decoded) {
        arrivals.messages.push_back(std::move(*decoded));
    } else {
        arrivals.error = std::move(decoded.error());
    }
}

/// False when the connection is to be closed. Reports that follow each other are written together.
asio::awaitable<bool> LoginConnection::handle_all(std::vector<LoginMessage> messages) {
    std::vector<LoginReport> reports;
    for (LoginMessage& message : messages) {
        if (server_.closed_) {
            co_return false; // the daemon stops: its filter tells it again
        }
        if (auto* result = std::get_if<ResultMessage>(&message)) {
            LoginReport report = co_await prepare(std::move(*result));
            reports.push_back(std::move(report));
            if (has_too_many_logins(reports)) {
                spdlog::warn("login channel: pid {} uid {} has too many logins; connection closed", peer_.pid,
                             peer_.uid);
                reports.pop_back();
                co_await record(std::move(reports));
                co_return false;
            }
            continue;
        }
        if (const auto* end = std::get_if<EndMessage>(&message)) {
            LoginReport report = co_await prepare(*end, is_being_told(end->login, reports));
            reports.push_back(std::move(report));
            continue;
        }
        co_await record(std::exchange(reports, std::vector<LoginReport>()));
        if (auto* ask = std::get_if<AskMessage>(&message)) {
            co_await handle_one(std::move(*ask));
        } else if (auto* use = std::get_if<UseMessage>(&message)) {
            co_await handle_one(std::move(*use));
        } else {
            co_await handle_one(std::move(std::get<PinMessage>(message)));
        }
    }
    co_await record(std::move(reports));
    co_return true;
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

/// False when the user has used up what one user may have recorded; what was left out is recorded as a number
/// once the minute is over.
asio::awaitable<bool> LoginConnection::within_limit() {
    const RateLimit::Decision decision = server_.rate_limit_.take(peer_.uid, server_.parts_.clock.boottime());
    if (decision.left_out_before > 0) {
        co_await server_.record_left_out(peer_.uid, decision.left_out_before);
    }
    co_return decision.allowed;
}

/// What was not what it claimed to be, and stands in no other record.
asio::awaitable<void> LoginConnection::record_refused_report(const RefusedReport& report) {
    if (!co_await within_limit()) {
        co_return;
    }
    co_await server_.write([&](Storage& storage) { return record_refusal_of_report(storage, report); });
}

asio::awaitable<void> LoginConnection::record_coverage_gaps(const AskMessage& message) {
    const PresentKey* key = server_.parts_.keys.find(message.token);
    const std::vector<CoverageGap> gaps =
        server_.coverage_.look(message, peer_.uid, key, key == nullptr ? "" : module_path(*key));
    for (const CoverageGap& gap : gaps) {
        if (!co_await within_limit()) {
            co_return;
        }
        const auto done = co_await server_.write(
            [&](Storage& storage) { return record_coverage_gap(storage, gap.payload); });
        if (done) {
            gap.recorded();
        }
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
        challenge.record.ledger_head = hex_encode(storage.head_hash());
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
        challenges_.judge(session, message, key,
                          {server_.parts_.clock.now(), server_.parts_.clock.boottime()});
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

asio::awaitable<void> LoginConnection::handle_one(AskMessage message) {
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
        co_return; // it has gone, and was refused nothing
    }
    if (denied) {
        co_await refuse(attempt);
    }
    co_await record_coverage_gaps(message);
}

asio::awaitable<void> LoginConnection::refuse(const LoginSession& attempt) {
    if (!co_await within_limit()) {
        co_return;
    }
    const auto done =
        co_await server_.write([&](Storage& storage) { return record_refusal(storage, attempt); });
    if (done) {
        server_.parts_.events.publish(
            "login.refused", attempt.key_id,
            {{"key", attempt.key_id}, {"uid", peer_.uid}, {"codes", public_codes(attempt.codes)}});
    }
}

asio::awaitable<LoginReport> LoginConnection::prepare(ResultMessage message) {
    LoginReport report;
    report.request = message.request;
    report.login = message.login;
    report.admitted = co_await within_limit();
    if (!report.admitted) {
        co_return report;
    }
    LoginSession session = describe(message.token, message.claim);
    session.login = message.login;
    session.default_pin = message.default_pin;
    session.uses = message.uses;
    server_.coverage_.pin_was_used(session.key_id, message.rv == rv_ok);
    const PresentKey* key = server_.parts_.keys.find(message.token);
    const auto inserted = key != nullptr ? std::optional(key->inserted) : std::nullopt;
    if (message.rv == rv_ok) {
        if (message.late) { // told, not seen: its own time, but not one that lies ahead
            session.grade = EvidenceGrade::late;
            session.started = std::min(message.started, session.started);
        }
        judge_attestation(session, message);
    }
    report.what = ToldLogin{.session = std::move(session),
                            .token = message.token,
                            .rv = message.rv,
                            .key_inserted = inserted,
                            .key_may_be_unread = !server_.parts_.keys.all_read(),
                            .started = false};
    co_return report;
}

/// The beginning of a login, or what has become of it, is the process's own: its end is part of that. Any
/// other end counts as a report, although nothing is written of it.
asio::awaitable<LoginReport> LoginConnection::prepare(EndMessage message, bool being_told) {
    LoginReport report;
    report.request = message.request;
    report.login = message.login;
    const bool own = logins_.contains(message.login);
    report.what = ToldEnd{.own = own, .how = {message.reason, server_.parts_.clock.now(), message.uses}};
    if (!own && !being_told) {
        report.admitted = co_await within_limit();
    }
    co_return report;
}

bool LoginConnection::is_being_told(const std::string& login, const std::vector<LoginReport>& reports) const {
    return unwritten_.contains(login) || std::ranges::any_of(reports, [&](const LoginReport& report) {
               return report.login == login && report.admitted &&
                      std::holds_alternative<ToldLogin>(report.what);
           });
}

/// With those that are being told now.
bool LoginConnection::has_too_many_logins(const std::vector<LoginReport>& reports) const {
    std::set<std::string> open = logins_;
    for (const auto& entry : unwritten_) {
        open.insert(entry.first);
    }
    for (const LoginReport& report : reports) {
        const auto* told = std::get_if<ToldLogin>(&report.what);
        if (told == nullptr) {
            open.erase(report.login);
        } else if (report.admitted && told->rv == rv_ok) {
            open.insert(report.login);
        }
    }
    return open.size() > open_logins_max;
}

/// One commit for all of them, then the answers.
asio::awaitable<void> LoginConnection::record(std::vector<LoginReport> reports) {
    if (!server_.closed_ && std::ranges::any_of(reports, &LoginReport::admitted)) {
        const auto tried =
            co_await server_.parts_.store.run_together([&](Storage& storage) -> Result<std::size_t> {
                return write_reports(storage, reports, unwritten_);
            });
        const Error* failure = tried ? nullptr : &tried.error();
        for (LoginReport& report : reports) {
            if (report.admitted && !tried) {
                report.done = tl::unexpected(tried.error()); // the commit failed
            } else if (!report.done && failure == nullptr) {
                failure = &report.done.error();
            }
        }
        if (failure != nullptr || *tried > 0) {
            server_.note_write(failure);
        }
    }
    for (const LoginReport& report : reports) {
        if (server_.closed_) {
            co_return; // nothing is acknowledged any more
        }
        if (report.admitted) {
            co_await follow_up(report);
        }
        co_await answer(report);
    }
}

asio::awaitable<void> LoginConnection::follow_up(const LoginReport& report) {
    if (const auto* end = std::get_if<ToldEnd>(&report.what)) {
        if (end->own && !unwritten_.contains(report.login)) {
            if (report.done) {
                logins_.erase(report.login);
            }
            server_.settle_end(report.login, end->how, report.done.has_value());
        }
        co_return;
    }
    const auto& told = std::get<ToldLogin>(report.what);
    if (told.rv != rv_ok) {
        co_return;
    }
    challenges_.settle(report.login, report.done.has_value());
    if (!report.done) {
        unwritten_.insert_or_assign(report.login, report.done.error());
        co_return;
    }
    unwritten_.erase(report.login);
    if (told.started) {
        logins_.insert(report.login);
        co_await server_.start(told);
    } else if (const boost::json::value* refused = told.session.attestation.if_contains("refused")) {
        const RefusedReport refusal{peer_.uid, peer_.pid, report.login, std::string(refused->get_string())};
        co_await record_refused_report(refusal);
    }
}

/// Also when the peer has gone: what it sent before is still to be received.
asio::awaitable<void> LoginConnection::answer(const LoginReport& report) {
    const boost::json::object message = answer_message(report);
    co_await channel_.send(message);
}

asio::awaitable<void> LoginConnection::handle_one(UseMessage message) {
    const auto open = server_.open_.find(message.login);
    if (!logins_.contains(message.login) || open == server_.open_.end()) {
        co_return; // ended already, or not its own
    }
    const bool first = open->second.uses == 0 && message.uses > 0;
    // Also when it cannot be written now, and of later ones nothing else is: the end tells the number.
    open->second.uses = std::max(open->second.uses, message.uses);
    if (!first) {
        co_return;
    }
    const auto done = co_await server_.write(
        [&](Storage& storage) { return use_session(storage, message.login, message.uses); });
    if (done) {
        server_.parts_.events.publish("session.used", message.login, {{"login", message.login}});
    }
}

asio::awaitable<void> LoginConnection::handle_one(PinMessage message) {
    LoginReport report; // it is answered like one
    report.request = message.request;
    report.admitted = co_await within_limit();
    if (!report.admitted) {
        co_await answer(report);
        co_return;
    }
    const PresentKey* key = server_.parts_.keys.find(message.token);
    if (key != nullptr) {
        server_.coverage_.pin_was_used(key->key_id, message.rv == rv_ok);
    }
    if (message.rv == rv_ok && message.default_pin) {
        const std::string key_id = key != nullptr ? key->key_id : std::string();
        report.done = co_await record_pin(key_id, message);
    }
    co_await answer(report);
}

/// `key_id` is empty when the key is not in. Until all modules have been heard the store says which it is;
/// of a key that none of them sees anyone could say anything.
asio::awaitable<Result<void>> LoginConnection::record_pin(std::string key_id, PinMessage message) {
    const bool may_be_unread = !server_.parts_.keys.all_read();
    const auto done = co_await server_.write([&](Storage& storage) -> Result<std::string> {
        std::string known = key_id;
        if (known.empty() && may_be_unread) {
            auto found = find_key_by_identity(storage, message.token);
            if (!found) {
                return tl::unexpected(found.error());
            }
            known = std::move(*found).value_or(std::string());
        }
        if (known.empty()) {
            return known;
        }
        UKEY_TRY(storage.write([&] { return set_pin_default(storage, known, *message.default_pin); }));
        return known;
    });
    if (!done) {
        co_return tl::unexpected(done.error());
    }
    if (done->empty()) {
        co_return fail("key.not_read", "record a PIN change", message.token.serial,
                       "no such key is plugged in");
    }
    co_await server_.parts_.keys.reload(*done);
    co_return Result<void>();
}

} // namespace ukey
