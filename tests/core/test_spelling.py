from agent.contract.spelling import did_you_mean, nearest

NAMES = ["doctor", "demo", "schema"]


def test_the_name_that_looks_most_like_it_is_meant() -> None:
    assert nearest("docter", NAMES) == "doctor"
    assert nearest("shema", iter(NAMES)) == "schema"


def test_nothing_that_is_only_a_little_alike_is_meant() -> None:
    assert nearest("watch", NAMES) is None
    assert nearest("dock", ["abcd", "domino"]) is None
    assert nearest("doctor", []) is None


def test_who_is_not_understood_is_asked_or_told_all_there_are() -> None:
    assert did_you_mean("docter", iter(NAMES)) == "did you mean doctor?"
    assert did_you_mean("watch", iter(NAMES)) == "there are doctor, demo, schema"
    assert did_you_mean("watch", []) == ""
