"""One page: a template, the reader's words, links that keep the language, and its headers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from lab_controller.clock import LabClock
from lab_controller.config import Lab
from lab_controller.i18n import LANGUAGES
from lab_controller.portal.tickets import Tickets
from lab_controller.portal.words import Words
from lab_controller.services.bookings import Bookings
from lab_controller.services.results import Results
from lab_controller.services.vendor_views import VendorViews

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SHARED, PRIVATE = "no-cache", "no-store"
STATIC = {"portal.css": "text/css", "icon.svg": "image/svg+xml"}

TEMPLATES = Environment(
    loader=PackageLoader("lab_controller.portal"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Front:
    """All the portal may reach: bookings, results, releases, name and telephone, the clock."""

    bookings: Bookings
    results: Results
    releases: VendorViews
    lab: Lab
    clock: LabClock
    tickets: Tickets


def front_of(request: Request) -> Front:
    """What stands behind this page."""
    front: Front = request.app.state.front
    return front


def words_of(request: Request) -> Words:
    """The reader's words: `?lang=` or else the lab's language."""
    front = front_of(request)
    asked = request.query_params.get("lang", "")
    language = asked if asked in LANGUAGES else front.lab.language
    return Words(language, front.bookings.calendar)


def link(request: Request, path: str, /, language: str = "", **query: str) -> str:
    """A path of ours that keeps the reader's language, or takes another."""
    chosen = language or words_of(request).language
    if chosen != front_of(request).lab.language:
        query["lang"] = chosen
    return f"{path}?{urlencode(query)}" if query else path


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    cache_control: str = SHARED,
    **context: object,
) -> Response:
    """A rendered page."""
    words = words_of(request)
    other = next(one for one in LANGUAGES if one != words.language)
    query = {key: value for key, value in request.query_params.items() if key != "lang"}
    html = TEMPLATES.get_template(template).render(
        t=words.text,
        words=words,
        lang=words.language,
        other=other,
        other_link=link(request, request.url.path, other, **query),
        link=lambda path, **query: link(request, path, **query),
        path=request.url.path,
        lab=front_of(request).lab,
        lab_name=getattr(front_of(request).lab.name, words.language),
        static=static_link,
        **context,
    )
    return HTMLResponse(html, status, {**HEADERS, "Cache-Control": cache_control})


def see_other(request: Request, path: str, at: str = "") -> Response:
    """Send the browser on after a form, so that reloading sends nothing again; `at` is a place."""
    headers = {**HEADERS, "Cache-Control": PRIVATE}
    place = f"#{at}" if at else ""
    return RedirectResponse(link(request, path) + place, 303, headers)


@cache
def static_file(name: str) -> bytes:
    """One of our own files beside the pages."""
    return (files("lab_controller.portal") / "static" / name).read_bytes()


@cache
def static_link(name: str) -> str:
    """Its address, which changes with its content."""
    return f"/static/{name}?v={hashlib.sha256(static_file(name)).hexdigest()[:12]}"


def static_answer(name: str) -> Response:
    """The file, kept by browsers as long as they like."""
    headers = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(static_file(name), media_type=STATIC[name], headers=headers)
