"""A cached file is believed only if it is whole, regular, and in a folder of this user only."""

from __future__ import annotations

import logging
import os
import stat

import pytest

from symbench import disk_cache
from symbench.disk_cache import load, path_of, save


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "cache"))
    disk_cache._warn_of.cache_clear()
    return path_of("things", "what")


def read(path):
    return load(path, bytes)


def test_what_is_saved_is_loaded(path):
    assert read(path) is None
    for content in (b"", b"content\nof lines", bytes(range(256))):
        save(path, content)
        assert read(path) == content


def test_the_folders_are_for_the_user_only(path):
    before = os.umask(0)
    try:
        save(path, b"content")
    finally:
        os.umask(before)
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"x" + b[1:]])
def test_a_damaged_file_is_noticed_and_named(path, caplog, spoil):
    save(path, b"content")
    path.write_bytes(spoil(path.read_bytes()))
    assert read(path) is None
    assert f"{path} is damaged" in caplog.text
    save(path, b"content")
    assert read(path) == b"content"


def test_the_file_of_another_result_is_noticed(path, caplog):
    other = path_of("things", "other")
    save(other, b"poison")
    path.write_bytes(other.read_bytes())
    assert read(path) is None
    assert "damaged" in caplog.text


@pytest.mark.parametrize("place", ["parent", "grandparent"])
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_refused_with_one_warning(path, caplog, place, mode):
    save(path, b"content")
    folder = path.parent if place == "parent" else path.parent.parent
    folder.chmod(mode)
    assert read(path) is read(path) is None
    save(path_of("things", "other"), b"content")
    folder.chmod(0o700)
    assert read(path_of("things", "other")) is None
    assert read(path) == b"content"
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert str(folder) in warnings[0].getMessage()


def test_a_folder_of_another_user_is_refused(path, monkeypatch, caplog):
    save(path, b"content")
    monkeypatch.setattr(os, "geteuid", lambda: path.parent.stat().st_uid + 1)
    assert read(path) is None
    assert "belongs to another user" in caplog.text


def test_a_pipe_in_place_of_a_file_hangs_nothing_and_is_replaced(path):
    save(path, b"content")
    path.unlink()
    os.mkfifo(path)
    assert read(path) is None
    save(path, b"content")
    assert read(path) == b"content"


def test_a_link_is_not_followed(path, tmp_path):
    save(path, b"content")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert read(path) is None
    save(path, b"content")
    assert not path.is_symlink()


def test_a_folder_in_place_of_a_file_does_no_harm(path):
    path.mkdir(parents=True)
    path.parent.chmod(0o700)
    path.parent.parent.chmod(0o700)
    save(path, b"content")
    assert read(path) is None


def test_content_that_cannot_be_parsed_counts_as_missing(path):
    save(path, b"content")
    assert load(path, int) is None
