"""Clients as guides to presigned URLs have them written: no token, no size, no completion, and `Content-Type` alone on the PUT."""

import subprocess
import time
import urllib.error
import urllib.request

import pytest
import requests

from readme import commands

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.fixture
def open_service(start):
    return start(options=("--classic",))


@pytest.fixture
def api(open_service):
    return open_service.info["api"]


def test_a_file_goes_up_is_listed_comes_back_and_goes_away(api):
    asked = requests.post(f"{api}/request-upload", json={"filename": "report.pdf", "content_type": "application/pdf"})
    asked.raise_for_status()
    answer = asked.json()
    stored = requests.put(answer["upload_url"], data=b"%PDF-1.7", headers={"Content-Type": "application/pdf"})
    assert stored.status_code == 200, stored.text

    (listed,) = requests.get(f"{api}/files").json()["files"]
    assert (listed["key"], listed["size"]) == (answer["file_key"], 8)

    download = requests.get(f"{api}/request-download/{answer['file_key']}").json()
    assert requests.get(download["download_url"]).content == b"%PDF-1.7"
    assert download["expires_in"] > 0

    deleted = requests.delete(f"{api}/files/{answer['file_key']}")
    assert deleted.status_code == 200 and deleted.json()["message"]
    assert requests.get(f"{api}/request-download/{answer['file_key']}").status_code == 404
    assert requests.get(f"{api}/files").json() == {"files": []}


def test_an_image_is_put_with_its_type_and_read_below_the_public_base(api):
    base = f"{api}/public/images"
    image = requests.post(f"{api}/api/images/presigned", json={"contentType": "image/png"}).json()
    # As fetch(url, {method: 'PUT', headers: {'Content-Type': …}, body}) sends it, and nothing else.
    put = urllib.request.Request(image["presignedUrl"], data=PNG, method="PUT", headers={"Content-Type": "image/png"})
    assert urllib.request.urlopen(put).status == 200
    with urllib.request.urlopen(f"{base}/{image['fileName']}") as shown:
        assert shown.read() == PNG
        assert shown.headers["content-type"] == "image/png"
    # Whoever still holds the URL changes nothing that can be seen.
    put = urllib.request.Request(image["presignedUrl"], data=b"other", method="PUT", headers={"Content-Type": "image/png"})
    assert urllib.request.urlopen(put).status == 200
    assert urllib.request.urlopen(f"{base}/{image['fileName']}").read() == PNG
    other = urllib.request.Request(image["presignedUrl"], data=PNG, method="PUT", headers={"Content-Type": "text/html"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(other)
    assert refused.value.code == 403


def test_what_nobody_asks_for_becomes_a_file_by_itself(open_service, api):
    answer = requests.post(f"{api}/request-upload", json={"filename": "a.txt"}).json()
    requests.put(answer["upload_url"], data=b"hello").raise_for_status()
    guest = open_service.as_subject("anonymous")
    deadline = time.monotonic() + 60
    while not (files := guest.files()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert [file["key"] for file in files] == [answer["file_key"]]


def test_without_the_option_a_token_is_asked_for_and_works(shared):
    api = shared.info["api"]
    assert requests.get(f"{api}/files").status_code == 401
    headers = {"Authorization": f"Bearer {shared.info['token']}"}
    assert requests.get(f"{api}/files", headers=headers).status_code == 200
    image = requests.post(f"{api}/api/images/presigned", headers=headers, json={"contentType": "image/png"})
    assert image.status_code == 404


def test_a_page_of_elsewhere_is_not_let_in_without_a_token(api):
    for origin, status in [("http://localhost:5173", 200), ("https://evil.example", 401)]:
        assert requests.get(f"{api}/files", headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize("name", ["files", "images"])
def test_what_the_page_says_can_be_pasted(api, tmp_path, name):
    script = commands(name, "docs/classic.md").replace("http://127.0.0.1:8080", api)
    (tmp_path / "cat.png").write_bytes(PNG)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "back.png").read_bytes() == PNG
