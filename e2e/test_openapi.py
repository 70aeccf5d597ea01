"""The API's description: checked in, valid, and true."""

import json
import subprocess

from openapi_spec_validator import OpenAPIV31SpecValidator

from fuzz import fuzz
from service import BINARY, ROOT

CHECKED_IN = ROOT / "openapi.json"


def test_the_checked_in_description_is_what_the_binary_says():
    printed = subprocess.run([BINARY, "openapi"], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == json.loads(CHECKED_IN.read_text())


def test_the_running_service_serves_the_same(shared):
    answer = shared.api.session.get(shared.info["api"] + "/openapi.json")
    assert answer.json() == json.loads(CHECKED_IN.read_text())


def test_it_is_valid_openapi_3_1():
    description = json.loads(CHECKED_IN.read_text())
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()


def test_a42_every_operation_but_the_public_ones_needs_a_token(shared):
    public = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/.well-known/jwks.json", "/c/{token}",
              "/l/{token}", "/d/{token}", "/d/{token}/{filename}", "/public/{bucket}/{name}"}
    paths = json.loads(CHECKED_IN.read_text())["paths"]
    assert paths
    for path, operations in paths.items():
        for method in operations.keys() & {"get", "post", "put", "patch", "delete"}:
            url = shared.info["api"] + path.replace("{id}", "0199a4c1-7a2e-7cc0-9f3b-5b1f0c0d9e77")
            status = shared.api.session.request(method, url, allow_redirects=False).status_code
            assert (status == 401) == (path not in public), (method, path, status)


def test_a22_generated_requests_of_two_tenants_meet_no_5xx_and_nothing_of_each_other(start, tmp_path):
    service = start()
    ok, said = fuzz(service, tmp_path / "fuzz", examples=5)
    assert ok, said
