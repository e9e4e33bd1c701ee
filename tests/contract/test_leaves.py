import pytest

from agent.contract.leaves import DocumentError, parse


@pytest.mark.parametrize("half", [b"\\ud800", b"\\udfff", b"\xed\xa0\x80", b"\xed\xbf\xbf"])
@pytest.mark.parametrize("document", [b'{"name": "%s"}', b'{"%s": 1}', b'["%s"]'])
def test_half_a_surrogate_pair_is_not_text(document: bytes, half: bytes) -> None:
    with pytest.raises(DocumentError):
        parse(document % half)


def test_a_whole_surrogate_pair_is_text() -> None:
    assert parse(rb'"\ud83d\ude00"') == parse('"\N{GRINNING FACE}"'.encode()) == "\N{GRINNING FACE}"


def test_a_document_in_another_encoding_is_refused() -> None:
    with pytest.raises(DocumentError):
        parse('{"name": "x"}'.encode("utf-16"))
