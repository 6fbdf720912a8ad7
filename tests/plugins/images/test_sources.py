"""Where files are looked for, what is believed of them, and how missing ones are fetched."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from symbench_images import sources
from symbench_images.sources import Remote, Stamp, fetch, find, unavailable, verify

from symbench import InputError

CONTENT = b"the published bytes"
MD5 = "d862f83a378199d29b340f2cd485cb95"


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
    sources._answers.cache_clear()
    yield f"http://127.0.0.1:{mirror.server_port}", asked
    mirror.shutdown()
    mirror.server_close()
    sources._answers.cache_clear()


def remote(*urls: str) -> Remote:
    return Remote("set/raw/file", MD5, urls)


def test_the_chosen_directory_is_looked_in_before_the_cache(data_directory, tmp_path):
    assert find("set/file") is None
    cached = tmp_path / "cache" / "symbench" / "data" / "set" / "file"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert find("set/file") == cached
    (data_directory / "set").mkdir()
    (data_directory / "set" / "file").write_bytes(CONTENT)
    assert find("set/file") == data_directory / "set" / "file"


def test_a_file_with_another_checksum_is_refused_by_name(data_directory):
    file = data_directory / "file"
    file.write_bytes(CONTENT)
    verify(Stamp.of(file), MD5)
    file.write_bytes(b"tampered with")
    with pytest.raises(InputError, match=r"data/file is not the published file.*fetch it again"):
        verify(Stamp.of(file), MD5)


def test_a_checksum_is_computed_once_until_the_file_changes(data_directory):
    file = data_directory / "file"
    file.write_bytes(CONTENT)
    sources._md5.cache_clear()
    for _ in range(3):
        verify(Stamp.of(file), MD5)
    assert sources._md5.cache_info().misses == 1
    os.utime(file, ns=(0, 0))
    verify(Stamp.of(file), MD5)
    assert sources._md5.cache_info().misses == 2


def test_offline_nothing_is_asked_and_the_mend_is_named(data_directory):
    reason = unavailable(remote("http://127.0.0.1:9/file"))
    assert "SYMBENCH_OFFLINE" in reason
    assert "set SYMBENCH_DATA to a directory with set/raw/file" in reason
    assert "\n" not in reason
    with pytest.raises(InputError, match="SYMBENCH_OFFLINE"):
        fetch(remote("http://127.0.0.1:9/file"))
    assert not (data_directory / "set").exists()


def test_a_server_that_does_not_answer_is_named_with_the_mend(server):
    reason = unavailable(remote("http://127.0.0.1:9/file"))
    assert "127.0.0.1:9 does not answer" in reason
    assert "connect to the network" in reason
    with pytest.raises(InputError) as caught:
        fetch(remote("http://127.0.0.1:9/file"))
    assert str(caught.value) == reason


def test_the_probe_downloads_nothing_and_is_made_once(server, data_directory):
    url, asked = server
    for _ in range(3):
        assert unavailable(remote(f"{url}/nothing", f"{url}/good/file")) is None
    assert asked == [("HEAD", "/nothing"), ("HEAD", "/good/file")]
    assert list(data_directory.iterdir()) == []


def test_a_missing_file_comes_from_the_first_mirror_that_has_the_published_one(
    server, data_directory
):
    url, _ = server
    urls = ["http://127.0.0.1:9/file", f"{url}/nothing", f"{url}/other/file", f"{url}/good/file"]
    assert fetch(remote(*urls)) == data_directory / "set" / "raw" / "file"
    assert (data_directory / "set" / "raw" / "file").read_bytes() == CONTENT


def test_a_download_with_another_checksum_leaves_no_file(server, data_directory):
    url, _ = server
    with pytest.raises(InputError, match=r"set/raw/file cannot be downloaded.*SYMBENCH_DATA"):
        fetch(remote(f"{url}/other/file"))
    assert [entry for entry in data_directory.rglob("*") if entry.is_file()] == []


def test_a_directory_that_cannot_be_written_is_left_alone(server, data_directory, monkeypatch):
    url, _ = server
    monkeypatch.setattr(os, "access", lambda path, mode: path != data_directory)
    path = fetch(remote(f"{url}/good/file"))
    assert data_directory not in path.parents
    assert find("set/raw/file") == path
