"""What a browser sends: read whole or not at all, and only from our own pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from lab_controller.errors import LabError

LARGEST_BYTES = 64 * 1024
MOST_FIELDS = 40
OUR_OWN = ("same-origin", "none")


class ForeignForm(LabError):
    """The form was sent from somebody else's page."""

    code = "portal.foreign_form"


class FormTooLarge(LabError):
    """The form is longer than any person would write."""

    code = "portal.form_too_large"


async def same_origin(request: Request) -> None:
    """Refuse what another site's page sends; a client that tells neither header is no browser."""
    if request.method != "POST":
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site in OUR_OWN
    else:
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise ForeignForm


async def typed(request: Request) -> dict[str, str]:
    """The form's fields; of a name sent twice the first. Raises FormTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise FormTooLarge
    text = body.decode("utf-8", errors="replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise FormTooLarge from error
    return dict(reversed(pairs))
