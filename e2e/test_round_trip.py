"""Files go up and come back: through the command line, byte for byte, and past the API."""

import json
import os
import stat
import subprocess

import pytest

from service import GIB, MIB, make_file, sha256

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")

FILES = {
    "photo.jpg": (4_000_000, JPEG),
    "empty.txt": (0, b""),
    'my "best" photo \'26 😀.jpg': (123_457, JPEG),
    "exactly one part.bin": (16 * MIB, b""),
    "two parts.bin": (16 * MIB + 1, b""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_with_the_same_bytes_and_its_own_name(shared, tmp_path, name):
    size, start = FILES[name]
    original = make_file(tmp_path / name, size, start)
    (file,) = shared.put(original)
    assert (file["filename"], file["size"]) == (name, size)
    assert file["integrity"] in ("checksum", "rehash")

    shared.cli("get", file["id"], tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(original)

    listing = shared.cli("ls").stdout
    assert file["id"] in listing and name in listing

    # Without a place to put it, it gets its own name in the current folder.
    (tmp_path / "here").mkdir()
    shared.cli("get", file["id"], cwd=tmp_path / "here")
    assert sha256(tmp_path / "here" / name) == sha256(original)


def test_folders_and_patterns_are_put_whole(shared, tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(3):
        make_file(folder / f"{number}.jpg", 1000, JPEG)
    make_file(folder / "note.txt", 10)
    assert len(shared.put(folder)) == 4
    assert len(shared.put(f"{folder}/*.jpg")) == 3


def test_a_removed_file_is_gone(shared, tmp_path):
    (file,) = shared.put(make_file(tmp_path / "gone.txt", 10))
    shared.cli("rm", file["id"])
    assert file["id"] not in shared.cli("ls").stdout
    assert shared.cli("get", file["id"], tmp_path / "no", check=False).returncode != 0
    assert not (tmp_path / "no").exists()


def test_a_file_that_cannot_be_read_is_named_and_fails_the_put(shared, tmp_path):
    result = shared.cli("put", tmp_path / "absent.txt", check=False)
    assert result.returncode != 0 and "absent.txt" in result.stderr


def test_a_gigabyte_passes_the_api_by_and_needs_little_memory(start, tmp_path):
    service = start()
    original = make_file(tmp_path / "film.bin", GIB)
    before = service.api_bytes()
    (file,) = service.put(original, timeout=600)
    service.cli("get", file["id"], tmp_path / "back", timeout=600)
    assert sha256(tmp_path / "back") == sha256(original)
    assert file["integrity"] == "checksum"
    assert service.api_bytes() - before < MIB
    assert service.peak_rss() < 128 * MIB


def test_dev_prints_a_curl_that_uploads_a_file_when_pasted(start, tmp_path):
    service = start()
    printed = read_until_ready(service)
    assert service.info["api"] in printed
    command = pasted_curl(printed)
    assert service.api.files() == []
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, check=True, timeout=60)
    (file,) = service.api.files()
    assert file["size"] > 0


def test_secrets_are_made_at_random_and_kept_from_others(start):
    first, second = start(), start()
    assert first.info["store"]["secret_key"] != second.info["store"]["secret_key"]
    assert stat.S_IMODE(first.dev_json.stat().st_mode) == 0o600
    for folder, _, names in os.walk(first.data_dir):
        for name in names:
            path = os.path.join(folder, name)
            text = open(path, "rb").read()
            if first.info["store"]["secret_key"].encode() in text or b"secret" in name.encode():
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    # A token of one is worth nothing to the other.
    second.api.token = first.info["token"]
    assert second.api.call("GET", "/v1/files").status == 401


def test_dev_remembers_everything_across_a_restart(start, tmp_path):
    service = start()
    (file,) = service.put(make_file(tmp_path / "kept.txt", 1000))
    old = json.loads(service.dev_json.read_text())
    assert service.stop() == 0
    service.start()
    assert [kept["id"] for kept in service.api.files()] == [file["id"]]
    assert service.info["store"]["secret_key"] == old["store"]["secret_key"]
    service.cli("get", file["id"], tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(tmp_path / "kept.txt")


def read_until_ready(service) -> str:
    """What `dev` has printed by now; it has printed everything before `/readyz` turned 200."""
    os.set_blocking(service.process.stdout.fileno(), False)
    return (service.process.stdout.read() or b"").decode()


def pasted_curl(printed: str) -> str:
    """The command as a person would copy it: the paragraph that has `curl` in it."""
    (paragraph,) = [part for part in printed.split("\n\n") if "curl " in part]
    return paragraph
