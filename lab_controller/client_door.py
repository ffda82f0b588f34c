"""The way to a lab: HTTP with its refusals, and the live stream.

Imports nothing of the lab but the wire shapes, so a console needs no driver and no database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, WebSocketException
from websockets.frames import CloseCode

from lab_controller.wire import Refusal, StreamMessage, WindowShape

S = TypeVar("S", bound=BaseModel)

REACH_TIMEOUT_S = 10.0
LONG_TIMEOUT_S = 180.0


class Refused(Exception):
    """The lab said no; `refusal` has the code, the sentence and every problem."""

    def __init__(self, status: int, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.status, self.refusal = status, refusal


class Unreachable(Exception):
    """No controller answers at this address."""


class LabDoor:
    """The way to one lab: address, token, language. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        language: str = "ja",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, self._token, self.language = url.rstrip("/"), token, language
        self._http = httpx.AsyncClient(
            base_url=f"{self.url}/api/v1",
            headers=self._headers(),
            timeout=REACH_TIMEOUT_S,
            transport=transport,
        )

    @classmethod
    def for_lab(cls, url: str, token_file: Path, *, language: str = "ja") -> Self:
        """A staff client with the token of a file."""
        return cls(url, token_file.read_text(encoding="ascii").strip(), language=language)

    def move_to(self, url: str) -> None:
        """Go on at another address: a controller that was restarted may have another port."""
        self.url = url.rstrip("/")
        self._http.base_url = httpx.URL(f"{self.url}/api/v1")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Language": self.language}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    # -- the live stream -------------------------------------------------------------------

    async def stream(self) -> AsyncIterator[StreamMessage]:
        """Frames of what changed; ends with Unreachable when the connection is lost.

        Raises Refused for a token that is missing or wrong.
        """
        address = self.url.replace("http", "ws", 1) + "/api/v1/stream"
        try:
            async with connect(address, additional_headers=self._headers(), max_size=None) as ws:
                async for frame in ws:
                    yield StreamMessage.model_validate_json(frame)
        except ConnectionClosedError as error:
            closed = error.rcvd
            if closed is not None and closed.code == CloseCode.POLICY_VIOLATION:
                refusal = Refusal(code=closed.reason, text=closed.reason)
                raise Refused(401, refusal) from error
            raise Unreachable(self.url) from error
        except (OSError, WebSocketException) as error:
            raise Unreachable(self.url) from error
        raise Unreachable(self.url)

    # -- plumbing --------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        path: str,
        body: BaseModel | Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        timeout: float = REACH_TIMEOUT_S,
    ) -> httpx.Response:
        content = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
        try:
            answer = await self._http.request(
                method, path, json=content, params=params, files=files, timeout=timeout
            )
        except httpx.TransportError as error:
            raise Unreachable(self.url) from error
        if answer.is_success:
            return answer
        try:
            refusal = Refusal.model_validate_json(answer.content)
        except ValidationError:
            refusal = Refusal(code="lab.http", text=f"HTTP {answer.status_code}")
        raise Refused(answer.status_code, refusal)

    async def _one(
        self,
        shape: type[S],
        method: str,
        path: str,
        body: BaseModel | Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float = REACH_TIMEOUT_S,
    ) -> S:
        return self._read(
            shape, await self._call(method, path, body, params=params, timeout=timeout)
        )

    async def _window(
        self,
        path: str,
        series: tuple[str, str],
        stretch: tuple[datetime, datetime],
        buckets: int,
        timeout: float = REACH_TIMEOUT_S,
    ) -> WindowShape:
        """A stretch of one signal (of a device, by its name) in buckets."""
        (device, signal), (start, end) = series, stretch
        params = {
            "device": device,
            "signal": signal,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "buckets": buckets,
        }
        return await self._one(WindowShape, "GET", path, params=params, timeout=timeout)

    async def _many(
        self, shape: type[S], method: str, path: str, params: Mapping[str, Any] | None = None
    ) -> list[S]:
        answer = await self._call(method, path, params=params)
        return TypeAdapter(list[shape]).validate_json(answer.content)  # type: ignore[valid-type]

    @staticmethod
    def _read(shape: type[S], answer: httpx.Response) -> S:
        return shape.model_validate_json(answer.content)
