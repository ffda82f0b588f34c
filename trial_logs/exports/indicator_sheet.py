"""Availability, OEE, 可動率 and their like, one a line with its inputs, computed live from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trial_logs.content import RunSection
from trial_logs.exports.cells import Cell, Formula, letter, shown, unless
from trial_logs.exports.tables import Words
from trial_logs.metrics import NO_DATA
from trial_logs.times import Indicator

NAMES = ("availability", "effectiveness", "quality", "oee", "setup_ratio", "bekido", "kado")
COLUMNS = (
    "run", "simulated", "indicator", "formula",
    "symbol_1", "input_1", "symbol_2", "input_2", "symbol_3", "input_3", "result", "remark",
)  # fmt: skip
FORMULAS: Mapping[str, tuple[str, str]] = {
    # code: (what is divided, by what), in the cells of the inputs 1, 2, 3
    "formula.availability": ("{1}", "{2}"),
    "formula.effectiveness": ("{1}*{2}", "{3}"),
    "formula.quality": ("{1}", "{2}"),
    "formula.oee": ("{1}*{2}*{3}", ""),
    "formula.setup_ratio": ("{1}", "{2}"),
    "formula.bekido": ("({1}-{2})", "{1}"),
    "formula.kado": ("{1}", "{2}"),
}
LINKED = {"PQ": "produced", "GQ": "good"}
"""Inputs that are cells of the summary."""
FIRST_INPUT, RESULT = COLUMNS.index("input_1"), COLUMNS.index("result")


def lines(
    run: RunSection, first: int, summary: Mapping[str, str], words: Words
) -> Iterator[list[Cell]]:
    """The indicators of one run, its first line on row `first` (from 1).

    `summary` names the summary's cells by line, so that parts are counted in one place only.
    """
    results = {name: f"{letter(RESULT)}{first + at}" for at, name in enumerate(NAMES)}
    for at, name in enumerate(NAMES):
        found = getattr(run.numbers.times, name)
        line: list[Cell] = [
            run.run_id,
            words["export.yes" if run.simulated else "export.no"],
            words[f"indicator.{name}"],
            words[found.formula],
        ]
        for symbol, value in found.inputs:
            linked = results.get(symbol) or summary.get(LINKED.get(symbol, ""))
            name_of = words.get(f"indicator.{symbol}", symbol)
            missing = value is None or not linked
            line += [name_of, value if missing else Formula(str(linked), value or 0.0)]
        line += [None] * (RESULT - len(line))
        cells = [f"{letter(FIRST_INPUT + 2 * n)}{first + at}" for n in range(3)]
        line += [_result(found, cells, words), words.get(found.figure.code, "")]
        yield line


def _result(found: Indicator, cells: Sequence[str], words: Words) -> Cell:
    value = shown(found.figure, words)
    known = found.figure.value is not None or found.figure.code == NO_DATA
    if not known or None in (value for _, value in found.inputs):
        return value
    over, under = (part.format("", *cells) for part in FORMULAS[found.formula])
    return Formula(
        unless(f"{under}=0", NO_DATA, f"{over}/{under}", words) if under else over, value
    )
