"""`machikoba trial attach|attachments|release`: files of a trial, and what a vendor may see."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from lab_controller.cli.door import ask, shared, show
from lab_controller.client import LabClient
from lab_controller.i18n import text
from lab_controller.wire_sharing import AttachmentShape, ReleaseShape

KINDS = ("photo", "drawing", "quote", "program", "other")


@click.command()
@click.argument("trial")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", type=click.Choice(KINDS), default="other", show_default=True)
@shared
def attach(trial: str, file: Path, kind: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """Keep a FILE with a TRIAL: a photo, a drawing, a quote, a program."""

    async def send(lab: LabClient) -> AttachmentShape:
        content = await asyncio.to_thread(file.read_bytes)
        return await lab.attach(trial, file.name, content, kind)

    show(ask(data_dir, lang, send), as_json, ("number", "name", "kind", "size", "media_type"))


@click.command()
@click.argument("trial")
@shared
def attachments(trial: str, data_dir: Path, lang: str, as_json: bool) -> None:
    """The files kept with a TRIAL."""
    found = ask(data_dir, lang, lambda lab: lab.attachments(trial))
    show(found, as_json, ("number", "name", "kind", "size", "media_type", "by"))


@click.command()
@click.argument("trial")
@click.argument("fields", nargs=-1)
@click.option("--revoke", is_flag=True, help="Take FIELDS back, or all of them.")
@click.option("--list", "only_list", is_flag=True, help="What is released, and who looked.")
@click.option("--new-link", is_flag=True, help="Make a new link; the old one ends.")
@shared
def release(
    trial: str,
    fields: tuple[str, ...],
    revoke: bool,
    only_list: bool,
    new_link: bool,
    data_dir: Path,
    lang: str,
    as_json: bool,
) -> None:
    """Let the vendor see FIELDS of a TRIAL, as the factory wishes."""

    async def send(lab: LabClient) -> ReleaseShape:
        if only_list or not (fields or revoke or new_link):
            return await lab.release_of(trial)
        if revoke:
            return await lab.revoke_fields(trial, fields)
        return await lab.release_fields(trial, fields, new_link=new_link)

    found = ask(data_dir, lang, send)
    if as_json:
        show(found, True)
        return
    if found.link:
        door = (data_dir / "controller.url").read_text(encoding="ascii").strip()
        click.echo(text(lang, "cli.vendor_link", {"link": f"{door}{found.link}"}))
    if not found.fields:
        click.echo(text(lang, "cli.nothing_released", {"fields": ", ".join(found.releasable)}))
    show(found.fields, False, ("field", "title", "at", "by"))
    if only_list:
        show(found.seen, False, ("at", "who", "what"))
