"""An accepted message is lost, repeated for ever, or comes too late."""

from tests.campaigns.mutants.breakage import Breakage

_OUTBOX = "tests/outbox/test_outbox"

KEPT = (
    Breakage(
        "forget a message when it is sent, not when it is acknowledged",
        "agent/runtime/uplink/sender.py",
        "        self._in_flight[mid] = _InFlight(",
        "        self._outbox.confirm(waiting)\n        self._in_flight[mid] = _InFlight(",
        "tests/runtime/uplink/test_publisher_connection.py::test_a_lost_connection_gives_everything_back_and_sends_it_again",
    ),
    Breakage(
        "forget what was in flight when a connection ends",
        "agent/runtime/uplink/sender.py",
        "if not suspicion.quarantined:\n                    self._outbox.give_back(sent.waiting)",
        "if not suspicion.quarantined:\n                    self._outbox.give_up(sent.waiting)",
        "tests/runtime/uplink/test_publisher_connection.py::test_a_lost_connection_gives_everything_back_and_sends_it_again",
    ),
    Breakage(
        "give up an alarm that a broker has refused often enough",
        "agent/runtime/uplink/sender.py",
        "if row.rank is not Rank.ALARM and waiting.refusals_here >= _REFUSALS_BEFORE_GIVING_UP:",
        "if waiting.refusals_here >= _REFUSALS_BEFORE_GIVING_UP:",
        "tests/runtime/uplink/test_sender.py::"
        "test_an_alarm_that_the_only_broker_refuses_is_tried_on_its_one_connection_until_it_is_taken",
    ),
    Breakage(
        "keep no place in the window for an alarm",
        "agent/runtime/uplink/sender.py",
        "return Rank.STATE if room <= min(_RESERVE, self._window // 2) else Rank.REPLAY",
        "return Rank.HEALTH",
        "tests/runtime/uplink/test_sender.py::test_telemetry_that_is_not_acknowledged_leaves_places_for_an_alarm",
    ),
    Breakage(
        "let an alarm wait for a suspect of a lower class",
        "agent/runtime/uplink/sender.py",
        "        if self._held_back or self._poison_under_way(Rank.REPLAY):\n            return Rank.ALARM",
        "        if self._held_back or self._poison_under_way(Rank.REPLAY):\n            return None",
        "tests/runtime/uplink/test_sender_poison.py::test_an_alarm_does_not_wait_for_a_suspect_that_goes_alone",
    ),
    Breakage(
        "let a suspected alarm that is never answered go first each time",
        "agent/runtime/uplink/sender.py",
        "sent.waiting.behind += 1",
        "sent.waiting.behind += 0",
        "tests/runtime/uplink/test_sender_poison.py::test_of_several_suspected_alarms_one_that_is_never_answered_holds_no_other_up",
    ),
    Breakage(
        "let a command counter fall when the disk is found late",
        "agent/outbox/state.py",
        "return max(value, known, key=",
        "return min(value, known, key=",
        f"{_OUTBOX}_late_disk.py::test_of_a_counter_that_was_used_without_the_disk_and_the_one_on_it_the_higher_counts",
    ),
    Breakage(
        "drop what does not fit into memory",
        "agent/outbox/backlog.py",
        "            else:\n                self._held[rank].append(waiting)",
        "            else:\n                self._forget(waiting, dropped=True)",
        f"{_OUTBOX}.py::test_more_than_memory_holds_is_read_back_once_each_and_in_order",
    ),
    Breakage(
        "give up alarms first when memory is short",
        "agent/outbox/policy.py",
        "window=10_000, recorded=True, memory_drop=None,",
        "window=10_000, recorded=True, memory_drop=0,",
        f"{_OUTBOX}_budgets.py::test_memory_is_bounded_while_neither_disk_nor_broker_takes_anything_and_alarms_are_not",
    ),
    Breakage(
        "send telemetry before an alarm",
        "agent/outbox/backlog.py",
        "            for rank in _RANKS:\n                if rank > least:\n                    break",
        "            for rank in reversed(_RANKS):\n                if rank > least:\n                    continue",
        f"{_OUTBOX}.py::test_the_most_important_class_leaves_first_and_the_oldest_of_it",
    ),
    Breakage(
        "let an alarm expire",
        "agent/contract/kinds.py",
        'AlarmData, _OF_ALARM, when, about="input")',
        'AlarmData, _OF_ALARM, when, about="input", expiry_s=EVENT_EXPIRY_S)',
        f"{_OUTBOX}.py::test_what_has_expired_is_dropped_and_counted_but_never_an_alarm",
    ),
    Breakage(
        "do not read the black box at the start",
        "agent/outbox/writer.py",
        "self._boxed = self._black_box.entries()",
        "self._boxed = []",
        f"{_OUTBOX}_disk.py::test_an_alarm_that_a_failing_disk_did_not_take_outlives_the_process",
    ),
    Breakage(
        "put nothing into the black box",
        "agent/outbox/writer.py",
        "self._black_box.append(boxed, values,",
        "self._black_box.append(None, {},",
        f"{_OUTBOX}_disk.py::test_an_alarm_that_a_failing_disk_did_not_take_outlives_the_process",
    ),
    Breakage(
        "clear the black box before the disk has it",
        "agent/outbox/writer.py",
        "        try:\n            self._store.write(",
        "        self._black_box.clear_written(self._unwritten)\n        try:\n            self._store.write(",
        f"{_OUTBOX}_disk.py::test_an_alarm_that_a_failing_disk_did_not_take_outlives_the_process",
    ),
    Breakage(
        "call a number of the record done before those below it",
        "agent/outbox/finished.py",
        "        if runs[0][0] == self.through + 1:\n            self.through",
        "        if runs:\n            self.through",
        "tests/outbox/test_record_numbers.py::test_what_is_in_flight_or_given_back_is_not_done",
    ),
    Breakage(
        "go on with the record after a power cut as if nothing could be lost",
        "agent/outbox/sequence.py",
        "self.record = known if is_exact else max(",
        "self.record = known or max(",
        "tests/outbox/test_record_numbers.py::"
        "test_after_a_power_cut_the_record_goes_on_above_all_that_may_have_been_given_and_says_so",
    ),
    Breakage(
        "forget what a broker has confirmed",
        "agent/outbox/backlog.py",
        "            if not dropped:\n",
        "            if dropped:\n",
        "tests/outbox/test_record_kept.py::test_a_message_is_waiting_or_in_the_record_whenever_the_process_dies",
    ),
    Breakage(
        "take a replayed alarm for one that a broker has just got",
        "agent/outbox/replay.py",
        "alarm_id=None,",
        "alarm_id=message.topic,",
        "tests/outbox/test_replay.py::test_it_has_no_number_to_give_and_none_to_finish",
    ),
    Breakage(
        "clear the part of the black box that is in use",
        "agent/outbox/black_box.py",
        "            emptied = self._first\n",
        "            emptied = self._active\n",
        "tests/outbox/test_black_box.py::test_what_came_after_the_turn_stays_when_the_disk_has_the_rest",
    ),
    Breakage(
        "never clear the black box",
        "agent/outbox/black_box.py",
        "        if self._first != self._active:\n",
        "        if False:\n",
        "tests/outbox/test_black_box.py::test_what_came_after_the_turn_stays_when_the_disk_has_the_rest",
    ),
    Breakage(
        "call safe what the disk has not flushed",
        "agent/outbox/writer.py",
        "            if kept or needs_sync(row.rank for row in rows):\n                self._store.sync()",
        "            if needs_sync(row.rank for row in rows):\n                self._store.sync()",
        f"{_OUTBOX}_restart.py::test_what_must_be_safe_against_a_power_cut_is_told_only_after_the_flush",
    ),
    Breakage(
        "give numbers again after a power cut",
        "agent/outbox/sequence.py",
        "ceilings = [] if is_complete else [",
        "ceilings = [] if True else [",
        f"{_OUTBOX}_restart.py::test_after_a_power_cut_numbers_go_on_above_the_ceiling",
    ),
)
