"""The offer of the demo's story: a PDF made from the investment sheet, marked as an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst

from trial_logs.typeset.fonts import declared

TEMPLATE = "offer.typ"


def offer_pdf(words: Mapping[str, Any], sheet: Mapping[str, Any], day: date) -> bytes:
    """The lines of the sheet that name this offer's file, with their sum and the tax upon it."""
    lines = [each for each in sheet["line"] if each.get("quote") == words["file"]]
    net, percent = sum(each["yen"] for each in lines), sheet["tax_percent"]
    tax = net * percent // 100
    dated = words["dated"].format(year=day.year, month=day.month, day=day.day)
    shown = {
        **words,
        "dated": dated,
        "rows": [[each["name"], words["amount"], f"{each['yen']:,}"] for each in lines],
        "sum_with_tax": f"{net + tax:,}",
        "sums": [
            [words["sum"], f"{net:,}"],
            [words["tax"].format(percent=percent), f"{tax:,}"],
            [words["sum_with_tax"], f"{net + tax:,}"],
        ],
    }
    template = files("lab_controller.demo").joinpath(TEMPLATE).read_bytes()
    with TemporaryDirectory() as folder:
        fonts = declared((), Path(folder))
        given = json.dumps({**shown, "fonts": fonts.families}, ensure_ascii=False)
        page = typst.Compiler(template, font_paths=fonts.found, sys_inputs={"offer": given})
        pdf = page.compile(timestamp=0)
    assert isinstance(pdf, bytes)
    return pdf
