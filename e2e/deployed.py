"""What `deploy/` holds, as the tests look at it: rendered by the real tools, and run by the real binary."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import yaml

from service import BINARY, ROOT, die_with_parent

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/valetkey"
TOOLS = ROOT / "target/deploy-tools"

EVERYTHING = {
    "autoscaling.enabled": "true",
    "autoscaling.queue.enabled": "true",
    "serviceMonitor.enabled": "true",
    "extraEnv[0].name": "RUST_LOG",
    "extraEnv[0].value": "info",
    "imagePullSecrets[0].name": "registry",
    "podAnnotations.a": "b",
    "podLabels.c": "d",
    "nodeSelector.disk": "ssd",
    "priorityClassName": "high",
    "networkPolicy.apiFrom[0].namespaceSelector.matchLabels.name": "ingress",
    "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name": "monitoring",
    "serviceAccount.annotations.role": "x",
    "service.annotations.lb": "internal",
    "serviceMonitor.labels.release": "prometheus",
    "tolerations[0].operator": "Exists",
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": "null",
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)


def helm(*arguments):
    return run(TOOLS / "helm", *arguments)


def rendered(**values):
    """The chart's objects, by kind and name."""
    pairs = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    result = helm("template", "valetkey", CHART, "--namespace", "files", *pairs)
    assert result.returncode == 0, result.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(result.stdout) if one}


class Serving:
    """`valetkey serve` with a configuration that was written for another machine."""

    def __init__(self, folder: Path, config: str, **environment):
        (folder / "valetkey.toml").write_text(config)
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", folder / "valetkey.toml"], cwd=folder, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "VALETKEY_LOG": "json", **environment}, preexec_fn=die_with_parent,
        )
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if '"serving"' in line:
                break
        else:
            raise AssertionError("".join(lines))
        self.url = re.search(r'http://[0-9.:]+', json.loads(lines[-1])["fields"]["api"])[0]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(15) == 0


def here(config: str, secrets: Path, **replaced) -> str:
    """A configuration with its secrets in a folder of this machine, and on any free port of it."""
    config = re.sub(r"/run/(?:secrets(?:/valetkey)?|credentials/valetkey\.service)", str(secrets), config)
    config = re.sub(r'^(listen|metrics_listen) = ".*"$', r'\1 = "127.0.0.1:0"', config, flags=re.M)
    for old, new in replaced.items():
        config = config.replace(old, new)
    return config
