"""No file of the project tells where it was made or where packages are to be fetched from."""

from __future__ import annotations

import re

from tests.architecture.rooms import ROOT, tracked

# Written in pieces, so that this file does not contain what it looks for.
HOSTS = [
    "py" + "pi.org", "python" + "hosted.org", "anaconda" + ".org", "npm" + "js.org",
    "npm" + "js.com", "unpkg" + ".com", "jsdelivr" + ".net", "cdnjs" + ".", "deb" + ".debian.org",
    "--" + "index-url", "--" + "extra-index-url", "--" + "find-links",
]  # fmt: skip
PLACES = re.compile(r"(?<![\w.:/~-])/(?:home|Users|work|root)/\w|[A-Z]:\\Users\\")


def places_named(text: str) -> list[str]:
    """The hosts and the absolute home paths a text names."""
    return [host for host in HOSTS if host in text] + PLACES.findall(text)


def test_no_file_names_a_host_or_a_machine() -> None:
    texts = {path: path.read_text("utf-8", errors="ignore") for path in tracked()}
    found = {str(path.relative_to(ROOT)): places_named(text) for path, text in texts.items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_the_search_finds_what_it_looks_for() -> None:
    assert places_named("see https://" + "py" + "pi.org/simple") != []
    assert places_named("log = '/" + "home/someone/lab.log'") != []
    assert places_named("the portal's /homes/ and a docs/work/plan") == []
