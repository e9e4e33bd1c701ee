"""Lights and messages that do not say what is so, and commands that nobody may give."""

from tests.campaigns.mutants.breakage import Breakage

_PIPELINE = "tests/runtime/alarms/test_pipeline"
_ALARM = "tests/core/alarms/test_alarm_book.py::"
_AGAIN = "tests/core/alarms/test_raise_again.py::"
_WAITS = "tests/core/alarms/test_alarm_waits.py::"
_MEMORY = "tests/runtime/commands/test_memory.py::"

TOLD = (
    Breakage(
        "show no light at a press",
        "agent/runtime/alarms/pipeline.py",
        "                self._lights.show(PRESSED)",
        "                pass",
        f"{_PIPELINE}.py::test_a_press_runs_to_completion_on_the_thread_of_the_edge_light_first",
    ),
    Breakage(
        "never light yellow",
        "agent/contract/lamps.py",
        "PRESSED = LightState(yellow=Pattern.ON, beacon=Pattern.FLASH)",
        "PRESSED = LightState(beacon=Pattern.FLASH)",
        "tests/contract/test_lamps.py::test_each_stage_looks_as_the_contract_says",
    ),
    Breakage(
        "show green when only the broker has answered",
        "agent/contract/lamps.py",
        "    Stage.SENT: PRESSED,",
        "    Stage.SENT: LightState(Pattern.ON, Pattern.ON, Pattern.FLASH),",
        f"{_PIPELINE}.py::test_green_never_comes_from_the_broker",
    ),
    Breakage(
        "take the broker's answer for the centre's",
        "agent/core/alarms/alarm_book.py",
        'self._change("updated", alarm, stage=Stage.SENT, **latency)',
        'self._change("updated", alarm, stage=Stage.REGISTERED, **latency)',
        f"{_PIPELINE}.py::test_green_never_comes_from_the_broker",
    ),
    Breakage(
        "show a silent alarm",
        "agent/core/alarms/alarm_book.py",
        "for alarm in self._open.values() if not alarm.data.silent]",
        "for alarm in self._open.values()]",
        f"{_ALARM}test_a_silent_alarm_shows_nothing",
    ),
    Breakage(
        "light the lights at a silent press",
        "agent/runtime/alarms/pipeline.py",
        "if name in self._audible and self._lights.shown()",
        "if self._lights.shown()",
        f"{_PIPELINE}.py::test_a_silent_input_never_changes_a_light",
    ),
    Breakage(
        "never notice that nobody answers",
        "agent/core/alarms/alarm_book.py",
        "for alarm in self.open() if self._due_ns(alarm) <= now_ns]",
        "for alarm in self.open() if alarm.data.stage in _ANSWERED and self._due_ns(alarm) <= now_ns]",
        f"{_WAITS}test_an_alarm_that_nobody_answers_is_delayed_10_s_and_unconfirmed_30_s_after_its_edge",
    ),
    Breakage(
        "count the waits anew at every start",
        "agent/core/alarms/alarm_book.py",
        "        if alarm.boot_id == self._boot_id:\n            return alarm\n",
        "",
        f"{_WAITS}test_waits_go_on_after_a_restart_and_begin_anew_in_another_boot",
    ),
    Breakage(
        "take green away while the car is on its way",
        "agent/contract/stages.py",
        "return self.raise_dispatched_after_ns",
        "return self.raise_again_after_ns",
        f"{_WAITS}test_an_answered_alarm_that_is_not_closed_raises_itself_again_and_waits_anew",
    ),
    Breakage(
        "say a moment of the boot before, or of other settings",
        "agent/core/alarms/alarm_book.py",
        "(self._with_deadline(self._as_of_now(alarm, now_ns)) for",
        "(self._as_of_now(alarm, now_ns) for",
        f"{_AGAIN}test_a_restart_leaves_the_moment_and_one_of_the_machine_gives_one_of_the_new_boot",
    ),
    Breakage(
        "leave the moment as it was when an ack puts it off",
        "agent/runtime/alarms/alarms.py",
        '        if change.change == "noted":\n            self.announce_changes()',
        "        if False:\n            self.announce_changes()",
        f"{_PIPELINE}_life.py::test_an_ack_that_is_only_noted_is_kept_for_the_next_start_and_told_in_the_list_alone",
    ),
    Breakage(
        "forget who was sent when the alarm raises itself again",
        "agent/core/alarms/hold.py",
        '"sent_before": sent}',
        '"sent_before": None}',
        f"{_AGAIN}test_who_was_sent_is_told_from_the_raise_to_the_close",
    ),
    Breakage(
        "forget who was sent when the alarm raises itself a second time",
        "agent/core/alarms/hold.py",
        "data.answered_by.get(AckAction.DISPATCHED, data.sent_before)",
        "data.answered_by.get(AckAction.DISPATCHED)",
        f"{_AGAIN}test_who_was_sent_is_told_from_the_raise_to_the_close",
    ),
    Breakage(
        "close an alarm that was pressed since",
        "agent/core/alarms/alarm_book.py",
        "ack.press_count is not None and ack.press_count < alarm.data.press_count",
        "ack.press_count is not None and ack.press_count < 0",
        f"{_PIPELINE}.py::test_a_close_that_does_not_know_of_the_last_press_leaves_the_light_on",
    ),
    Breakage(
        "forget the open alarms at a restart",
        "agent/runtime/alarms/alarms.py",
        "kept = {ALARM_KEY + data.alarm_id: encode_alarm(change.alarm, draft.data_json)}",
        "kept = {}",
        f"{_PIPELINE}.py::test_an_open_alarm_is_kept_at_every_step_and_forgotten_when_closed",
    ),
    Breakage(
        "never say that the kiosk is out of service",
        "agent/runtime/alarms/readiness.py",
        "        if change is not None:",
        "        if change is not None and change.in_service:",
        "tests/runtime/alarms/test_readiness.py::test_out_of_service_is_shown_and_told_with_its_reasons_and_so_is_its_end",
    ),
    Breakage(
        "call a kiosk without an uplink in service",
        "agent/core/alarms/service.py",
        '{"no-uplink": now_ns}',
        "{}",
        "tests/core/alarms/test_service.py::test_a_kiosk_that_never_gets_an_uplink_is_out_of_service_after_the_setting",
    ),
)

ASKED = (
    Breakage(
        "believe a command that is signed with another key",
        "agent/adapters/jose_keys.py",
        "algorithms=[ALGORITHM])\n        except",
        'algorithms=[ALGORITHM], options={"verify_signature": False})\n        except',
        "tests/adapters/test_jose_keys.py::test_another_key_under_a_known_id_is_a_bad_signature",
    ),
    Breakage(
        "take any signer for the owner of the key",
        "agent/runtime/commands/handler.py",
        "        if claims.iss != token.issuer:",
        "        if False:",
        "tests/runtime/commands/test_handler.py::test_claims_that_do_not_hold_are_refused_and_told",
    ),
    Breakage(
        "run a command again that is signed again",
        "agent/runtime/commands/handler.py",
        "            if (first := self._memory.repeated(token.kid, claims)) is not None:",
        "            if (first := self._memory.repeated(token.kid, claims)) is not None and first.status == 'x':",
        f"{_MEMORY}test_a_command_that_comes_again_after_a_restart_gets_its_first_result",
    ),
    Breakage(
        "take a counter a second time",
        "agent/contract/commands.py",
        "    if claims.ctr in window.seen:",
        "    if False:",
        f"{_MEMORY}test_commands_of_two_senders_under_one_key_may_overtake_each_other",
    ),
    Breakage(
        "take a command from before the window",
        "agent/contract/commands.py",
        "    if claims.ctr <= floor:",
        "    if False:",
        f"{_MEMORY}test_what_is_older_than_the_window_is_refused_though_its_counter_was_never_used",
    ),
    Breakage(
        "let a counter that was driven up lock a key out",
        "agent/contract/commands.py",
        "    floor = window.crowded_out if is_dated else max(",
        "    floor = max(",
        f"{_MEMORY}test_a_counter_far_ahead_on_an_unset_clock_locks_out_nobody_who_echoes",
    ),
    Breakage(
        "take a command whose nonce is old",
        "agent/contract/commands.py",
        "        if not is_dated:",
        "        if False:",
        "tests/contract/test_commands.py",
    ),
    Breakage(
        "obey a key that was taken out",
        "agent/runtime/commands/handler.py",
        "            return  # it was cleared\n        self._key_watch.tick()\n",
        "            return  # it was cleared\n",
        "tests/runtime/commands/test_handler.py::test_the_keys_are_looked_at_before_each_message_and_while_none_comes",
    ),
    Breakage(
        "take a command that has expired",
        "agent/contract/commands.py",
        "    if unix >= claims.exp:",
        "    if False:",
        "tests/contract/test_commands.py",
    ),
    Breakage(
        "let an operator do what only a technician may",
        "agent/contract/commands.py",
        "    if role not in command.roles and not _is_technicians_close(role, args):",
        "    if False:",
        "tests/contract/test_commands.py",
    ),
    Breakage(
        "forget at a restart what was accepted",
        "agent/runtime/commands/memory.py",
        "            return self._outbox.writer.keep(changes)",
        "            return self._outbox.writer.keep({})",
        f"{_MEMORY}test_a_command_whose_end_a_restart_has_cut_off_is_not_executed_again_and_says_so",
    ),
    Breakage(
        "execute a command before it is on disk that it was accepted",
        "agent/runtime/commands/handler.py",
        "        if not safe.wait(",
        "        if safe.is_set() and not safe.wait(",
        "tests/runtime/commands/test_handler.py::test_what_was_accepted_is_on_disk_before_it_is_executed",
    ),
    Breakage(
        "execute a command that the broker has retained",
        "agent/runtime/commands/handler.py",
        "        if message.retain and not may_be_retained:",
        "        if False:",
        "tests/runtime/commands/test_handler.py::test_a_retained_command_is_refused_unread",
    ),
)
