"""The shapes of a trial's files and of what a vendor may see of it; as in `wire`."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from lab_controller.wire import Request, Shape


class AttachmentShape(Shape):
    """A kept file; `size` in bytes, `media_type` by its content."""

    number: int
    trial: str
    name: str
    kind: str
    sha256: str
    size: int
    media_type: str
    added: datetime
    by: str


class ReleaseRequest(Request):
    """Fields to release or to take back; `new_link` ends the old link."""

    fields: list[str] = Field(default_factory=list)
    new_link: bool = False


class ReleasedShape(Shape):
    """A field that stands released."""

    field: str
    title: str
    at: datetime
    by: str


class SeenShape(Shape):
    """Somebody looked."""

    at: datetime
    who: str
    what: str


class ReleaseShape(Shape):
    """What of a trial is released; `link` is told once, when it is made."""

    trial: str
    fields: list[ReleasedShape]
    releasable: list[str]
    link: str
    has_link: bool
    seen: list[SeenShape]


class RowShape(Shape):
    """One line of a vendor's view."""

    label: str
    value: str


class SectionShape(Shape):
    """One released field."""

    field: str
    title: str
    rows: list[RowShape]
    photos: list[int]
    digests: list[str] = Field(default_factory=list)


class VendorViewShape(Shape):
    """What a vendor sees, and whether any of it is simulated."""

    simulated: bool
    sections: list[SectionShape]
