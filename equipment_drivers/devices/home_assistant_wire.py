"""The wires to a Home Assistant hub: few REST requests, each bounded, and a listening WebSocket.

Errors leave here in our own words. WebSocket API:
https://developers.home-assistant.io/docs/api/websocket/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from http import HTTPMethod
from typing import Any

import niquests
from homeassistant_api import AsyncClient, AsyncWebsocketClient
from homeassistant_api.errors import (
    EndpointNotFoundError,
    HomeassistantAPIError,
    RequestError,
    RequestTimeoutError,
    UnauthorizedError,
)

from equipment_drivers.devices.home_assistant_options import HubOptions, Secret
from equipment_drivers.devices.home_assistant_states import (
    EntityState,
    entity_state,
    entity_states,
)
from equipment_drivers.errors import (
    AuthRejected,
    ConnectFailed,
    LinkLost,
    NotSupported,
    PeerSilent,
    ProtocolFault,
    Rejected,
)

SERVICES = frozenset(
    {("switch", "turn_on"), ("switch", "turn_off"), ("homeassistant", "update_entity")}
)
"""The only services ever called; `update_entity` makes the hub read a meter now."""


DRIP_S = 0.25
"""How much longer a request may take whose answer drips in, never silent for `timeout_s`."""


class HubWire:
    """Requests to the hub. Every method raises WireFault, AuthRejected or Rejected."""

    def __init__(self, options: HubOptions, token: Secret) -> None:
        self._url, self._token, self._timeout_s = options.url, token, options.timeout_s
        self._sessions = Sessions(options.url, options.timeout_s)

    async def config(self) -> dict[str, Any]:
        """The hub's own configuration: version, state of its start-up, unit system."""
        answer = await self._request("config")
        if not isinstance(answer, dict):
            raise ProtocolFault(cause="config is not an object")
        return answer

    async def states(self) -> dict[str, EntityState]:
        """Every entity, in one request."""
        return entity_states(await self._request("states"))

    async def state(self, entity: str) -> EntityState:
        """One entity."""
        answer = await self._request(f"states/{entity}")
        if not isinstance(answer, dict):
            raise ProtocolFault(cause="state is not an object")
        return entity_state(answer)

    async def call(self, domain: str, service: str, entities: list[str]) -> None:
        """Call one of `SERVICES`. The hub's ok does not mean that the device has moved."""
        if (domain, service) not in SERVICES:
            raise NotSupported(verb=f"{domain}.{service}", device=", ".join(entities))
        path = f"services/{domain}/{service}"
        await self._request(path, HTTPMethod.POST, {"entity_id": entities})

    async def close(self) -> None:
        """Close every socket; no request is made afterwards."""
        await self._sessions.close()

    async def _request(
        self, path: str, method: HTTPMethod = HTTPMethod.GET, body: dict[str, Any] | None = None
    ) -> Any:
        with our_words(self._url):
            async with self._sessions.one() as session:
                client = AsyncClient(f"{self._url}/api", self._token, session=session)
                async with asyncio.timeout(self._timeout_s + DRIP_S):
                    return await client.request(path, method=method, json=body)


class Sessions:
    """HTTP sessions with one hub, as many as there are requests at once; closes what it opened.

    Each serves one request at a time and is kept only when that ended well. The library shares a
    session's connections among tasks: a request cancelled beside another left its socket to the
    garbage collector, or half used to whoever came next.
    """

    def __init__(self, url: str, silence_s: float) -> None:
        self._url, self._silence_s = url, silence_s
        self._open: set[niquests.AsyncSession] = set()
        self._free: list[niquests.AsyncSession] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[niquests.AsyncSession]:
        """A session for one request; closed where that fails or is cancelled.

        Raises LinkLost after `close`.
        """
        if self._closed:
            raise LinkLost(url=self._url, cause="closed")
        session = self._free.pop() if self._free else session_for(self._silence_s)
        self._open.add(session)
        well = False
        try:
            yield session
            well = True
        finally:
            if well and not self._closed:
                self._free.append(session)
            else:
                await self._end(session)

    async def close(self) -> None:
        """Close every session, also where a request is under way."""
        self._closed = True
        self._free.clear()
        await asyncio.gather(*map(self._end, tuple(self._open)))
        if self._closing:
            await asyncio.wait(self._closing)

    async def _end(self, session: niquests.AsyncSession) -> None:
        """Close it in a task of its own: whoever waits here may be cancelled once more."""
        self._open.discard(session)
        closing = asyncio.create_task(_close(session), name="closing session")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        await asyncio.shield(closing)


async def _close(session: niquests.AsyncSession) -> None:
    with suppress(niquests.exceptions.RequestException, OSError):
        await session.close()


def session_for(silence_s: float) -> niquests.AsyncSession:
    """A session of HTTP/1.1 that ends a read after so many silent seconds."""
    session = niquests.AsyncSession(disable_http2=True, disable_http3=True, timeout=silence_s)
    session.trust_env = False  # a hub in the lab is never behind the site's proxy
    return session


async def changes(options: HubOptions, token: Secret) -> AsyncGenerator[str, None]:
    """Ids of entities as the hub says they changed; first "" once it does. Ends in a DriverError.

    A connection that says nothing for `hint_silence_s` counts as lost.
    """
    session = session_for(2 * options.hint_silence_s)  # ours ends first: its own leaves a socket
    client = AsyncWebsocketClient(f"{options.url}/api/websocket", token, session=session)
    with our_words(options.url), well_formed(options.url):
        async with AsyncExitStack() as stack:
            stack.push_async_callback(session.close)
            stack.push_async_callback(leave, client)
            async with asyncio.timeout(options.timeout_s):
                await client.__aenter__()
                number = await client.send("subscribe_events", event_type="state_changed")
                await client.recv_result(number)
            yield ""
            while True:
                async with asyncio.timeout(options.hint_silence_s):
                    event = (await client.recv_event(number)).event
                yield str(getattr(event, "data", {}).get("entity_id", ""))


async def leave(client: AsyncWebsocketClient) -> None:
    """End it however far it came: by itself it keeps the socket of a greeting that failed."""
    with suppress(AttributeError, niquests.exceptions.RequestException, OSError):
        await client.__aexit__(None, None, None)


@contextmanager
def well_formed(url: str) -> Iterator[None]:
    """What the library trips over in a message that makes no sense is a fault of the protocol."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolFault(url=url, cause=type(error).__name__) from error


@contextmanager
def our_words(url: str) -> Iterator[None]:
    """Turn what the client library and the HTTP stack raise into errors of this room.

    Causes name the kind of error only: a body or a header could hold the token.
    """
    try:
        yield
    except UnauthorizedError as error:
        raise AuthRejected(url=url, cause="401") from error
    except (TimeoutError, RequestTimeoutError, niquests.exceptions.ReadTimeout) as error:
        raise PeerSilent(url=url) from error
    except (EndpointNotFoundError, RequestError) as error:
        raise Rejected(url=url, cause=type(error).__name__) from error
    except HomeassistantAPIError as error:
        raise ProtocolFault(url=url, cause=type(error).__name__) from error
    except niquests.exceptions.ConnectionError as error:
        fault = ConnectFailed if never_sent(error) else LinkLost
        raise fault(url=url, cause=url) from error
    except (niquests.exceptions.RequestException, OSError) as error:
        raise LinkLost(url=url, cause=type(error).__name__) from error


def never_sent(error: BaseException) -> bool:
    """Whether no connection was made, so that nothing can have reached the hub."""
    if isinstance(error, niquests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else None
    return "NewConnection" in type(reason).__name__ or "NameResolution" in type(reason).__name__
