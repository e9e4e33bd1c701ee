"""A process of its own that seals a report of a commissioning: `python -m agent.provisioning.sealing`.

The running agent starts it, so that a TPM which takes seconds, and what a signature needs of memory, are no matter of
the agent's. A request comes in as one JSON object, and the answer goes out as one: `{"data": ...}`, what
`up/commissioning` says, once the whole report is on the disk; or `{"refused": "why"}`.
"""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from agent.adapters.child_process import give_way
from agent.adapters.disk import write_file
from agent.contract.commissioning import JwsSignature, Report, payload_of
from agent.contract.errors import EdgeAgentError
from agent.core.diagnosis.certificate import unusable
from agent.trust import openssl
from agent.trust.commissioning_report import of_the_technician, seal
from agent.trust.jose_keys import KeyRing
from agent.trust.x509_files import kind_of_key

_NICENESS, _OOM_SCORE = 15, 600


def sealed(request: dict[str, Any]) -> dict[str, Any]:
    """Seal a report and write its file. `keys` are the entries of the key set of now; `key` and `certificate` are paths
    of the device's, `file` is where the report belongs. Raises EdgeAgentError, OSError."""
    report = Report.model_validate(request["report"])
    technicians = JwsSignature.model_validate(request["technician"])
    ring = KeyRing()
    ring.take(request["keys"], 1)
    ring.reload()
    finding = of_the_technician(report, payload_of(report), technicians, ring)
    if not finding.holds:
        return {"refused": finding.text}
    key, file = Path(request["key"]), Path(request["file"])
    if (needed := openssl.configuration(kind_of_key(key))) is not None:
        os.environ.setdefault("OPENSSL_CONF", str(needed))
    pictures = [base64.b64decode(each) for each in request["pictures"]]
    try:
        done = seal(report, pictures, key, Path(request["certificate"]), technicians)
    except openssl.OpensslError as error:
        why, do = unusable(kind_of_key(key), str(key), str(error))
        return {"refused": f"{why}; {do}" if do else str(error)}
    file.parent.mkdir(mode=0o750, exist_ok=True)
    write_file(file, done.content(), 0o640)
    return {"data": done.data.model_dump(mode="json", exclude_none=True)}


def main() -> int:
    """Answer the request on standard input."""
    give_way(_NICENESS, _OOM_SCORE)  # a press comes first, and whatever is short is taken from here
    try:
        answer = sealed(json.load(sys.stdin))
    except (EdgeAgentError, OSError) as error:
        answer = {"refused": str(error)}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
