"""What clients ask about a trial's files and its release to a vendor."""

from __future__ import annotations

from collections.abc import Sequence

from lab_controller.client_door import LONG_TIMEOUT_S, LabDoor
from lab_controller.wire_sharing import AttachmentShape, ReleaseRequest, ReleaseShape


class SharingDoor(LabDoor):
    """Files and releases of trials."""

    async def attach(self, trial: str, name: str, content: bytes, kind: str) -> AttachmentShape:
        """Keep a file with a trial."""
        files = {"file": (name, content), "kind": (None, kind)}
        path = f"/trials/{trial}/attachments"
        answer = await self._call("POST", path, files=files, timeout=LONG_TIMEOUT_S)
        return self._read(AttachmentShape, answer)

    async def attachments(self, trial: str) -> list[AttachmentShape]:
        """The files of a trial."""
        return await self._many(AttachmentShape, "GET", f"/trials/{trial}/attachments")

    async def attachment_file(self, trial: str, number: int) -> bytes:
        """One file of a trial."""
        path = f"/trials/{trial}/attachments/{number}"
        return (await self._call("GET", path, timeout=LONG_TIMEOUT_S)).content

    async def release_of(self, trial: str) -> ReleaseShape:
        """What of a trial is released, and who looked."""
        return await self._one(ReleaseShape, "GET", f"/trials/{trial}/release")

    async def release_fields(
        self, trial: str, fields: Sequence[str], *, new_link: bool = False
    ) -> ReleaseShape:
        """Release fields of a trial to the vendor; a new link is in the answer, once."""
        body = ReleaseRequest(fields=list(fields), new_link=new_link)
        return await self._one(ReleaseShape, "POST", f"/trials/{trial}/release", body)

    async def revoke_fields(self, trial: str, fields: Sequence[str] = ()) -> ReleaseShape:
        """Take fields back, all where none is named."""
        body = ReleaseRequest(fields=list(fields))
        return await self._one(ReleaseShape, "POST", f"/trials/{trial}/release/revoke", body)
