"""`machikoba device import`: a CSV of measurements to equipment that has no wire."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lab_controller.cli.door import REFUSED, ask, complain, refusal, shared, show

ENCODINGS = ("utf-8-sig", "cp932")  # what Excel writes, newly and by old habit


@click.command("import")
@click.argument("device")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--note", default="", help="A word for the ledger.")
@shared
def import_file(
    device: str, file: Path, note: str, data_dir: Path, lang: str, as_json: bool
) -> None:
    """Import measurements: columns time, signal, value and, if you like, unit. All rows or none."""
    try:
        rows = decoded(file.read_bytes())
    except OSError as error:
        complain(refusal(lang, "cli.file_failed", {"file": file, "cause": error.strerror}))
        sys.exit(REFUSED)
    except UnicodeDecodeError:
        complain(refusal(lang, "cli.csv_unreadable", {"file": file}))
        sys.exit(REFUSED)
    arguments = {"text": rows, "note": note}
    row = ask(data_dir, lang, lambda lab: lab.command(device, "import_csv", arguments))
    show(row, as_json, ("id", "device", "verb", "state", "answer"))


def decoded(data: bytes) -> str:
    """The text of a CSV, UTF-8 with or without a mark, or Shift_JIS. Raises UnicodeDecodeError."""
    for encoding in ENCODINGS[:-1]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(ENCODINGS[-1])
