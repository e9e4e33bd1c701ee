from agent.ports import Received
from agent.runtime.uplink.router import TopicRouter


class Taker:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def receive(self, message: Received) -> None:
        self.taken.append(message.topic)


def test_a_message_goes_to_the_one_whose_topic_it_has_and_to_nobody_else() -> None:
    centres, commands, router = Taker(), Taker(), TopicRouter()
    router.add("edge/v1/host/", centres)
    router.add("edge/v1/gp/site/kiosk-1/down/", commands)
    for topic in (
        "edge/v1/host/jhb/state",
        "edge/v1/gp/site/kiosk-1/down/ack/a",
        "edge/v1/gp/site/kiosk-12/down/ack/a",
    ):
        router.route(Received(topic, b"", 0, retain=False))

    assert centres.taken == ["edge/v1/host/jhb/state"]
    assert commands.taken == ["edge/v1/gp/site/kiosk-1/down/ack/a"]
