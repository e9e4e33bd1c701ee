"""A press is not felt, not counted, or taken for something else."""

from tests.campaigns.mutants.breakage import Breakage

_PIPELINE = "tests/runtime/alarms/test_pipeline"
_ALARM = "tests/core/alarms/test_alarm_book.py::"
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
        "take a bounce of the release for the end of all presses",
        "agent/core/inputs/contact.py",
        "        self._active = True\n",
        "",
        "tests/core/inputs/test_contact.py",
    ),
    Breakage(
        "lose the presses of a chattering button",
        "agent/core/inputs/chatter.py",
        "last_ns=edge_ns, count=first.count + 1)",
        "last_ns=edge_ns, count=1)",
        "tests/core/inputs/test_chatter.py::"
        "test_rain_is_told_press_by_press_up_to_the_limit_and_then_once_a_second_with_all_that_were_made",
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
    Breakage(
        "never say that a button is stuck",
        "agent/core/inputs/button.py",
        "            facts.append(InputFault(self._name, Fault.STUCK, True, since_ns))\n",
        "            pass\n",
        "tests/core/inputs/test_button.py::test_a_button_that_stays_pressed_is_one_press_and_then_stuck_until_it_is_let_go",
    ),
    Breakage(
        "let a press in earnest count on an open test",
        "agent/core/alarms/alarm_book.py",
        "if alarm.data.input == input_name and alarm.data.status == status)",
        "if alarm.data.input == input_name)",
        f"{_ALARM}test_a_press_in_earnest_is_never_swallowed_by_an_open_test",
    ),
    Breakage(
        "call a press a test after the end of test mode",
        "agent/core/alarms/test_mode.py",
        "began_ns <= edge_ns < until_ns",
        "began_ns <= edge_ns",
        "tests/core/alarms/test_test_mode.py::test_only_an_edge_within_its_time_is_a_test",
    ),
)
