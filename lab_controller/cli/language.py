"""The option every command has that says something: in which language."""

from __future__ import annotations

import os

import click

in_language = click.option(
    "--lang",
    type=click.Choice(["ja", "en"]),
    default=lambda: os.environ.get("MACHIKOBA_LANG", "ja"),
    help="Language of the texts (or MACHIKOBA_LANG).",
)
