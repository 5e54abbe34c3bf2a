"""A file is whole, or what it was before."""

import pytest

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file, write_text


def test_text_replaces_the_old_file_whole(tmp_path):
    write_text(tmp_path / "file", "a much longer text")
    write_text(tmp_path / "file", "é")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "é"


@pytest.mark.parametrize(
    ("error", "shown"), [(OSError(28, "No space left"), UserError), (ValueError(), ValueError)]
)
def test_what_goes_wrong_halfway_leaves_the_old_file_and_nothing_else(tmp_path, error, shown):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text("ne")
            raise error

    with pytest.raises(shown):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_made_and_one_that_cannot_be_made_is_named(tmp_path):
    write_text(tmp_path / "new" / "file", "x")
    assert (tmp_path / "new" / "file").read_text() == "x"
    with pytest.raises(UserError, match=r"file/below cannot be written \(.*\); choose another"):
        write_text(tmp_path / "new" / "file" / "below", "x")
