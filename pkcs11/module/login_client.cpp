// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_client.hpp"

#include <algorithm>
#include <vector>

#include "pkcs11/module/login_message.hpp"

namespace ukey::filter {
namespace {

std::string_view text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
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
    if (!connection_.connect(deadline)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            back_off();
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

/// This daemon may know nothing: what was not confirmed is sent again, and the open logins are told to it
/// before anything else. It tells by the id what it already has.
void LoginClient::connection_is_new() {
    for (Record& record : records_) {
        record.late = record.late || record.request != 0;
        record.request = 0;
        record.message.erase("attestation"); // its nonce was of the connection before
    }
    for (SlotIndex slot = 0; slot < open_.size(); ++slot) {
        const std::optional<OpenLogin>& login = open_[slot];
        if (login && result_record(login->login) == nullptr) {
            records_.push_front(Record{login->result, login->login, slot, true, 0});
            records_.front().message.erase("attestation");
        }
    }
}

void LoginClient::handle(const boost::json::object& answer) {
    const std::string_view type = text_member(answer, "type");
    const std::uint64_t request = request_of(answer);
    if (request == 0) {
        return;
    }
    if (request == asked_request_) {
        asked_request_ = 0;
        const std::string_view verdict = text_member(answer, "verdict");
        if (type == "verdict" && (verdict == "allow" || verdict == "warn" || verdict == "deny")) {
            const boost::json::value* attest = answer.if_contains("attest");
            const bool challenged = attest != nullptr && attest->is_object();
            verdict_ = Verdict{std::string(verdict), std::nullopt};
            verdict_->challenge = challenged ? decode_challenge(attest->get_object()) : std::nullopt;
        }
        return;
    }
    if (type == "recorded") {
        answered(request, Answer::recorded);
    } else if (type == "error") {
        // A full disk passes; what the daemon refuses for another reason it will refuse again.
        const bool passes = text_member(answer, "code") == "ledger.write_failed";
        answered(request, passes ? Answer::not_now : Answer::refused);
    }
}

void LoginClient::answered(std::uint64_t request, Answer answer) {
    const auto record = std::find_if(records_.begin(), records_.end(),
                                     [=](const Record& sent) { return sent.request == request; });
    if (record == records_.end()) {
        return;
    }
    if (answer == Answer::not_now) {
        record->request = 0; // sent again with the next report
        record->late = true;
        return;
    }
    // One that is refused must not hold up the ones behind it.
    dropped_ += answer == Answer::refused ? 1 : 0;
    records_.erase(record);
}

// --- Asking ---

std::optional<LoginClient::Verdict> LoginClient::ask(boost::json::object message) {
    const Deadline deadline = deadline_from_now();
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
    if (connection_.connected() || connection_.broke_rules()) {
        back_off();
    }
    return std::nullopt;
}

// --- Reporting ---

void LoginClient::login_began(SlotIndex slot, boost::json::object result, bool late) {
    make_room();
    // PKCS#11 §5.6: a token that was pulled out has closed its sessions, and nobody was called.
    queue_end(slot, "sessions_closed");
    uses_.begin(slot);
    const std::string login(text_member(result, "login"));
    open_[slot] = OpenLogin{login, result, 0};
    if (records_.size() < pending_records_max) { // otherwise it is told by open_, or counted when it ends
        add(Record{std::move(result), login, slot, late, 0});
    }
    deliver();
}

void LoginClient::report(boost::json::object message, bool late) {
    make_room();
    add(Record{std::move(message), {}, std::nullopt, late, 0});
    deliver();
}

void LoginClient::login_ended(SlotIndex slot, std::string_view reason) {
    if (open_[slot]) {
        make_room();
        queue_end(slot, reason);
        deliver();
    }
}

void LoginClient::all_ended(std::string_view reason) {
    make_room();
    for (SlotIndex slot = 0; slot < open_.size(); ++slot) {
        queue_end(slot, reason);
    }
    if (!records_.empty()) {
        deliver();
    }
}

void LoginClient::queue_end(SlotIndex slot, std::string_view reason) {
    if (!open_[slot]) {
        return;
    }
    OpenLogin login = std::move(*open_[slot]);
    open_[slot].reset();
    const std::uint64_t uses = uses_.end(slot);
    Record* result = result_record(login.login);
    const bool daemon_knows = connection_.connected() && login.told_generation == connection_.generation();
    if (result == nullptr && !daemon_knows) {
        add(Record{std::move(login.result), login.login, std::nullopt, true, 0});
        result = result_record(login.login);
        if (result == nullptr) {
            return; // an end without its beginning would say nothing
        }
    }
    if (result != nullptr) {
        result->open_slot.reset();
        result->message["uses"] = uses;
    }
    add(Record{end_message(login.login, reason, uses), login.login, std::nullopt, false, 0});
}

/// Delivers what it can if the queue is nearly full; also notices a connection that has ended.
void LoginClient::make_room() {
    read_waiting_answers();
    if (records_.size() + 2 > pending_records_max) {
        deliver();
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

void LoginClient::deliver() {
    const Deadline deadline = deadline_from_now();
    for (int attempt = 0; attempt < connect_attempts_max && reach_daemon(deadline); ++attempt) {
        if (send_records()) {
            // While it is silent, reports go into the socket all the same: if this process ends, they are
            // there.
            wait_for_answers(backing_off() ? std::chrono::steady_clock::now() : deadline);
        }
        if (connection_.connected() || connection_.broke_rules()) {
            break;
        }
    }
    for (Record& record : records_) {
        record.late = record.late || record.request == 0 || !connection_.connected();
    }
    tell_untold_uses();
}

bool LoginClient::send_records() {
    return std::all_of(records_.begin(), records_.end(),
                       [this](Record& record) { return record.request != 0 || send_record(record); });
}

bool LoginClient::send_record(Record& record) {
    const std::uint64_t request = next_request_++;
    const std::uint64_t uses = record.open_slot ? uses_.uses(*record.open_slot) : 0;
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
    while (!all_sent_are_answered()) {
        const auto answer = connection_.receive(deadline);
        if (!answer) {
            if (connection_.connected() || connection_.broke_rules()) {
                back_off();
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

void LoginClient::tell_use(SlotIndex slot) {
    uses_.telling_tried(slot);
    const std::optional<OpenLogin>& login = open_[slot];
    const bool known = login && connection_.connected() && login->told_generation == connection_.generation();
    if (known && connection_.send(use_message(login->login, uses_.uses(slot)))) {
        uses_.told(slot);
    }
}

void LoginClient::close() {
    if (!records_.empty()) {
        back_off_until_ = {}; // there is no later
        deliver();
    }
    connection_.close();
}

void LoginClient::close_if_all_told() {
    if (records_.empty()) {
        connection_.close();
    }
}

} // namespace ukey::filter
