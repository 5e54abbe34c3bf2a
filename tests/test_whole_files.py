"""A file or a folder is whole, or what it was before."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from condense_ns.errors import UserError
from condense_ns.whole_files import (
    check_output_file,
    check_output_folder,
    refuse_to_overwrite,
    whole_file,
    whole_folder,
    write_text,
)


def test_text_replaces_the_old_file_whole(tmp_path):
    write_text(tmp_path / "file", "a much longer text")
    write_text(tmp_path / "file", "é")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "é"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_it_if_they_may_read_other_files(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "weights") as unfinished:
            save_file({"a": torch.zeros(2)}, unfinished)
    finally:
        os.umask(before)
    assert (tmp_path / "weights").stat().st_mode & 0o777 == mode


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


def fill(path, **contents):
    """Write a folder of text files."""
    with whole_folder(path) as unfinished:
        for name, content in contents.items():
            (unfinished / name).write_text(content)


def contents_of(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    fill(tmp_path / "above" / "folder", a="old", b="old")
    fill(tmp_path / "above" / "folder", a="new", b="new", c="new")
    assert contents_of(tmp_path / "above" / "folder") == {"a": "new", "b": "new", "c": "new"}
    assert [path.name for path in (tmp_path / "above").iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("error", "shown"), [(OSError(28, "No space left"), UserError), (ValueError(), ValueError)]
)
def test_what_goes_wrong_halfway_leaves_the_old_folder_and_nothing_else(tmp_path, error, shown):
    fill(tmp_path / "folder", a="old")

    def write_half() -> None:
        with whole_folder(tmp_path / "folder") as unfinished:
            (unfinished / "a").write_text("ne")
            raise error

    with pytest.raises(shown):
        write_half()
    assert contents_of(tmp_path / "folder") == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_file_that_was_to_be_read_is_named_and_not_the_one_to_be_written(tmp_path, whole):
    with (
        pytest.raises(UserError, match=r"input cannot be used \(No such file.* put it back"),
        whole(tmp_path / "output"),
    ):
        (tmp_path / "input").read_text()
    with (
        pytest.raises(UserError, match=r"output cannot be written \(No such file.*choose another"),
        whole(tmp_path / "output") as unfinished,
    ):
        (unfinished / "lost" / "x").write_text("")
    assert not list(tmp_path.iterdir())


def test_the_old_folder_returns_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    fill(tmp_path / "folder", a="old")
    rename = Path.rename

    def fail_for_the_new_one(self, target):
        if self.suffix == ".tmp":
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises(UserError, match=r"folder cannot be written \(Permission denied\)"):
        fill(tmp_path / "folder", a="new")
    assert contents_of(tmp_path / "folder") == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_with_files_of_others_is_never_deleted(tmp_path):
    fill(tmp_path / "folder", a="old")
    (tmp_path / "folder" / "below").mkdir()
    (tmp_path / "folder" / "below" / "mine").write_text("dear")
    with pytest.raises(UserError, match=r"folder holds below/mine, .*; choose another folder"):
        fill(tmp_path / "folder", a="new")
    assert (tmp_path / "folder" / "a").read_text() == "old"
    assert (tmp_path / "folder" / "below" / "mine").read_text() == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_files_of_an_older_run_may_go_and_others_are_told_of_before_the_work(tmp_path):
    place, ours = tmp_path / "made", ("views/*.png", "film.mp4")
    for name in ("views/0.png", "views/1.png", "film.mp4"):
        write_text(place / name, "old")
    with whole_folder(place, ours) as folder:
        write_text(folder / "views" / "0.png", "new")
    assert [file.name for file in place.rglob("*.*")] == ["0.png"]
    write_text(place / "notes.txt", "mine")
    with (
        pytest.raises(UserError, match=r"holds notes\.txt, which would be deleted"),
        whole_folder(place, ours),
    ):
        raise AssertionError("the work began")
    assert (place / "notes.txt").read_text() == "mine"
    assert (place / "views" / "0.png").read_text() == "new"


def test_a_file_in_the_place_of_a_folder_is_told_of_before_the_work(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(
            UserError, match=r"file cannot be written \(it is no folder\); choose another"
        ),
        whole_folder(tmp_path / "file"),
    ):
        raise AssertionError("the work began")
    assert contents_of(tmp_path) == {"file": "mine"}


def test_places_that_can_be_written_to_are_let_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").write_text("old")
    for file in (Path("new"), tmp_path / "a" / "b" / "new", tmp_path / "old"):
        check_output_file(file)
    for folder in (Path(), tmp_path, tmp_path / "a" / "b"):
        check_output_folder(folder, "--out")
    assert contents_of(tmp_path) == {"old": "old"}


def test_places_that_cannot_be_written_to_are_told_with_their_option(tmp_path, monkeypatch):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=rf"--output-path is {tmp_path}, which is a folder; name"):
        check_output_file(tmp_path)
    for below in (file / "x", file / "x" / "y", link / "x"):
        with pytest.raises(
            UserError, match=r" as .*(file|link) is no folder; choose another --output-path"
        ):
            check_output_file(below)
    for place in (file, file / "x"):
        with pytest.raises(
            UserError, match=rf"{place} cannot .* as {file} is no folder; choose another --out"
        ):
            check_output_folder(place, "--out")
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # whoever is root may do anything
    with pytest.raises(UserError, match=f"as {tmp_path} takes no files of yours; choose another"):
        check_output_file(tmp_path / "new" / "file")
    assert file.read_text() == "mine"


def test_what_was_given_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse_to_overwrite(Path("a.png"), (Path("a.npz"), tmp_path / "b.png"))
    with pytest.raises(UserError, match=r"a\.png would be overwritten; choose another"):
        refuse_to_overwrite(Path("a.png"), (Path("a.npz"), tmp_path / "a.png"))


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    fill(tmp_path / "folder", a="old")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    fill(tmp_path / "link", a="new")
    assert (tmp_path / "link").is_symlink()
    assert contents_of(tmp_path / "folder") == {"a": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link"]


@pytest.mark.parametrize("name", ["file", "file/folder"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, name):
    (tmp_path / "file").write_text("old")
    with pytest.raises(UserError, match=rf"{name} cannot be written \(.*\); choose another"):
        fill(tmp_path / name, a="new")
    assert contents_of(tmp_path) == {"file": "old"}
