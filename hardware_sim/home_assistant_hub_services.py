"""The services (actions) of the hub: switching plugs and reading meters, by name and by entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hardware_sim.home_assistant_hub_plug import Plug
from hardware_sim.home_assistant_hub_states import Json, States, new_context
from hardware_sim.truth import TruthLog

SWITCHING: Mapping[str, Callable[[bool], bool]] = {
    "turn_on": lambda on: True,
    "turn_off": lambda on: False,
    "toggle": lambda on: not on,
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "switch": tuple(SWITCHING),
    "homeassistant": (*SWITCHING, "update_entity"),
}


class UnknownService(LookupError):
    """There is no service of that name."""


class BadServiceCall(ValueError):
    """The call names no entity, or not as text."""


def catalogue() -> list[Json]:
    """The services as `GET /api/services` lists them."""
    return [
        {"domain": domain, "services": {name: _described(domain, name) for name in names}}
        for domain, names in NAMES.items()
    ]


def _described(domain: str, name: str) -> Json:
    text = name.replace("_", " ").capitalize()
    target: Json = {"entity": [{"domain": ["switch"]}]} if domain == "switch" else {"entity": [{}]}
    return {"name": text, "description": text, "fields": {}, "target": target}


class Services:
    """Calls a service and tells which states changed by it."""

    def __init__(self, plugs: list[Plug], states: States, truth: TruthLog) -> None:
        self._by_entity = {entity: plug for plug in plugs for entity in plug.entities}
        self._states = states
        self._truth = truth

    async def call(self, domain: str, name: str, fields: Mapping[str, Any], via: str) -> list[Json]:
        """Carry out one call; entities the hub does not have are passed over, as it does."""
        if name not in NAMES.get(domain, ()):
            raise UnknownService(f"{domain}.{name}")
        entities = _entities(fields.get("entity_id"))
        context = new_context()
        for entity in entities:
            plug = self._by_entity.get(entity)
            if plug is None:
                continue
            if name == "update_entity":
                await plug.read(context)
            elif entity == plug.switch:
                await plug.turn(SWITCHING[name](plug.on), "service", context)
        changed = self._states.caused_by(context)
        self._truth.write(
            "service_call",
            via=via,
            service=f"{domain}.{name}",
            entities=entities,
            changed=[state["entity_id"] for state in changed],
        )
        return changed


def _entities(given: object) -> list[str]:
    """One id, a list of ids, or ids with commas between them."""
    listed = given if isinstance(given, list) else [given]
    texts = [one for one in listed if isinstance(one, str) and one]
    if not texts or len(texts) != len(listed):
        raise BadServiceCall("entity_id is needed")
    return [part.strip() for text in texts for part in text.split(",")]
