from agent.ports import Received
from agent.runtime.uplink.router import TopicRouter


class Taker:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def receive(self, message: Received) -> None:
        self.taken.append(message.topic)


def test_a_message_goes_to_the_one_whose_topic_it_has_and_else_to_whoever_verifies_it() -> None:
    centres, commands = Taker(), Taker()
    router = TopicRouter(default=commands)
    router.add("edge/v1/host/", centres)
    topics = ["edge/v1/host/jhb/state", "edge/v1/gp/site/kiosk-1/down/ack/a", "edge/v1/hostile/jhb/state"]
    for topic in topics:
        router.route(Received(topic, b"", 0, retain=False))

    assert (centres.taken, commands.taken) == (topics[:1], topics[1:])
