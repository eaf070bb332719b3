// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_client.hpp"

#include <algorithm>
#include <utility>

namespace ukey::filter {
namespace {

std::string_view text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

/// When what a message tells of happened; such texts are in the order of time.
std::string_view moment_of(const boost::json::object& message) {
    for (const std::string_view name : {"started_at", "ended_at", "changed_at"}) {
        if (const std::string_view moment = text_member(message, name); !moment.empty()) {
            return moment;
        }
    }
    return {};
}

bool is_end(const boost::json::object& message) {
    return text_member(message, "type") == "end";
}

/// 0, which no request has, when it is missing or no number.
std::uint64_t request_of(const boost::json::object& answer) {
    const boost::json::value* value = answer.if_contains("request");
    boost::json::error_code error;
    return value == nullptr || !value->is_number() ? 0 : value->to_number<std::uint64_t>(error);
}

} // namespace

// --- Reaching the daemon ---

/// Connected, with everything read that has come; false when there is no daemon or it isn't worth waiting
/// for.
bool LoginClient::reach_daemon(Deadline deadline) {
    read_waiting_answers();
    if (connection_.connected()) {
        return true;
    }
    if (backing_off()) {
        return false;
    }
    const auto begun = std::chrono::steady_clock::now();
    if (!connection_.connect(deadline)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            waited_in_vain(begun);
        }
        return false;
    }
    if (connection_.generation() != known_generation_) {
        known_generation_ = connection_.generation();
        connection_is_new();
    }
    return true;
}

void LoginClient::read_waiting_answers() {
    while (connection_.readable()) {
        const auto answer = connection_.receive(std::chrono::steady_clock::now());
        if (answer) {
            back_off_until_ = {}; // it speaks again
            handle(*answer);
        } else if (connection_.broke_rules()) {
            back_off();
        } else if (!connection_.connected()) {
            back_off_until_ = {}; // it has gone: another may be there
        }
    }
}

bool LoginClient::backing_off() const {
    return std::chrono::steady_clock::now() < back_off_until_ && !connection_.socket_replaced();
}

void LoginClient::back_off() {
    back_off_until_ = std::chrono::steady_clock::now() + daemon_back_off;
}

/// A call that had spent its time elsewhere says nothing about the daemon.
void LoginClient::waited_in_vain(std::chrono::steady_clock::time_point since) {
    if (2 * (std::chrono::steady_clock::now() - since) >= wait_) {
        back_off();
    }
}

/// This daemon may know nothing: what was not confirmed is sent again, and the open logins are told to it,
/// each before what happened after it. It tells by the id what it already has.
void LoginClient::connection_is_new() {
    for (Record& record : records_) {
        record.late = record.late || record.request != 0;
        record.request = 0;
        record.not_before = {};
        record.message.erase("attestation"); // its nonce was of the connection before
    }
    for (SlotIndex slot = 0; slot < open_.size(); ++slot) {
        if (open_[slot] && result_record(open_[slot]->login) == nullptr) {
            tell_again(slot);
        }
    }
}

void LoginClient::tell_again(SlotIndex slot) {
    const OpenLogin& login = *open_[slot];
    const std::string_view started = moment_of(login.result);
    const auto next = std::find_if(records_.begin(), records_.end(),
                                   [&](const Record& record) { return moment_of(record.message) > started; });
    records_.insert(next, Record{login.result, login.login, slot, true, 0, {}});
}

void LoginClient::handle(const boost::json::object& answer) {
    const std::string_view type = text_member(answer, "type");
    const std::uint64_t request = request_of(answer);
    if (request == 0) {
        return;
    }
    if (request == asked_request_) {
        asked_request_ = 0;
        take_verdict(answer);
    } else if (type == "recorded") {
        answered(request, Answer::recorded);
    } else if (type == "error") {
        // A full disk passes, and so does a minute; what the daemon refuses for another reason it will refuse
        // again.
        const std::string_view code = text_member(answer, "code");
        answered(request, code == "ledger.write_failed"  ? Answer::not_now
                          : code == "login.rate_limited" ? Answer::not_yet
                                                         : Answer::refused);
    }
}

void LoginClient::take_verdict(const boost::json::object& answer) {
    const std::string_view word = text_member(answer, "verdict");
    if (text_member(answer, "type") != "verdict" || (word != "allow" && word != "warn" && word != "deny")) {
        return;
    }
    const boost::json::value* attest = answer.if_contains("attest");
    const bool challenged = attest != nullptr && attest->is_object();
    verdict_ = Verdict{std::string(word), std::nullopt, connection_.generation()};
    verdict_->challenge = challenged ? decode_challenge(attest->get_object()) : std::nullopt;
}

void LoginClient::answered(std::uint64_t request, Answer answer) {
    const auto record = std::find_if(records_.begin(), records_.end(),
                                     [=](const Record& sent) { return sent.request == request; });
    if (record == records_.end()) {
        return;
    }
    // An end whose beginning has yet to be told again says nothing to the daemon, whatever it answers.
    const Record* beginning = is_end(record->message) ? result_record(record->login) : nullptr;
    if (beginning != nullptr && beginning->request == 0 && answer != Answer::not_yet) {
        answer = Answer::not_now;
    }
    if (answer == Answer::not_now || answer == Answer::not_yet) {
        record->request = 0; // sent again with the next report
        record->late = true;
        if (answer == Answer::not_yet) {
            record->not_before = std::chrono::steady_clock::now() + rate_limit_pause;
        }
        return;
    }
    // One that is refused must not hold up the ones behind it.
    dropped_ += answer == Answer::refused ? 1 : 0;
    records_.erase(record);
}

// --- Asking ---

std::optional<LoginClient::Verdict> LoginClient::ask(boost::json::object message, Deadline deadline) {
    const auto begun = std::chrono::steady_clock::now();
    for (int attempt = 0; attempt < connect_attempts_max; ++attempt) {
        if (!reach_daemon(deadline) || backing_off()) {
            return std::nullopt;
        }
        verdict_.reset();
        asked_request_ = next_request_++;
        message["request"] = asked_request_;
        const bool sent = connection_.send(message);
        while (sent && asked_request_ != 0) {
            const auto answer = connection_.receive(deadline);
            if (!answer) {
                break;
            }
            handle(*answer);
        }
        if (asked_request_ == 0) {
            return verdict_;
        }
        if (connection_.connected() || connection_.broke_rules()) {
            break;
        }
        // The connection was dead, the daemon has perhaps been restarted.
    }
    asked_request_ = 0;
    if (connection_.broke_rules()) {
        back_off();
    } else if (connection_.connected()) {
        waited_in_vain(begun);
    }
    return std::nullopt;
}

// --- Reporting ---

void LoginClient::note(LoginBegin begin, Deadline deadline) {
    make_room(deadline);
    if (!connection_.connected() || begin.challenge_generation != connection_.generation()) {
        begin.result.erase("attestation"); // the nonce is good on its own connection only
    }
    const std::string login(text_member(begin.result, "login"));
    if (const std::optional<LoginEnd> end = take_early_end(begin.slot, begin.number)) {
        add_ended(std::move(begin), login, *end);
        return;
    }
    open_[begin.slot] = OpenLogin{login, begin.number, begin.result, 0, 0};
    open_[begin.slot]->result.erase("attestation");
    if (records_.size() < pending_records_max) { // otherwise it is told by open_, or counted when it ends
        add(Record{std::move(begin.result), login, begin.slot, begin.late, 0, {}});
    }
}

void LoginClient::note(const LoginEnd& end, Deadline deadline) {
    make_room(deadline);
    if (open_[end.slot] && open_[end.slot]->number == end.number) {
        end_open(end);
        return;
    }
    if (early_ends_.size() >= pending_records_max) {
        early_ends_.erase(early_ends_.begin()); // its beginning was lost
    }
    early_ends_.push_back(end);
}

void LoginClient::note(OtherReport report, Deadline deadline) {
    make_room(deadline);
    add(Record{std::move(report.message), {}, std::nullopt, report.late, 0, {}});
}

void LoginClient::add_ended(LoginBegin begin, const std::string& login, const LoginEnd& end) {
    begin.result["uses"] = end.uses;
    add(Record{std::move(begin.result), login, std::nullopt, begin.late, 0, {}});
    if (result_record(login) != nullptr) { // an end without its beginning would say nothing
        add(Record{
            end_message(login, end.reason, end.uses, end.ended_at), login, std::nullopt, false, 0, {}});
    }
}

std::optional<LoginEnd> LoginClient::take_early_end(SlotIndex slot, std::uint64_t number) {
    const auto found = std::find_if(early_ends_.begin(), early_ends_.end(), [=](const LoginEnd& end) {
        return end.slot == slot && end.number == number;
    });
    if (found == early_ends_.end()) {
        return std::nullopt;
    }
    const LoginEnd end = *found;
    early_ends_.erase(found);
    return end;
}

void LoginClient::end_open(const LoginEnd& end) {
    OpenLogin login = std::move(*open_[end.slot]);
    open_[end.slot].reset();
    Record* result = result_record(login.login);
    const bool daemon_knows = connection_.connected() && login.told_generation == connection_.generation();
    if (result == nullptr && !daemon_knows) {
        add(Record{std::move(login.result), login.login, std::nullopt, true, 0, {}});
        result = result_record(login.login);
        if (result == nullptr) {
            return; // an end without its beginning would say nothing
        }
    }
    if (result != nullptr) {
        result->open_slot.reset();
        result->message["uses"] = end.uses;
    }
    add(Record{end_message(login.login, end.reason, end.uses, end.ended_at),
               login.login,
               std::nullopt,
               false,
               0,
               {}});
}

/// Delivers what it can if the queue is nearly full; also notices a connection that has ended.
void LoginClient::make_room(Deadline deadline) {
    read_waiting_answers();
    if (records_.size() + 2 > pending_records_max) {
        deliver(deadline);
    }
}

void LoginClient::add(Record record) {
    if (records_.size() >= pending_records_max) {
        ++dropped_;
        return;
    }
    records_.push_back(std::move(record));
}

LoginClient::Record* LoginClient::result_record(const std::string& login) {
    const auto record = std::find_if(records_.begin(), records_.end(), [&](const Record& candidate) {
        return candidate.login == login && text_member(candidate.message, "type") == "result";
    });
    return record == records_.end() ? nullptr : &*record;
}

// --- Delivering ---

void LoginClient::deliver(Deadline deadline) {
    if (!records_.empty()) {
        try_to_deliver(deadline);
    }
}

void LoginClient::try_to_deliver(Deadline deadline) {
    for (int attempt = 0; attempt < connect_attempts_max && reach_daemon(deadline); ++attempt) {
        send_records();
        // While it is silent, reports go into the socket all the same: if this process ends, they are there.
        wait_for_answers(backing_off() ? std::chrono::steady_clock::now() : deadline);
        if (connection_.connected() || connection_.broke_rules()) {
            break;
        }
    }
    for (Record& record : records_) {
        record.late = record.late || record.request == 0 || !connection_.connected();
    }
    tell_untold_uses();
}

/// Until the socket takes no more. What no frame can hold must not hold up the ones behind it.
void LoginClient::send_records() {
    for (auto record = records_.begin(); record != records_.end();) {
        if (record->request != 0 || !may_be_sent(*record) || send_record(*record)) {
            ++record;
        } else if (connection_.connected() && !LoginConnection::fits(record->message)) {
            ++dropped_;
            record = records_.erase(record);
        } else {
            return;
        }
    }
}

/// What the daemon would not hear now waits, and the end of such a login with it.
bool LoginClient::may_be_sent(const Record& record) {
    const Record* first = is_end(record.message) ? result_record(record.login) : nullptr;
    const auto now = std::chrono::steady_clock::now();
    return record.not_before <= now && (first == nullptr || first->not_before <= now);
}

bool LoginClient::send_record(Record& record) {
    const std::uint64_t request = next_request_++;
    const std::uint64_t uses = record.open_slot ? uses_of(*record.open_slot) : 0;
    record.message["request"] = request;
    record.message["late"] = record.late;
    if (dropped_ > 0) {
        record.message["dropped"] = dropped_;
    }
    if (record.open_slot) {
        record.message["uses"] = uses;
    }
    if (!connection_.send(record.message)) {
        return false;
    }
    record.request = request;
    if (record.open_slot && open_[*record.open_slot]) {
        open_[*record.open_slot]->told_generation = connection_.generation();
        open_[*record.open_slot]->told_uses = uses;
        if (uses > 0) {
            uses_.told(*record.open_slot);
        }
    }
    return true;
}

bool LoginClient::all_sent_are_answered() const {
    return std::all_of(records_.begin(), records_.end(),
                       [](const Record& record) { return record.request == 0; });
}

void LoginClient::wait_for_answers(Deadline deadline) {
    const auto begun = std::chrono::steady_clock::now();
    while (!all_sent_are_answered()) {
        const auto answer = connection_.receive(deadline);
        if (!answer) {
            if (connection_.broke_rules()) {
                back_off();
            } else if (connection_.connected()) {
                waited_in_vain(begun);
            }
            return;
        }
        handle(*answer);
    }
}

void LoginClient::tell_untold_uses() {
    if (!uses_.any_open()) {
        return;
    }
    for (SlotIndex slot = 0; slot < open_.size(); ++slot) {
        if (open_[slot] && uses_.untold(slot)) {
            tell_use(slot);
        }
    }
}

/// Each of them once more, by the count that it has come to.
void LoginClient::tell_grown_uses() {
    for (SlotIndex slot = 0; slot < open_.size(); ++slot) {
        if (open_[slot] && uses_of(slot) > open_[slot]->told_uses) {
            tell_use(slot);
        }
    }
}

void LoginClient::tell_use(SlotIndex slot) {
    uses_.telling_tried(slot);
    std::optional<OpenLogin>& login = open_[slot];
    const bool known = login && connection_.connected() && login->told_generation == connection_.generation();
    const std::uint64_t uses = known ? uses_of(slot) : 0;
    if (uses > 0 && connection_.send(use_message(login->login, uses))) {
        login->told_uses = uses;
        uses_.told(slot);
    }
}

/// Of the login that is open here; what was told last when its end is about to be noted.
std::uint64_t LoginClient::uses_of(SlotIndex slot) const {
    return open_[slot] ? uses_.uses(slot, open_[slot]->number).value_or(open_[slot]->told_uses) : 0;
}

void LoginClient::close(Deadline deadline) {
    const bool any_open =
        std::any_of(open_.begin(), open_.end(), [](const auto& login) { return login.has_value(); });
    if (!records_.empty() || any_open) {
        back_off_until_ = {}; // there is no later
        for (Record& record : records_) {
            record.not_before = {};
        }
        try_to_deliver(deadline);
        tell_grown_uses();
    }
    connection_.close();
}

void LoginClient::close_if_all_told() {
    if (records_.empty()) {
        connection_.close();
    }
}

} // namespace ukey::filter
