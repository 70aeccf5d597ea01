"""`deploy/`: linted by the tools people use, rendered, and run as far as one machine can without containers."""

import json
import platform
import re
import shlex
import shutil
import subprocess
import tomllib

import kubernetes_validate
import pytest
import requests
import yaml

from conftest import s3_client
from deployed import CHART, DEPLOY, EVERYTHING, TOOLS, Serving, helm, here, rendered, run
from engines import free_ports
from service import BINARY, ROOT, die_with_parent

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PAGE = (ROOT / "docs/deploy.md").read_text()


@pytest.fixture
def secrets(tmp_path):
    """The files of an operator's secrets, by every name that `deploy/` and its page give them."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    key = run(BINARY, "receipt", "key", "new").stdout
    for name, text in {"auth-secret": "b1946ac92492d2347c6235b4d2611184", "s3-secret": "x", "receipt-key.pem": key}.items():
        (folder / name).write_text(text)
    return folder


# The image.


def test_the_dockerfile_has_nothing_to_complain_of():
    result = run(ROOT / "target/venv/bin/hadolint", DEPLOY / "Dockerfile")
    assert result.returncode == 0, result.stdout


def instructions(name):
    """The arguments of an instruction of the last stage, as JSON lists give them."""
    stage = re.sub(r"\\\n\s*", " ", DOCKERFILE.rsplit("\nFROM ", 1)[1])
    return [json.loads(found) for found in re.findall(rf"^{name} [^\[\n]*(\[.*\])$", stage, re.M)]


def test_the_image_runs_commands_that_the_binary_knows(tmp_path):
    [entry], [command] = instructions("ENTRYPOINT"), instructions("CMD")
    assert entry == ["/usr/local/bin/valetkey"]
    started = run(BINARY, *command, cwd=tmp_path)
    # It only misses its configuration.
    assert started.returncode == 1 and "/etc/valetkey/valetkey.toml" in started.stderr, started
    [check] = [json.loads(found) for found in re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.M)]
    assert check == [*entry, "health"]
    assert re.search(r"^USER 65532:65532$", DOCKERFILE, re.M)


def test_the_last_step_of_the_build_leaves_what_the_image_takes(tmp_path):
    steps = re.findall(r"^RUN (.*)$", re.sub(r"\\\n\s*", " ", DOCKERFILE), re.M)
    built = tmp_path / f"target/{platform.machine()}-unknown-linux-musl/release/valetkey"
    built.parent.mkdir(parents=True)
    built.symlink_to(BINARY)
    done = run("sh", "-eux", "-c", steps[-1].replace("/image", str(tmp_path / "image")), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for source in re.findall(r"^COPY --from=build (?:--chown=\S+ )?/image/(\S+) ", DOCKERFILE, re.M):
        assert (tmp_path / "image" / source).exists(), source
    assert (tmp_path / "image/etc/ssl/certs/ca-certificates.crt").stat().st_size > 10_000
    assert run(tmp_path / "image/usr/local/bin/valetkey", "--version").returncode == 0


def test_the_build_sees_all_it_needs_and_no_secret(tmp_path):
    kept, dropped = [], []
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and line[0] not in "#*":
            (kept if line[0] == "!" else dropped).append(line.lstrip("!"))
    context = tmp_path / "context"
    for name in kept:
        source, target = ROOT / name, context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for name in dropped:
        shutil.rmtree(context / name)
    result = run("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version=1", cwd=context)
    assert result.returncode == 0, result.stderr
    assert {"valetkey-data", "target", ".git", "deploy"}.isdisjoint(path.name for path in context.iterdir())
    # Whatever the binary takes in from outside its crate is there, too.
    for source in context.glob("crates/*/src/**/*.rs"):
        text = source.read_text().split("#[cfg(test)]")[0]
        if source.name != "tests.rs":
            for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', text):
                assert (source.parent / name).exists(), (source, name)


# Compose.


@pytest.fixture
def composed(tmp_path):
    """compose.yaml with fresh secrets, as Docker Compose understands it; and the folder."""
    folder = tmp_path / "deploy/compose"
    shutil.copytree(DEPLOY / "compose", folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    made = run(folder / "prepare")
    assert made.returncode == 0, made.stderr
    result = run(TOOLS / "docker-compose", "--file", folder / "compose.yaml", "config", "--format=json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout), folder


def test_every_container_is_closed_and_says_how_it_is(composed):
    project, folder = composed
    assert set(project["services"]) == {"valetkey", "store", "postgres"}
    for name, service in project["services"].items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
    for name, secret in project["secrets"].items():
        path = folder / "secrets" / name
        assert secret["file"] == str(path) and path.stat().st_mode & 0o777 == 0o640, name
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700


def test_secrets_are_made_once_and_differ(composed, tmp_path):
    _, folder = composed
    again = run(folder / "prepare")
    assert again.returncode == 1 and "remove" in again.stderr
    made = [path.read_text() for path in [folder / ".env", *(folder / "secrets").iterdir()]]
    shutil.rmtree(folder / "secrets")
    (folder / ".env").unlink()
    assert run(folder / "prepare").returncode == 0
    for text in made:
        assert text not in [path.read_text() for path in [folder / ".env", *(folder / "secrets").iterdir()]]


def test_what_compose_starts_takes_a_file(composed, tmp_path):
    project, folder = composed
    secrets, [port] = folder / "secrets", [free_ports(1)]
    local = {"/run/secrets": str(secrets), "/var/lib/valetkey": str(tmp_path), "0.0.0.0:9000": f"127.0.0.1:{port}"}

    def on_this_machine(arguments):
        for old, new in local.items():
            arguments = [argument.replace(old, new) for argument in arguments]
        return arguments

    store = subprocess.Popen(
        [BINARY, *on_this_machine(project["services"]["store"]["command"])],
        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
    )
    assert "serves" in store.stdout.readline()
    config = here((folder / "valetkey.toml").read_text(), secrets, **{
        "http://store:9000": f"http://127.0.0.1:{port}", "http://localhost:9000": f"http://127.0.0.1:{port}",
    })
    with Serving(tmp_path, config) as service:
        for name, address in (("valetkey", service.url), ("store", f"http://127.0.0.1:{port}")):
            _, _, command, url = project["services"][name]["healthcheck"]["test"]
            healthy = run(BINARY, command, re.sub(r"^http://127.0.0.1:\d+", address, url))
            assert healthy.returncode == 0, (name, healthy.stderr)
        token = run(BINARY, "token", "--data-dir", secrets, "--sub", "alice").stdout.strip()
        (tmp_path / "a.txt").write_text("hello")
        put = run(BINARY, "put", "--json", "--url", service.url, "--token", token, tmp_path / "a.txt")
        assert put.returncode == 0, put.stderr
        jwks = tmp_path / "jwks.json"
        jwks.write_text(requests.get(service.url + "/.well-known/jwks.json", timeout=10).text)
        verify = [BINARY, "receipt", "verify", "--jwks", jwks, "--issuer", "http://localhost:8080"]
        good = run(*verify, input=json.loads(put.stdout)["receipt"])
        assert good.returncode == 0, good.stderr
    store.terminate()
    assert store.wait(15) == 0
    store.stdout.close()


# Kubernetes.


def test_the_chart_has_nothing_to_complain_of():
    result = helm("lint", "--strict", CHART)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["as it is", "with everything"])
def test_what_the_chart_makes_is_what_kubernetes_takes(values):
    objects = rendered(**values)
    kinds = {kind for kind, _ in objects}
    assert {"Deployment", "Service", "ConfigMap", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"} <= kinds
    assert ({"HorizontalPodAutoscaler", "ServiceMonitor"} <= kinds) == (values is EVERYTHING)
    for (kind, name), one in objects.items():
        # The operator's own kind has no schema in Kubernetes.
        if kind != "ServiceMonitor":
            kubernetes_validate.validate(one, "1.37", strict=True)


def pod(objects):
    return objects["Deployment", "valetkey"]["spec"]["template"]


def test_everything_that_selects_finds_the_pods():
    objects = rendered(**EVERYTHING)
    labels = pod(objects)["metadata"]["labels"].items()
    found = lambda selector: selector.items() <= labels  # noqa: E731
    deployment = objects["Deployment", "valetkey"]["spec"]
    assert found(deployment["selector"]["matchLabels"])
    assert "replicas" not in deployment, "the autoscaler decides how many there are"
    assert found(objects["PodDisruptionBudget", "valetkey"]["spec"]["selector"]["matchLabels"])
    assert found(objects["NetworkPolicy", "valetkey"]["spec"]["podSelector"]["matchLabels"])
    for spread in pod(objects)["spec"]["topologySpreadConstraints"]:
        assert found(spread["labelSelector"]["matchLabels"])
    [container] = pod(objects)["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name in ("valetkey", "valetkey-metrics"):
        service = objects["Service", name]["spec"]
        assert found(service["selector"])
        assert {port["targetPort"] for port in service["ports"]} <= ports.keys()
    monitor = objects["ServiceMonitor", "valetkey"]["spec"]
    watched = objects["Service", "valetkey-metrics"]
    assert monitor["selector"]["matchLabels"].items() <= watched["metadata"]["labels"].items()
    assert not monitor["selector"]["matchLabels"].items() <= objects["Service", "valetkey"]["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == watched["spec"]["ports"][0]["name"]
    target = objects["HorizontalPodAutoscaler", "valetkey"]["spec"]
    assert target["scaleTargetRef"]["name"] == "valetkey"
    assert [metric["type"] for metric in target["metrics"]] == ["Resource", "External"]


def test_the_queue_it_scales_by_is_a_metric_of_the_service(shared):
    objects = rendered(**EVERYTHING)
    queue = objects["HorizontalPodAutoscaler", "valetkey"]["spec"]["metrics"][1]["external"]
    assert f"\n{queue['metric']['name']}{{" in shared.metrics()


def test_pods_are_closed_and_have_time_to_end():
    spec = pod(rendered())["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # It ends within ten seconds of SIGTERM, which comes after preStop.
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= waits + 10
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert path in ("/healthz", "/readyz")
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_the_charts_own_configuration_is_one_the_service_takes(secrets, tmp_path):
    text = rendered()["ConfigMap", "valetkey"]["data"]["valetkey.toml"]
    config = tomllib.loads(text)
    [container] = pod(rendered())["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert config["listen"] == f"0.0.0.0:{ports['http']}"
    assert config["metrics_listen"] == f"0.0.0.0:{ports['metrics']}"
    with Serving(tmp_path, here(text, secrets)) as service:
        assert requests.get(service.url + "/healthz", timeout=10).status_code == 200


@pytest.mark.parametrize("values", [
    {"imag.tag": "x"},
    {"config": "[auth]\nsecret = 'hunter2hunter2'"},
    {"config": "listen = 'x'"},
    {"autoscaling.cpu": "0"},
    {"existingSecret": ""},
], ids=lambda values: next(iter(values)))
def test_values_that_cannot_work_are_refused(values):
    pairs = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    result = helm("template", "valetkey", CHART, *pairs)
    assert result.returncode != 0 and "schema" in result.stderr, result.stdout[:500]


# systemd.


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_units_are_right_and_closed(unit, tmp_path):
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/local/bin/valetkey", str(BINARY)))
    verified = run("systemd-analyze", "verify", copy)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    # Of 10, where 10 is open; the threshold counts tenths.
    closed = run("systemd-analyze", "security", "--offline=true", "--threshold=15", copy)
    assert closed.returncode == 0, closed.stdout[-200:]


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_units_run_commands_that_the_binary_knows(unit):
    text = unit.read_text().replace("\\\n", " ")
    [command] = re.findall(r"^ExecStart=(.*)$", text, re.M)
    words = shlex.split(command)
    assert words[0] == "/usr/local/bin/valetkey"
    helped = run(BINARY, words[1], "--help").stdout
    for option in [word for word in words if word.startswith("--")]:
        assert option in helped, option


# The bucket.


def test_the_buckets_rules_let_browsers_do_what_they_must(start):
    service = start()
    cors, lifecycle = (json.loads((DEPLOY / f"s3/{name}.json").read_text()) for name in ("cors", "lifecycle"))
    client, bucket = s3_client(service), service.info["store"]["bucket"]
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=lifecycle)
    checksum = {"algorithm": "crc64nvme", "value": "M3eFcAZSQlc="}
    wishes = [service.api.created(size=5, checksum=checksum)["request"]]
    wishes.append(service.api.created(size=40_000_000)["parts"][0]["request"])
    for request in wishes:
        asked = ", ".join(sorted(name.lower() for name in request["headers"]))
        origin = cors["CORSRules"][0]["AllowedOrigins"][0]
        headers = {"Origin": origin, "Access-Control-Request-Method": request["method"]}
        if asked:
            headers["Access-Control-Request-Headers"] = asked
        answer = requests.options(request["url"], headers=headers, timeout=10)
        assert answer.status_code == 200, (asked, answer.text)
        assert answer.headers["access-control-allow-origin"] == origin
        headers["Origin"] = "https://evil.example"
        assert requests.options(request["url"], headers=headers, timeout=10).status_code == 403


def test_a32_the_policy_allows_what_the_service_does_and_limits_the_age_of_signatures():
    policy = json.loads((DEPLOY / "s3/policy.json").read_text())
    allowed = {action for one in policy["Statement"] if one["Effect"] == "Allow" for action in one["Action"]}
    # GET and HEAD, PUT with copies and all of multipart, DELETE also of versions, and the lists of objects, uploads,
    # parts and versions.
    assert allowed == {"s3:" + name for name in (
        "GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion", "AbortMultipartUpload",
        "ListMultipartUploadParts", "ListBucket", "ListBucketMultipartUploads", "ListBucketVersions",
    )}
    security = (ROOT / "SECURITY.md").read_text()
    for action in allowed:
        assert f"`{action.removeprefix('s3:')}`" in security, action
    rules = tomllib.loads((ROOT / "config.example.toml").read_text())["buckets"]["files"]["rules"]
    [age] = [one["Condition"]["NumericGreaterThan"]["s3:signatureAge"] for one in policy["Statement"]
             if "NumericGreaterThan" in one.get("Condition", {})]
    assert int(age) == rules["max_expires_in"] * 1000
    lifecycle = json.loads((DEPLOY / "s3/lifecycle.json").read_text())["Rules"]
    days = min(one.get("Expiration", {}).get("Days") or one["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
               for one in lifecycle)
    assert days * 86_400 > 604_800 + rules["session_ttl_seconds"]


# The page.


def test_the_pages_configuration_is_one_the_service_takes(secrets, tmp_path):
    [block] = re.findall(r"```toml\n(listen.*?)```", PAGE, re.S)
    with Serving(tmp_path, here(block, secrets)) as service:
        assert requests.get(service.url + "/healthz", timeout=10).status_code == 200


def test_the_page_names_files_that_are_there():
    for target in re.findall(r"\]\((\.\./[^)#]+|[a-z]+\.md)[^)]*\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for target in re.findall(r"(?:^|[\s`/])(deploy/[\w./-]+[\w])", PAGE):
        assert (ROOT / target).exists(), target
    assert yaml.safe_load((CHART / "values.yaml").read_text())["existingSecret"] == "valetkey"
