"""Files and releases of a trial, by the API and from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab_controller.client import LabClient, Refused
from lab_controller.services.attachments import MIB
from tests.lab_controller.bench import Bench
from tests.lab_controller.test_cli import OK, REFUSED, data, machikoba, table

__all__ = ["data"]

PDF = b"%PDF-1.7\nquote"


async def test_a_file_is_kept_listed_and_handed_out(lab: LabClient, http, bench: Bench) -> None:
    trial = await bench.trial(await bench.checked_in())
    kept = await lab.attach(trial, "../../見積\u202efdp.pdf", PDF, "quote")
    assert (kept.name, kept.kind, kept.media_type) == ("見積fdp.pdf", "quote", "application/pdf")
    again = [lab.attach(trial, "again.pdf", PDF, "quote") for _ in range(5)]
    assert await asyncio.gather(*again) == [kept] * 5
    assert await lab.attachments(trial) == [kept]
    assert await lab.attachment_file(trial, kept.number) == PDF
    folder = bench.lab.settings.lab.data_dir / "attachments"
    assert [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()] == [
        Path(trial) / kept.sha256
    ]
    answer = await http.get(f"/api/v1/trials/{trial}/attachments/{kept.number}")
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    (folder / trial / kept.sha256).unlink()
    with pytest.raises(Refused) as lost:
        await lab.attachment_file(trial, kept.number)
    assert lost.value.refusal.code == "lab.attachment_lost"


async def test_what_may_not_be_kept_is_refused_with_its_reason(
    lab: LabClient, bench: Bench
) -> None:
    trial = await bench.trial(await bench.checked_in())
    bench.lab.attachments.most_mb = 1
    for name, content, kind, status, code in (
        ("a.pdf", b"x" * (MIB + 1), "other", 413, "lab.file_too_large"),
        ("a.pdf", b"x" * (3 * MIB), "other", 413, "lab.file_too_large"),
        ("a.pdf", b"MZ", "quote", 422, "trial.invalid"),
        ("a.pdf", PDF, "poem", 422, "lab.bad_request"),
    ):
        with pytest.raises(Refused) as refused:
            await lab.attach(trial, name, content, kind)
        assert (refused.value.status, refused.value.refusal.code) == (status, code)
    with pytest.raises(Refused) as unknown:
        await lab.attach("T20990101-01", "a.pdf", PDF, "quote")
    assert unknown.value.status == 404
    assert await lab.attachments(trial) == []


async def test_a_file_is_not_taken_from_a_stranger_nor_beyond_what_is_kept(
    http, bench: Bench
) -> None:
    bench.lab.attachments.most_mb = 1
    trial = await bench.trial(await bench.checked_in())

    async def form(size: int) -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        for _ in range(size):
            taken += 1
            yield b"y" * MIB
        yield b"\r\n--x--\r\n"

    for path in (f"/api/v1/trials/{trial}/attachments", "/api/v1/gcode"):
        kind = {"content-type": "multipart/form-data; boundary=x"}  # in chunks: no length is told
        stranger, taken = {**kind, "authorization": "Bearer guess"}, 0
        answer = await http.post(path, content=form(40), headers=stranger)
        assert (answer.status_code, answer.json()["code"], taken) == (401, "auth.token_wrong", 0)
        answer = await http.post(path, content=form(40), headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "lab.file_too_large")
    path = f"/api/v1/trials/{trial}/attachments"
    assert (await http.post(path, content=form(1), headers=kind)).status_code == 200


async def test_fields_are_released_and_taken_back_from_the_command_line(
    data: Path, bench: Bench, tmp_path: Path
) -> None:
    trial = await bench.trial(await bench.checked_in())
    quote = tmp_path / "見積.pdf"
    quote.write_bytes(PDF)
    kept = await table("trial", "attach", trial, quote, "--kind", "quote", "--data", data)
    assert kept["name"] == "見積.pdf"
    assert await table("trial", "attachments", trial, "--data", data) == [kept]
    release = ("trial", "release", trial)
    none = await machikoba(*release, "--data", data)
    assert (none.exit_code, "cycle_times" in none.stdout) == (OK, True)
    first = await table(*release, "part", "yield", "--data", data)
    assert first["link"].startswith("/vendor/")
    assert (await table(*release, "part", "--data", data))["link"] == ""
    again = await table(*release, "--new-link", "--data", data)
    assert again["link"] not in ("", first["link"])
    wrong = await machikoba(*release, "operator", "--data", data)
    assert (wrong.exit_code, "operator" in wrong.stderr) == (REFUSED, True)
    await table("trial", "show", trial, "--data", data)
    await table("trial", "show", trial, "--data", data)
    seen = (await table(*release, "--list", "--data", data))["seen"]
    assert [(each["who"], each["what"]) for each in seen] == [("staff", "trial")]
    left = await table(*release, "--revoke", "part", "--data", data)
    assert [each["field"] for each in left["fields"]] == ["yield"]
    over = await table(*release, "--revoke", "--data", data)
    assert (over["fields"], over["has_link"]) == ([], False)
