"""Fixtures: one service a module (a start takes a second), a client."""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import service as service_module  # noqa: E402


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest
            ) -> Iterator[service_module.Service]:
    """The module's service; SERVICE = {...} in a module configures it."""
    config = getattr(request.module, "SERVICE", {})
    it = service_module.Service(**config)
    try:
        yield it
    finally:
        it.stop()


@pytest.fixture
def client(service: service_module.Service) -> service_module.Http:
    return service.client()
