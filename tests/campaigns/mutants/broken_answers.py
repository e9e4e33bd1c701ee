"""Lights and messages that do not say what is so, and commands that nobody may give."""

from tests.campaigns.mutants.breakage import Breakage

_PIPELINE = "tests/runtime/alarms/test_pipeline"
_MEMORY = "tests/runtime/commands/test_memory.py::"

TOLD = (
    Breakage(
        "show no light at a press",
        "agent/runtime/alarms/pipeline.py",
        "                self._show_lights(PRESSED)",
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
        "light the lights at a silent press",
        "agent/runtime/alarms/pipeline.py",
        "if name in self._audible and self._lights.shown()",
        "if self._lights.shown()",
        f"{_PIPELINE}.py::test_a_silent_input_never_changes_a_light",
    ),
    Breakage(
        "leave the moment as it was when an ack puts it off",
        "agent/runtime/alarms/alarms.py",
        '        if change.change == "noted":\n            self.announce_changes()',
        "        if False:\n            self.announce_changes()",
        f"{_PIPELINE}_life.py::test_an_ack_that_is_only_noted_is_kept_for_the_next_start_and_told_in_the_list_alone",
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
)

ASKED = (
    Breakage(
        "believe a command that is signed with another key",
        "agent/trust/jose_keys.py",
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
        "obey a key that was taken out",
        "agent/runtime/commands/handler.py",
        "            return  # it was cleared\n        self._key_watch.tick()\n",
        "            return  # it was cleared\n",
        "tests/runtime/commands/test_handler.py::test_the_keys_are_looked_at_before_each_message_and_while_none_comes",
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
