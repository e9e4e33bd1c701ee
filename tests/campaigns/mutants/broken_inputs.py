"""A press is not felt, not counted, or taken for something else."""

from tests.campaigns.mutants.breakage import Breakage

_PIPELINE = "tests/runtime/alarms/test_pipeline"
_PINS = "tests/ports/test_buttons.py::"

FELT = (
    Breakage(
        "skip the level of the inputs at the start",
        "agent/adapters/gpiozero_buttons.py",
        "        _guarded(on_edge, at_start)\n",
        "",
        f"{_PINS}test_the_level_of_every_line_at_start_is_an_edge_of_its_own",
    ),
    Breakage(
        "read the level at the start upside down",
        "agent/adapters/gpiozero_buttons.py",
        "bool(device.pin.state) is line.active_level",
        "bool(device.pin.state) is not line.active_level",
        f"{_PINS}test_the_level_of_every_line_at_start_is_an_edge_of_its_own",
    ),
    Breakage(
        "take a release for a press",
        "agent/adapters/gpiozero_buttons.py",
        "bool(level) is active_level",
        "bool(level) is not active_level",
        f"{_PINS}test_a_press_and_a_release_are_two_edges",
    ),
    Breakage(
        "let an exception end the pin library's thread",
        "agent/adapters/gpiozero_buttons.py",
        "    except Exception:  # noqa: BLE001\n        _log",
        "    except ZeroDivisionError:\n        _log",
        f"{_PINS}test_a_failing_receiver_stops_neither_the_pin_nor_its_driver",
    ),
    Breakage(
        "count rain on the next alarm that was pressed before this one was closed",
        "agent/runtime/alarms/pipeline.py",
        "self._on_inputs(self._panel.flush())  # a press before",
        "pass  # a press before",
        f"{_PIPELINE}_inputs.py::"
        "test_rain_before_the_close_of_its_alarm_counts_on_it_and_what_follows_raises_a_new_one",
    ),
    Breakage(
        "go on after a press that went wrong",
        "agent/runtime/alarms/pipeline.py",
        "            self._failure = error\n",
        "",
        f"{_PIPELINE}.py::test_a_fault_of_ours_in_a_press_ends_the_agent_which_then_reads_the_level_again",
    ),
)
