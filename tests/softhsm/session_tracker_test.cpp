// SPDX-License-Identifier: Apache-2.0
// When a slot counts as one without sessions: that ends its login.
#include "pkcs11/module/session_tracker.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace ukey::filter {
namespace {

class SessionTrackerTest : public ::testing::Test {
  protected:
    static constexpr CK_SLOT_ID slot_id = 7;

    SlotIndex open(CK_SESSION_HANDLE session) {
        const SessionTracker::Opening opening = tracker_->opening_begins(slot_id);
        tracker_->opening_succeeded(opening, slot_id, session);
        return *tracker_->known_slot(slot_id);
    }
    bool close(CK_SESSION_HANDLE session) { return tracker_->closed(*tracker_->remove(session)); }

    const std::unique_ptr<SessionTracker> tracker_ = std::make_unique<SessionTracker>();
};

TEST_F(SessionTrackerTest, last_session_that_closes_leaves_the_slot_without) {
    const SlotIndex slot = open(1);
    open(2);
    EXPECT_FALSE(close(1));
    EXPECT_FALSE(tracker_->without_sessions(slot));
    EXPECT_TRUE(close(2));
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, session_that_is_being_opened_counts) {
    const SlotIndex slot = open(1);
    const SessionTracker::Opening opening = tracker_->opening_begins(slot_id);
    EXPECT_FALSE(close(1));
    EXPECT_FALSE(tracker_->without_sessions(slot));
    tracker_->opening_failed(opening);
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, first_session_of_a_slot_counts_while_it_is_being_opened) {
    const SessionTracker::Opening opening = tracker_->opening_begins(slot_id);
    const SlotIndex slot = *tracker_->slot_index(slot_id);
    EXPECT_FALSE(tracker_->without_sessions(slot));
    tracker_->opening_succeeded(opening, slot_id, 1);
    EXPECT_FALSE(tracker_->without_sessions(slot));
    EXPECT_TRUE(close(1));
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, number_of_no_slot_takes_no_place) {
    for (CK_SLOT_ID wrong = 100; wrong < 100 + 2 * tracked_slots_max; ++wrong) {
        tracker_->opening_failed(tracker_->opening_begins(wrong));
    }
    EXPECT_EQ(open(1), 0U);
    EXPECT_TRUE(close(1));
}

TEST_F(SessionTrackerTest, session_that_is_being_closed_counts) {
    const SlotIndex slot = open(1);
    const auto removed = tracker_->remove(1);
    ASSERT_TRUE(removed);
    EXPECT_FALSE(tracker_->find(1)) << "its handle may be another session's any moment";
    EXPECT_FALSE(tracker_->without_sessions(slot));
    EXPECT_FALSE(tracker_->remove(1)) << "another thread closes it too";
}

TEST_F(SessionTrackerTest, session_that_the_backend_did_not_close_is_as_before) {
    const SlotIndex slot = open(1);
    tracker_->begin_operation(1, KeyOperation::sign, true);
    tracker_->put_back(1, *tracker_->remove(1));
    EXPECT_EQ(tracker_->find_private(1, KeyOperation::sign), slot);
    EXPECT_FALSE(tracker_->find_private(1, KeyOperation::decrypt));
    EXPECT_TRUE(close(1));
}

TEST_F(SessionTrackerTest, every_new_session_is_a_new_number) {
    const SlotIndex slot = open(1);
    const std::uint64_t opened = tracker_->opened(slot);
    open(2);
    EXPECT_GT(tracker_->opened(slot), opened);
}

TEST_F(SessionTrackerTest, sessions_without_room_are_counted) {
    const CK_SESSION_HANDLE last = 2 * tracked_sessions_max;
    for (CK_SESSION_HANDLE session = 1; session <= last; ++session) {
        open(session);
    }
    EXPECT_TRUE(tracker_->overflowed());
    const SlotIndex slot = *tracker_->known_slot(slot_id);
    for (CK_SESSION_HANDLE session = 1; session <= last; ++session) {
        auto removed = tracker_->remove(session);
        const bool was_last = tracker_->closed(removed ? *removed : SessionTracker::remove_unknown(slot));
        ASSERT_EQ(was_last, session == last);
    }
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, handle_that_is_issued_again_was_closed_in_its_old_slot) {
    const SlotIndex old_slot = open(1);
    tracker_->begin_operation(1, KeyOperation::sign, true);
    const SessionTracker::Opening opening = tracker_->opening_begins(slot_id + 1);
    EXPECT_EQ(tracker_->opening_succeeded(opening, slot_id + 1, 1), old_slot);
    const SlotIndex slot = *tracker_->known_slot(slot_id + 1);
    EXPECT_EQ(tracker_->find(1), slot);
    EXPECT_FALSE(tracker_->find_private(1, KeyOperation::sign)) << "an operation of the one that has gone";
    EXPECT_TRUE(tracker_->without_sessions(old_slot));
    EXPECT_FALSE(tracker_->without_sessions(slot));
    EXPECT_TRUE(close(1));
    EXPECT_FALSE(tracker_->find(1)) << "it has one place";
}

TEST_F(SessionTrackerTest, handle_that_is_issued_again_in_its_slot_counts_once) {
    const SlotIndex slot = open(1);
    const SessionTracker::Opening opening = tracker_->opening_begins(slot_id);
    EXPECT_EQ(tracker_->opening_succeeded(opening, slot_id, 1), slot);
    EXPECT_TRUE(close(1));
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, handle_is_found_again_behind_a_place_that_has_become_free) {
    // The three have the same first place in the table.
    const CK_SESSION_HANDLE first = 1;
    const CK_SESSION_HANDLE second = first + (tracked_sessions_max << 32U);
    open(first);
    open(second);
    close(first);
    open(second);
    EXPECT_TRUE(close(second));
    EXPECT_FALSE(tracker_->find(second));
}

TEST_F(SessionTrackerTest, dead_sessions_are_taken_off_their_slot_only) {
    const SlotIndex slot = open(1);
    open(2);
    open(3);
    const SlotIndex other = *tracker_->slot_index(slot_id + 1);
    tracker_->add(4, other);
    tracker_->remove_dead(slot, [](CK_SESSION_HANDLE session) { return session != 2; });
    EXPECT_FALSE(tracker_->find(1));
    EXPECT_EQ(tracker_->find(2), slot);
    EXPECT_EQ(tracker_->find(4), other);
    EXPECT_TRUE(close(2));
}

TEST_F(SessionTrackerTest, session_that_gets_a_dead_ones_handle_meanwhile_stays) {
    const SlotIndex slot = open(1);
    tracker_->remove_dead(slot, [&](CK_SESSION_HANDLE session) {
        open(session); // by another thread
        tracker_->begin_operation(session, KeyOperation::sign, true);
        return true;
    });
    EXPECT_EQ(tracker_->find_private(1, KeyOperation::sign), slot);
    EXPECT_TRUE(close(1));
}

TEST_F(SessionTrackerTest, operation_that_begins_meanwhile_keeps_no_dead_session) {
    const SlotIndex slot = open(1);
    tracker_->remove_dead(slot, [&](CK_SESSION_HANDLE session) {
        tracker_->begin_operation(session, KeyOperation::sign, true);
        return true;
    });
    EXPECT_FALSE(tracker_->find(1));
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

TEST_F(SessionTrackerTest, reset_forgets_everything) {
    open(1);
    tracker_->reset();
    EXPECT_FALSE(tracker_->find(1));
    EXPECT_FALSE(tracker_->known_slot(slot_id));
    const SlotIndex slot = open(2);
    EXPECT_TRUE(close(2));
    EXPECT_TRUE(tracker_->without_sessions(slot));
}

} // namespace
} // namespace ukey::filter
