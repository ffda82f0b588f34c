"""`python -m tui`: the staff console on a running lab."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tui.app import run
from tui.texts import LANGUAGES, Texts


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    t = Texts("en")
    parser = argparse.ArgumentParser(prog="tui", description=t("title"))
    parser.add_argument("--url", required=True, help=t("option.url"))
    parser.add_argument("--token-file", required=True, type=Path, help=t("option.token_file"))
    parser.add_argument("--data", type=Path, help=t("option.data"))
    parser.add_argument("--lang", choices=LANGUAGES, default="ja", help=t("option.lang"))
    parser.add_argument("--readonly", action="store_true", help=t("option.readonly"))
    found = parser.parse_args(given)
    if not found.token_file.is_file():
        parser.error(Texts(found.lang)("option.no_token", file=found.token_file))
    return found


def main() -> None:
    """Read the command line and open the console."""
    found = arguments()
    run(
        found.url,
        found.token_file,
        data_dir=found.data,
        language=found.lang,
        readonly=found.readonly,
    )


if __name__ == "__main__":
    main()
