"""Models that are built when they are first used are whole for every thread that uses them first."""

import json
import sys

from edge_centre.schema.examples import EXAMPLES
from tests.support.run import ran

PROGRAM = """
import json, sys, threading
from agent.contract.kinds import KINDS

examples = json.load(sys.stdin)
sys.setswitchinterval(1e-6)
wrong, THREADS = [], 8

def use(model, data, start):
    start.wait()
    said = json.loads(model.model_validate(data).model_dump_json(exclude_none=True))
    if said != data:
        wrong.append(model.__name__)

for kind in KINDS.values():
    data = examples[kind.type.removeprefix("edge.").rpartition(".")[0]]["data"]
    start = threading.Barrier(THREADS)
    threads = [threading.Thread(target=use, args=(kind.data, data, start)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(wrong)
"""


def test_a_model_that_several_threads_use_first_at_the_same_moment_says_the_same_to_all() -> None:
    done = ran(sys.executable, "-c", PROGRAM, input=json.dumps(EXAMPLES))
    assert (done.stdout, done.stderr) == ("[]\n", "")
