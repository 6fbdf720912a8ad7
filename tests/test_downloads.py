"""Where data files are looked for, how they are checked, and how missing ones are downloaded."""

from __future__ import annotations

import hashlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from symbench import InputError, downloads
from symbench.downloads import RemoteFile, Stamp, find, verify

CONTENT = b"the published bytes"
MD5 = "md5:d862f83a378199d29b340f2cd485cb95"
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def server(data_directory, monkeypatch):
    """A mirror that serves ``/good/file``, other bytes as ``/other/file`` and nothing else."""
    monkeypatch.delenv("SYMBENCH_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    asked = []

    class Mirror(BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append((self.command, self.path))
            body = {"/good/file": CONTENT, "/other/file": b"something else"}.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            return body or b""

        def do_GET(self):
            self.wfile.write(self.do_HEAD())

        def log_message(self, *args):
            pass

    mirror = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=mirror.serve_forever, daemon=True)
    thread.start()
    downloads._answers.cache_clear()
    yield f"http://127.0.0.1:{mirror.server_port}", asked
    mirror.shutdown()
    mirror.server_close()
    downloads._answers.cache_clear()


def remote(*urls: str, checksum: str = MD5) -> RemoteFile:
    return RemoteFile("set/raw/file", checksum, urls)


def test_the_chosen_directory_is_looked_in_before_the_cache(data_directory, tmp_path):
    assert find("set/file") is None
    cached = tmp_path / "cache" / "symbench" / "data" / "set" / "file"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert find("set/file") == cached
    (data_directory / "set").mkdir()
    (data_directory / "set" / "file").write_bytes(CONTENT)
    assert find("set/file") == data_directory / "set" / "file"


@pytest.mark.parametrize("checksum", [MD5, MD5.replace("d862f", "D862F"), SHA256])
def test_a_file_with_another_checksum_is_refused_by_name(data_directory, checksum):
    file = data_directory / "file"
    file.write_bytes(CONTENT)
    verify(Stamp.of(file), checksum)
    file.write_bytes(b"tampered with")
    with pytest.raises(InputError, match=r"data/file is not the published file.*fetch it again"):
        verify(Stamp.of(file), checksum)


def test_a_checksum_is_computed_once_until_the_file_changes(data_directory):
    file = data_directory / "file"
    file.write_bytes(CONTENT)
    downloads._digest.cache_clear()
    for _ in range(3):
        verify(Stamp.of(file), MD5)
    assert downloads._digest.cache_info().misses == 1
    os.utime(file, ns=(0, 0))
    verify(Stamp.of(file), MD5)
    assert downloads._digest.cache_info().misses == 2


def test_offline_nothing_is_asked_and_the_way_out_is_named(data_directory):
    reason = remote("http://127.0.0.1:9/file").unavailable()
    assert "SYMBENCH_OFFLINE" in reason
    assert "set SYMBENCH_DATA to a directory with set/raw/file" in reason
    assert "\n" not in reason
    with pytest.raises(InputError, match="SYMBENCH_OFFLINE"):
        remote("http://127.0.0.1:9/file").fetch()
    assert not (data_directory / "set").exists()


def test_a_server_that_does_not_answer_is_named_with_the_way_out(server):
    reason = remote("http://127.0.0.1:9/file").unavailable()
    assert "127.0.0.1:9 does not answer" in reason
    assert "connect to the network" in reason
    with pytest.raises(InputError) as caught:
        remote("http://127.0.0.1:9/file").fetch()
    assert str(caught.value) == reason


def test_the_probe_downloads_nothing_and_is_made_once(server, data_directory):
    url, asked = server
    for _ in range(3):
        assert remote(f"{url}/nothing", f"{url}/good/file").unavailable() is None
    assert asked == [("HEAD", "/nothing"), ("HEAD", "/good/file")]
    assert list(data_directory.iterdir()) == []


def test_a_missing_file_comes_from_the_first_mirror_that_has_the_published_one(
    server, data_directory
):
    url, _ = server
    urls = ["http://127.0.0.1:9/file", f"{url}/nothing", f"{url}/other/file", f"{url}/good/file"]
    assert remote(*urls).fetch() == data_directory / "set" / "raw" / "file"
    assert (data_directory / "set" / "raw" / "file").read_bytes() == CONTENT


def test_a_download_with_another_checksum_leaves_no_file(server, data_directory):
    url, _ = server
    with pytest.raises(InputError, match=r"set/raw/file cannot be downloaded.*SYMBENCH_DATA"):
        remote(f"{url}/other/file").fetch()
    assert [entry for entry in data_directory.rglob("*") if entry.is_file()] == []


def test_a_directory_that_cannot_be_written_is_not_used(server, data_directory, monkeypatch):
    url, _ = server
    monkeypatch.setattr(os, "access", lambda path, mode: path != data_directory)
    path = remote(f"{url}/good/file").fetch()
    assert data_directory not in path.parents
    assert find("set/raw/file") == path


@pytest.mark.parametrize("checksum", ["", "md5:", "d862f83a378199d29b340f2cd485cb95", "crc:1234"])
def test_a_checksum_without_a_known_algorithm_is_refused(checksum):
    with pytest.raises(InputError, match=r"write it as 'md5:…' or 'sha256:…'"):
        RemoteFile("set/file", checksum)


@pytest.mark.parametrize("checksum", [MD5, SHA256])
def test_a_file_that_is_here_is_checked_and_nothing_is_asked(data_directory, checksum):
    file = data_directory / "set" / "raw" / "file"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    wanted = remote("http://127.0.0.1:9/file", checksum=checksum)
    assert (wanted.unavailable(), wanted.find(), wanted.fetch()) == (None, file, file)
    file.write_bytes(b"tampered with")
    assert "is not the published file" in wanted.unavailable()
    with pytest.raises(InputError, match="is not the published file"):
        wanted.fetch()


def test_a_directory_in_place_of_a_file_is_not_the_file(data_directory):
    (data_directory / "set" / "raw" / "file").mkdir(parents=True)
    assert remote().find() is None
    assert find("set/raw/file") == data_directory / "set" / "raw" / "file"


def test_a_file_that_is_served_nowhere_has_to_be_put_there(server):
    reason = remote().unavailable()
    assert "cannot be downloaded; set SYMBENCH_DATA to a directory with set/raw/file" in reason


def test_without_a_chosen_directory_the_cache_is_used(data_directory, tmp_path, monkeypatch):
    monkeypatch.delenv("SYMBENCH_DATA")
    assert downloads.data_directories() == (tmp_path / "cache" / "symbench" / "data",)
    monkeypatch.setenv("SYMBENCH_DATA", "~/sets")
    assert downloads.data_directories()[0] == Path.home() / "sets"


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_any_value_but_0_forbids_the_network(monkeypatch, value, expected):
    monkeypatch.setenv("SYMBENCH_OFFLINE", value)
    assert downloads.offline() is expected
