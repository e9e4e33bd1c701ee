"""The siren sounds when it must not, or does not when it must."""

from tests.campaigns.mutants.breakage import Breakage

_DESK = "tests/runtime/alarms/test_siren.py::"

SOUNDED = (
    Breakage(
        "never sound the siren",
        "agent/runtime/alarms/siren.py",
        "on=bool(self._siren.sounds_for) or now_ns",
        "on=now_ns",
        f"{_DESK}test_it_sounds_when_nobody_has_answered_and_an_answer_ends_it_and_both_are_told",
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
