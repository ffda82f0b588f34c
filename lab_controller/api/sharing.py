"""Files of a trial, and what of it a vendor may see."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Header, UploadFile
from fastapi.responses import FileResponse

from lab_controller.api.auth import TokenMissing, staff
from lab_controller.api.lab import Issuer, Language, ThisLab
from lab_controller.api.uploads import upload_route
from lab_controller.i18n import text
from lab_controller.release_words import sections
from lab_controller.services.vendor_views import Standing
from lab_controller.wire_sharing import (
    AttachmentShape,
    ReleasedShape,
    ReleaseRequest,
    ReleaseShape,
    SeenShape,
    VendorViewShape,
)
from trial_logs.attachments import Attachment, AttachmentKind
from trial_logs.release import FIELDS

public = APIRouter()
router = APIRouter(dependencies=[Depends(staff)])
uploads = APIRouter(route_class=upload_route(lambda lab: lab.attachments.most_mb))

# Kept files are somebody else's: they are handed out to be saved, never run in our pages.
AS_FILE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


@uploads.post("/trials/{trial}/attachments")
async def attach(
    trial: str,
    file: UploadFile,
    lab: ThisLab,
    by: Issuer,
    kind: Annotated[AttachmentKind, Form()] = AttachmentKind.OTHER,
) -> AttachmentShape:
    """Keep a file with a trial; images and PDF are looked at, and must be what they say."""
    content = await file.read(lab.attachments.most_bytes + 1)
    kept = await lab.attachments.keep(trial, file.filename or "", kind, content, by=by)
    return attachment(kept)


router.include_router(uploads)


@router.get("/trials/{trial}/attachments")
async def attachments(trial: str, lab: ThisLab) -> list[AttachmentShape]:
    """The files of a trial, oldest first."""
    return [attachment(each) for each in await lab.attachments.all(trial)]


@router.get("/trials/{trial}/attachments/{number}")
async def attachment_file(trial: str, number: int, lab: ThisLab, by: Issuer) -> FileResponse:
    """One file of a trial, to be saved."""
    found, path = await lab.attachments.one(trial, number)
    await lab.vendor_views.staff_looked(trial, by, "file")
    return FileResponse(
        path, media_type=found.file.media_type, filename=found.file.name, headers=AS_FILE
    )


@router.get("/trials/{trial}/release")
async def standing(trial: str, lab: ThisLab, language: Language) -> ReleaseShape:
    """What of a trial is released to the vendor, and who looked."""
    return release_shape(await lab.vendor_views.standing(trial), language)


@router.post("/trials/{trial}/release")
async def release(
    trial: str, wanted: ReleaseRequest, lab: ThisLab, language: Language, by: Issuer
) -> ReleaseShape:
    """Release fields, by the factory's word; a new link is told once, in the answer."""
    found = await lab.vendor_views.release(trial, wanted.fields, by=by, new_link=wanted.new_link)
    return release_shape(found, language)


@router.post("/trials/{trial}/release/revoke")
async def revoke(
    trial: str, wanted: ReleaseRequest, lab: ThisLab, language: Language, by: Issuer
) -> ReleaseShape:
    """Take fields back, all where none is named; with none left the link ends."""
    return release_shape(await lab.vendor_views.revoke(trial, wanted.fields, by=by), language)


@public.get("/vendor/trials/{trial}")
async def vendor(
    trial: str,
    lab: ThisLab,
    language: Language,
    authorization: Annotated[str, Header()] = "",
) -> VendorViewShape:
    """What was released of a trial, for the bearer of its link's token; nothing else."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    view = await lab.vendor_views.view(token.strip(), trial)
    return VendorViewShape(simulated=view.simulated, sections=sections(view, language))


def attachment(one: Attachment) -> AttachmentShape:
    """A kept file."""
    file = one.file
    return AttachmentShape(
        number=one.number,
        trial=one.trial_id,
        name=file.name,
        kind=file.kind,
        sha256=file.sha256,
        size=file.size,
        media_type=file.media_type,
        added=one.added,
        by=one.by,
    )


def release_shape(found: Standing, language: str) -> ReleaseShape:
    """What is released, with the fields that could be."""
    return ReleaseShape(
        trial=found.trial,
        fields=[
            ReleasedShape(
                field=each.field,
                title=text(language, f"release.{each.field}"),
                at=each.at,
                by=each.by,
            )
            for each in found.fields
        ],
        releasable=list(FIELDS),
        link=f"/vendor/{found.token}" if found.token else "",
        has_link=found.has_link,
        seen=[SeenShape(at=each.at, who=each.who, what=each.what) for each in found.seen],
    )
