from agent.core.wiring import LightPins


def test_only_outputs_that_have_a_pin_are_driven_also_when_it_is_pin_0() -> None:
    assert LightPins().wired() == {}
    assert LightPins(yellow=0, green=5).wired() == {"yellow": 0, "green": 5}
    assert LightPins(beacon=6, tone=7).wired() == {"beacon": 6, "tone": 7}
