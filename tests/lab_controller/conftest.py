"""The whole lab on fake drivers, and its HTTP door, for tests that need more than one module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from lab_controller.api.app import create_app
from lab_controller.client import LabClient
from tests.lab_controller.bench import Bench, Site
from tests.lab_controller.bench import site as at
from tests.lab_controller.web import TOKEN, URL


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with at(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
async def bench(site: Site) -> AsyncIterator[Bench]:
    async with site.open() as found:
        yield found


@pytest.fixture
def app(bench: Bench) -> FastAPI:
    return create_app(bench.lab, TOKEN)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        yield client


@pytest.fixture
async def lab(app: FastAPI) -> AsyncIterator[LabClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with LabClient(URL, TOKEN, language="en", transport=transport) as client:
        yield client
