import pytest

from agent.contract.template import Stencil


def test_what_is_not_a_blank_stays_as_it_is() -> None:
    assert Stencil('{"text": "100 % %(a)s", "seq": 17}', {"seq": "17"}).fill({"seq": 4}) == (
        '{"text": "100 % %(a)s", "seq": 4}'
    )


def test_a_stencil_without_blanks_is_its_example() -> None:
    assert Stencil("50 %", {}).fill({}) == "50 %"


@pytest.mark.parametrize("example", ["nothing", "@x@ and @x@"])
def test_a_piece_that_is_not_there_exactly_once_is_refused(example: str) -> None:
    with pytest.raises(ValueError, match="@x@"):
        Stencil(example, {"x": "@x@"})


def test_a_blank_that_is_not_filled_is_an_error() -> None:
    with pytest.raises(KeyError):
        Stencil("@x@", {"x": "@x@"}).fill({})
