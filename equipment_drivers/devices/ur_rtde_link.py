"""One RTDE connection to a Universal Robots controller: set up, then drained without a pause.

Inputs are asked for one recipe a purpose, so that a register somebody else holds (EtherNet/IP,
PROFINET, Modbus, another client) takes only that purpose away. Outputs the controller does not
know are left out. Everything is set up anew after each connect; the controller forgets it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from equipment_drivers.devices import ur_rtde
from equipment_drivers.devices.ur_rtde import Package, Recipe, Unpacker, Value, Values
from equipment_drivers.errors import (
    DriverError,
    LinkLost,
    PeerSilent,
    ProtocolFault,
    UnsupportedFirmware,
)
from equipment_drivers.transports.tcp_port import TcpPort

log = logging.getLogger(__name__)

ANSWERS = 16
POLYSCOPE = range(3, 6)
POLYSCOPE_X = range(10, 100)
"""Major versions. Controllers with PolyScope X have RTDE but no dashboard."""


def demand_known(version: str) -> tuple[int, int]:
    """Major and minor of a version we speak. Raises UnsupportedFirmware, ProtocolFault."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    if len(numbers) < 2 or numbers[0] not in (*POLYSCOPE, *POLYSCOPE_X):
        raise ProtocolFault(cause=f"version {version[:40]}")
    if numbers[0] in POLYSCOPE_X:
        raise UnsupportedFirmware(cause=f"PolyScope X {version[:40]}")
    return numbers[0], numbers[1]


class RtdeLink:
    """`on_values` gets every frame, `on_text` the controller's own messages (level, text).

    `refused` says which fields it does not give and why, `skipped` how many frames and `strange`
    how many packages of an unknown type were passed over.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        hz: float,
        timeout_s: float,
        on_values: Callable[[Mapping[str, Value]], None],
        on_text: Callable[[str, str], None],
    ) -> None:
        self._port = TcpPort(host, port, on_bytes=self._hear, on_lost=self._lose)
        self._hz, self._timeout_s = hz, timeout_s
        self._on_values, self._on_text = on_values, on_text
        self._unpacker = Unpacker()
        self._answers: asyncio.Queue[Package] = asyncio.Queue(ANSWERS)
        self._outputs: Recipe | None = None
        self._inputs: dict[str, Recipe] = {}
        self._lost: asyncio.Future[DriverError] = asyncio.get_running_loop().create_future()
        self._heard = 0.0
        self._timestamp: float | None = None
        self.refused: dict[str, str] = {}
        self.skipped = self.strange = 0
        self.version = ""

    # -- life -------------------------------------------------------------------------------

    async def open(self, outputs: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> None:
        """Connect, agree on recipes and start. `inputs`: fields of each purpose.

        Raises a WireFault, or UnsupportedFirmware; closed again then.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._port.open()
                await self._agree(outputs, inputs)
        except TimeoutError as error:
            await self.close()
            raise PeerSilent(cause="RTDE setup") from error
        except BaseException:
            await self.close()
            raise

    async def _agree(self, outputs: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> None:
        if not ur_rtde.accepted(await self._ask(ur_rtde.request_protocol())):
            raise UnsupportedFirmware(cause="RTDE protocol version 2 refused")
        version = ur_rtde.controller_version(
            await self._ask(Package(ur_rtde.CONTROLLER_VERSION, b""))
        )
        self.version = ".".join(str(part) for part in version)
        demand_known(self.version)
        self._outputs = await self._agree_outputs(list(outputs))
        for purpose, names in inputs.items():
            recipe = ur_rtde.recipe(await self._ask(ur_rtde.setup_inputs(names)), names)
            self.refused |= recipe.refused()
            if recipe.whole:
                self._inputs[purpose] = recipe
        if len({recipe.id for recipe in self._inputs.values()}) < len(self._inputs):
            raise ProtocolFault(cause="RTDE: two recipes with one number")
        if not ur_rtde.accepted(await self._ask(Package(ur_rtde.START, b""))):
            raise ProtocolFault(cause="RTDE: start refused")
        self._heard = asyncio.get_running_loop().time()

    async def _agree_outputs(self, names: list[str]) -> Recipe:
        recipe = ur_rtde.recipe(await self._ask(ur_rtde.setup_outputs(self._hz, names)), names)
        if not recipe.whole:
            self.refused |= recipe.refused()
            names = [name for name in names if name not in self.refused]
            if not names:
                raise UnsupportedFirmware(cause="RTDE: none of the outputs is known")
            recipe = ur_rtde.recipe(await self._ask(ur_rtde.setup_outputs(self._hz, names)), names)
            if not recipe.whole:
                raise ProtocolFault(cause="RTDE: outputs refused twice")
        return recipe

    async def _ask(self, question: Package) -> Package:
        self._port.write(question.to_bytes())
        while True:
            taking = asyncio.ensure_future(self._answers.get())
            either: set[asyncio.Future[Any]] = {taking, self._lost}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    raise self._lost.result()
                answer = taking.result()
            finally:
                taking.cancel()
            if answer.type == question.type:
                return answer

    async def ended(self, max_silence_s: float) -> DriverError:
        """Wait until the connection is lost or has been silent for so long, and say which."""
        loop = asyncio.get_running_loop()
        while not self._lost.done():
            left = self._heard + max_silence_s - loop.time()
            if left <= 0:
                return PeerSilent(cause="RTDE")
            await asyncio.wait({self._lost}, timeout=left)
        return self._lost.result()

    async def close(self) -> None:
        """Hang up; may be called twice. Never raises."""
        await self._port.close()
        self._lost.cancel()

    # -- traffic ----------------------------------------------------------------------------

    def gives(self, purpose: str) -> bool:
        """Whether the controller lets us write the inputs of this purpose."""
        return purpose in self._inputs

    def write(self, purpose: str, values: Values) -> None:
        """Write inputs. Raises LinkLost."""
        if self._lost.done():
            raise LinkLost(cause="RTDE")
        self._port.write(self._inputs[purpose].pack(values).to_bytes())

    def _hear(self, data: bytes) -> None:
        if self._lost.done():
            return
        try:
            for package in self._unpacker.feed(data):
                self._take(package)
        except ProtocolFault as fault:
            self._lose(fault)
        except Exception as error:
            log.exception("a mistake in the reading of RTDE")
            self._lose(ProtocolFault(cause=repr(error)))

    def _take(self, package: Package) -> None:
        if package.type == ur_rtde.DATA:
            self._take_values(package)
        elif package.type == ur_rtde.TEXT_MESSAGE:
            self._on_text(*ur_rtde.text_message(package))
        elif package.type in ur_rtde.KNOWN:
            if not self._answers.full():
                self._answers.put_nowait(package)
        else:
            self.strange += 1
            log.warning("RTDE package of unknown type %d skipped", package.type)

    def _take_values(self, package: Package) -> None:
        if self._outputs is None:
            return  # a frame of a life before this setup
        values = self._outputs.unpack(package.payload)
        self._heard = asyncio.get_running_loop().time()
        stamp, before = values.get("timestamp"), self._timestamp
        if isinstance(stamp, float):
            self._timestamp = stamp
            if before is not None and stamp > before:
                self.skipped += max(0, round((stamp - before) * self._hz) - 1)
        self._on_values(values)

    def _lose(self, fault: DriverError) -> None:
        if not self._lost.done():
            self._lost.set_result(fault)
