import pytest

from agent.adapters.child_threads import Ending, Worker
from agent.core.errors import CameraError, EdgeAgentError, ModelError
from tests.support.wait import wait_for


def test_a_worker_repeats_its_step_until_the_end() -> None:
    ending = Ending()
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        ending.event.wait(0.001)

    worker = Worker("w", step, ending)
    worker.start()
    wait_for(lambda: len(steps) > 3, what="steps")
    ending.stop()
    worker.join(5)
    ending.raise_failure()


@pytest.mark.parametrize(
    ("raised", "told"),
    [(ModelError("the model failed"), "the model failed"), (KeyError("k"), "thread w failed: KeyError")],
)
def test_a_step_that_fails_is_the_end_of_the_process(
    raised: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    ending = Ending()

    def step() -> None:
        raise raised

    worker = Worker("w", step, ending)
    worker.start()
    worker.join(5)

    assert ending.event.is_set()
    with pytest.raises(EdgeAgentError, match=told):
        ending.raise_failure()


def test_the_first_failure_is_the_one_that_is_told() -> None:
    ending = Ending()
    ending.fail(CameraError("first"))
    ending.fail(CameraError("second"))

    with pytest.raises(CameraError, match="first"):
        ending.raise_failure()


def test_a_failure_during_an_orderly_stop_is_none() -> None:
    ending = Ending()
    ending.stop()
    ending.fail(CameraError("late"))
    ending.raise_failure()
