"""Fixtures: one service shared by the tests that leave it as they found it, and fresh ones for the rest."""

import boto3
import pytest

from service import Service


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A service for tests that do not mind what others have put there."""
    service = Service(tmp_path_factory.mktemp("shared") / "data").start()
    yield service
    service.stop()


@pytest.fixture
def start(tmp_path):
    """Starts services of this test alone: `start()` or `start(wrapper=(…))`."""
    started = []

    def start_one(**options):
        started.append(Service(tmp_path / f"data-{len(started)}", **options).start())
        return started[-1]

    yield start_one
    for service in started:
        if service.process.poll() is None:
            service.stop()


@pytest.fixture
def s3(shared):
    """boto3 at its default settings, on the shared service's embedded store."""
    return s3_client(shared)


def s3_client(service):
    store = service.info["store"]
    return boto3.client(
        "s3",
        endpoint_url=store["endpoint"],
        region_name=store["region"],
        aws_access_key_id=store["access_key"],
        aws_secret_access_key=store["secret_key"],
    )
