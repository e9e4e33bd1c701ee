from pathlib import Path

import pytest

from tests.campaigns.emulation import cache


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make(*ingredients: str | bytes | Path, text: str = "x", name: str = "disk") -> Path:
    def write(new: Path) -> None:
        (new / "made.txt").write_text(text)

    return cache.made(name, ingredients, write)


def test_the_same_ingredients_are_made_once() -> None:
    first = make("a", b"b", text="first")

    assert make("a", b"b", text="second") == first
    assert (first / "made.txt").read_text() == "first"


def test_the_content_of_a_file_counts_and_so_does_its_name(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("same")
    other.write_text("same")
    before = make(one)
    assert make(other) != before

    one.write_text("changed")
    assert make(one) != before


def test_a_failure_leaves_nothing_and_is_tried_again() -> None:
    def fail(new: Path) -> None:
        (new / "half.txt").write_text("half")
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network"):
        cache.made("disk", ["a"], fail)

    assert not (make("a") / "half.txt").exists()


def test_a_tree_is_all_of_its_files_by_their_paths_without_byte_code(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "a/__pycache__").mkdir(parents=True)
    (root / "a/one.py").write_text("1")
    (root / "a/__pycache__/one.pyc").write_text("code")
    before = make(*cache.tree(root))

    (root / "a/__pycache__/one.pyc").write_text("other code")
    assert make(*cache.tree(root)) == before
    (root / "a/one.py").rename(root / "one.py")
    assert make(*cache.tree(root)) != before
