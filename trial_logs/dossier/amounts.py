"""How the dossier writes money, years, hours and shares with both their ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trial_logs.dossier.economics import AnnualEffect, Payback, Spread, Yen
from trial_logs.shown import minus, percent

Words = Mapping[str, str]


def yen(amount: int | None, words: Words) -> str:
    """Whole yen, thousands apart."""
    if amount is None:
        return words["report.none"]
    return _signed(amount, words["dossier.yen"].format(amount=f"{abs(amount):,}"))


def round_yen(amount: int, words: Words) -> str:
    """Yen for a reader in a hurry: 320万円, ¥3,200k; below that to the yen."""
    unit = int(words["dossier.round_unit"])
    if abs(amount) < unit:
        return yen(amount, words)
    number = abs(amount) / unit
    shown = f"{number:,.0f}" if number >= 100 else f"{number:,.1f}".removesuffix(".0")
    return _signed(amount, words["dossier.round_yen"].format(amount=shown))


def _signed(amount: int, text: str) -> str:
    """The sign before the currency where that comes first: −¥3,200."""
    return f"−{text}" if amount < 0 else text


def span(low: str, high: str, words: Words) -> str:
    """From here to there; a dash between negative numbers would be read as a sign."""
    return words["dossier.span"].format(low=low, high=high)


def yen_range(amount: Yen, words: Words) -> str:
    """An amount with both its ends behind it."""
    if amount.estimate is None:
        return _missing(amount.code, words)
    text = yen(amount.estimate, words)
    if amount.low is None or amount.high is None or amount.low == amount.high:
        return text
    ends = minus(span(f"{amount.low:,}", f"{amount.high:,}", words))
    return words["dossier.with_ends"].format(value=text, ends=ends)


def round_range(amount: Yen, words: Words) -> str:
    """The same for a reader in a hurry."""
    if amount.estimate is None:
        return _missing(amount.code, words)
    text = round_yen(amount.estimate, words)
    if amount.low is None or amount.high is None or amount.low == amount.high:
        return text
    ends = span(round_yen(amount.low, words), round_yen(amount.high, words), words)
    return words["dossier.with_ends"].format(value=text, ends=ends)


def years(payback: Payback, words: Words) -> str:
    """How long it takes, with both ends; an end that is never reached says so."""
    spread = payback.years
    if spread.estimate is None:
        return _missing(spread.code, words)
    text = words["dossier.years"].format(years=f"{spread.estimate:.1f}")
    ends = year_ends(spread, words)
    return words["dossier.with_ends"].format(value=text, ends=ends) if ends else text


def year_ends(spread: Spread, words: Words) -> str:
    """`2.1 to 4.0`; a missing upper end is never. Empty where no end is known."""
    if spread.low is None:
        return ""
    high = words["dossier.never"] if spread.high is None else f"{spread.high:.1f}"
    return span(f"{spread.low:.1f}", high, words)


def number(spread: Spread, words: Words, places: int = 0) -> str:
    """A plain number with both ends."""
    if spread.estimate is None:
        return _missing(spread.code, words)
    text = f"{spread.estimate:,.{places}f}"
    if spread.low is None or spread.high is None or spread.low == spread.high:
        return text
    ends = span(f"{spread.low:,.{places}f}", f"{spread.high:,.{places}f}", words)
    return words["dossier.with_ends"].format(value=text, ends=ends)


def whole_hours_saved(effect: AnnualEffect) -> Spread:
    """The hours saved as a reader gets them who subtracts the whole hours printed beside them."""
    before, after = effect.hours_before.estimate, effect.hours_after.estimate
    if before is None or after is None:
        return effect.hours_saved
    return replace(effect.hours_saved, estimate=float(round(before) - round(after)))


def share(spread: Spread, words: Words) -> str:
    """A share 0..1 in percent with both ends."""
    if spread.estimate is None:
        return _missing(spread.code, words)
    text = minus(percent(spread.estimate))
    if spread.low is None or spread.high is None or spread.low == spread.high:
        return text
    ends = minus(span(percent(spread.low), percent(spread.high), words))
    return words["dossier.with_ends"].format(value=text, ends=ends)


def _missing(code: str, words: Words) -> str:
    flag = words.get(code, code)
    none = words["report.none"]
    return f"{none} ({flag})" if flag else none
