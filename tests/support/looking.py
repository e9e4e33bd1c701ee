"""Somebody at the centre who looks through a kiosk's camera."""

from typing import Any

from agent.trust.jose_keys import PrivateKey, sign
from tests.support.agent_process import CAMERA, TREE, AgentProcess
from tests.support.centre import Centre, Message
from tests.support.subscriber import Heard
from tests.support.wait import wait_for

TOPIC = f"{TREE}/up/live/front"
WHY = "who is at the door?"
CAMERAS = [CAMERA]


class Looking:
    """Orders looks with a key, and knows what came of them."""

    def __init__(self, centre: Centre, key: PrivateKey) -> None:
        self.centre = centre
        self.key = key

    def order(self, name: str, **args: Any) -> str:
        """Send a command; returns its `cmd_id`."""
        claims = self.claims(name, **args)
        self.centre.send(f"command/{name}", sign(claims, self.key))
        return str(claims["cmd_id"])

    def claims(self, name: str, **args: Any) -> dict[str, Any]:
        """What a command says."""
        said = {"reason": WHY, **args} if name == "live-start" else args
        return {**self.centre.ack_claims("", self.key), "name": name, "args": said}

    def ask(self, name: str, **args: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        return self.centre.result(self.order(name, **args))

    def look(self, **args: Any) -> str:
        """Begin a look that works; returns its name."""
        result = self.ask("live-start", **args)
        assert result["code"] == "ok", result
        return str(result["output"]["live"])

    def pictures(self) -> list[Heard]:
        """Every picture so far."""
        return [heard for heard in self.centre.subscriber.heard if heard.topic == TOPIC]

    def wait_for_picture(self, after_ns: int = 0) -> Heard:
        """The first picture that came after this moment of CLOCK_BOOTTIME."""
        return self.centre.subscriber.wait_for(lambda heard: heard.topic == TOPIC and heard.arrived_ns > after_ns)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The details of these security events."""
        return [message.data["detail"] for message in self.centre.messages(f"security/{kind}")]

    def wait_for_end(self, live: str) -> Message:
        """The end of a look, as the record has it."""
        return self.centre.wait_for("security/live-stopped", lambda m: m.data["detail"]["live"] == live)

    def wait_for_camera(self, agent: AgentProcess) -> None:
        """Return when the agent is connected and its camera gives pictures, by a health that it says from now on."""
        before = len(self.centre.messages("health"))

        def works() -> bool:
            said = self.centre.messages("health")[before:]
            return bool(said) and said[-1].data["cameras"].get("front", {}).get("frames", 0) > 0

        assert agent.pid
        wait_for(works, timeout_s=60, what="a camera that gives pictures")
