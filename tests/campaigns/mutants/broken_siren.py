"""The siren sounds when it must not, or does not when it must."""

from tests.campaigns.mutants.breakage import Breakage

_CORE = "tests/core/alarms/test_siren.py::"
_DESK = "tests/runtime/alarms/test_siren.py::"

SOUNDED = (
    Breakage(
        "sound the siren at a silent alarm",
        "agent/core/alarms/siren.py",
        "for alarm in alarms if not alarm.silent and alarm.status",
        "for alarm in alarms if alarm.status",
        f"{_CORE}test_a_silent_alarm_a_test_and_an_exercise_never_sound_it",
    ),
    Breakage(
        "sound the siren at a test",
        "agent/core/alarms/siren.py",
        "if not alarm.silent and alarm.status == self._earnest}",
        "if not alarm.silent}",
        f"{_CORE}test_a_silent_alarm_a_test_and_an_exercise_never_sound_it",
    ),
    Breakage(
        "let the siren sound on although somebody has answered",
        "agent/core/alarms/siren.py",
        "self.stage.rank() <= stage.rank() <= Stage.UNCONFIRMED.rank()",
        "self.stage.rank() <= stage.rank()",
        f"{_CORE}test_an_answer_silences_it",
    ),
    Breakage(
        "never sound the siren",
        "agent/runtime/alarms/siren.py",
        "on=bool(self._siren.sounds_for) or now_ns",
        "on=now_ns",
        f"{_DESK}test_it_sounds_when_nobody_has_answered_and_an_answer_ends_it_and_both_are_told",
    ),
    Breakage(
        "let presses keep the siren on for ever",
        "agent/core/alarms/siren.py",
        "min(self._rules.limit_ns, left_ns)",
        "self._rules.limit_ns",
        f"{_CORE}test_no_number_of_presses_sounds_it_for_longer_than_its_total",
    ),
    Breakage(
        "give the siren its whole time again at every restart",
        "agent/core/alarms/siren.py",
        "turn = self._recall(alarm_id)\n",
        "turn = None\n",
        f"{_CORE}test_after_a_restart_in_the_same_boot_its_time_goes_on",
    ),
    Breakage(
        "leave the siren on at an orderly stop",
        "agent/adapters/gpiozero_siren.py",
        "                device.off()\n",
        "                pass\n",
        "tests/ports/test_siren.py::test_its_pin_is_at_rest_from_the_claim_on_and_at_the_end",
    ),
    Breakage(
        "sound an active-low siren from the claim on",
        "agent/adapters/gpiozero_siren.py",
        "active_high=self._line.active_high, initial_value",
        "initial_value",
        "tests/ports/test_siren.py::test_its_pin_is_at_rest_from_the_claim_on_and_at_the_end",
    ),
    Breakage(
        "let a siren whose pin fails end the agent",
        "agent/runtime/alarms/siren.py",
        "        except HardwareError as error:\n",
        "        except ZeroDivisionError as error:\n",
        f"{_DESK}test_a_pin_that_fails_is_told_and_tried_again_and_costs_no_press",
    ),
    Breakage(
        "sound the siren at every self-test",
        "agent/runtime/selftest/steps.py",
        "        if chirp:\n            siren.chirp()\n",
        "        if siren is not None:\n            siren.chirp()\n",
        f"{_DESK}test_a_self_test_does_not_sound_it_unless_it_may",
    ),
)
