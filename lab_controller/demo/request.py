"""A first-time visitor's request on the public page, as a browser without JavaScript makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from lab_controller.errors import LabError

# A booking is written to disk before it is answered, and the lab may be busy printing.
ANSWER_WITHIN_S = 30.0
VOID = frozenset({"input", "link", "meta", "br"})
ZONE = ZoneInfo("Asia/Tokyo")


class WebRequestRefused(LabError):
    """The page did not take the request; `cause` is what it says is wrong."""

    code = "demo.failed"


class Page(HTMLParser):
    """The form fields of a page and the text of each element that has an id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._inside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a field, go into an element."""
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")
        if tag not in VOID:
            self._inside.append(found.get("id", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if tag not in VOID and self._inside:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Text belongs to every named element around it."""
        for id in filter(None, self._inside):
            self.texts[id] = self.texts.get(id, "") + data


async def request_on_the_web(
    url: str, equipment: str, start: datetime, end: datetime, party: Mapping[str, Any], purpose: str
) -> str:
    """Fill in and send the form; the booking's number. Raises WebRequestRefused."""
    begins, ends = start.astimezone(ZONE), end.astimezone(ZONE)
    # An end after midnight is counted on from the day the slot begins on.
    hours = ends.hour + 24 * (ends.date() - begins.date()).days
    path = f"/equipment/{equipment}/request"
    async with httpx.AsyncClient(
        base_url=url, follow_redirects=True, timeout=ANSWER_WITHIN_S
    ) as browser:
        form = await browser.get(path, params={"start": f"{begins:%Y-%m-%dT%H:%M}"})
        filled = {
            **Page(form.text).fields,
            "day": f"{begins:%Y-%m-%d}",
            "start": f"{begins:%H:%M}",
            "end": f"{hours:02d}:{ends:%M}",
            "purpose": purpose,
            **{name: str(party[name]) for name in ("company", "kana", "phone", "email")},
            "contact_name": str(party["contact"]),
            "head_count": str(party["head_count"]),
        }
        shown = Page((await browser.post(path, data=filled)).text).texts
    if "number" not in shown:
        cause = " ".join(shown.get("problems", shown.get("main", "")).split())
        raise WebRequestRefused(log=path, cause=cause)
    return shown["number"].strip()
