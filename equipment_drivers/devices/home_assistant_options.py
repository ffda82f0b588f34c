"""What is configured for a Home Assistant hub and for the devices behind it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from equipment_drivers.contract import Options
from equipment_drivers.errors import BadOption

UNIT_BY_ENDING = {
    "energy": "kW.h",
    "humidity": "%",
    "power": "W",
    "temperature": "Cel",
    "vibration": "mm/s",
}
"""The unit expected of a signal whose name ends so, when none is given."""


class Secret(str):
    """A text that shows itself only to who takes it on purpose: its repr is empty of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class HubOptions(Options):
    """The hub. Exactly one of `token_file` and `token_env` says where its token lies.

    `timeout_s` bounds each request, `poll_s` is the pause between polls, `confirm_s` how long a
    switch may take to show its new state. With `hints` the hub's WebSocket is listened to and a
    change is read at once, `hint_pause_s` after the last poll at the earliest; a WebSocket silent
    for `hint_silence_s` is opened again after `hint_retry_s`. An entity that was there and is
    missing is told after `missing_after_s`, for a hub that starts again. All in real seconds.
    """

    url: str = Field(pattern=r"^https?://[^/\s]+$")
    token_file: Path | None = None
    token_env: str | None = None
    timeout_s: float = Field(default=5.0, gt=0)
    poll_s: float = Field(default=2.0, gt=0)
    confirm_s: float = Field(default=5.0, gt=0)
    hints: bool = True
    hint_pause_s: float = Field(default=0.2, gt=0)
    hint_silence_s: float = Field(default=90.0, gt=0)
    hint_retry_s: float = Field(default=10.0, gt=0)
    missing_after_s: float = Field(default=30.0, ge=0)

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.token_file is None) == (self.token_env is None):
            raise ValueError("give either token_file or token_env")
        return self

    def read_token(self) -> Secret:
        """The token from where it lies. Raises BadOption."""
        if self.token_env is not None:
            token, option = os.environ.get(self.token_env, ""), "token_env"
        else:
            token, option = _read(self.token_file), "token_file"
        if not token.strip():
            raise BadOption(option=option, cause="no token there")
        return Secret(token.strip())


def _read(path: Path | None) -> str:
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(option="token_file", cause=type(error).__name__) from error


class SignalOptions(Options):
    """One entity that measures, and the unit its signal is promised in."""

    entity: str = Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")
    unit: str


class HubDeviceOptions(Options):
    """A `plug` (address `switch.x`, with its meters) or a set of `sensors`.

    A signal is `name = "sensor.x"` where the name tells its unit (it ends in temperature,
    humidity, power, energy or vibration; a binary sensor is 0/1), else
    `name = {entity = "sensor.x", unit = "…"}`. Signals turn stale after `max_age_s` of lab time.
    """

    kind: Literal["plug", "sensors"]
    power_entity: str | None = Field(default=None, pattern=r"^sensor\.[a-z0-9_]+$")
    energy_entity: str | None = Field(default=None, pattern=r"^sensor\.[a-z0-9_]+$")
    signals: Mapping[str, SignalOptions] = Field(default_factory=dict)
    max_age_s: float = Field(default=60.0, gt=0)

    @field_validator("signals", mode="before")
    @classmethod
    def _short_forms(cls, signals: Any) -> Any:
        if not isinstance(signals, Mapping):
            return signals
        return {name: _long_form(name, given) for name, given in signals.items()}

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "sensors" and not self.signals:
            raise ValueError("sensors need signals")
        if self.kind == "sensors" and (self.power_entity or self.energy_entity):
            raise ValueError("power_entity and energy_entity belong to a plug")
        return self


def _long_form(name: str, given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if given.startswith("binary_sensor."):
        return {"entity": given, "unit": "1"}
    unit = next((unit for end, unit in UNIT_BY_ENDING.items() if name.endswith(end)), None)
    if unit is None:
        raise ValueError(f"{name}: write {{entity = …, unit = …}}")
    return {"entity": given, "unit": unit}
