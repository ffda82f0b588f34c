"""A device in words: its three axes, its values with their age, its job, its last commands."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from lab_controller.wire import CommandShape, DeviceShape, InterlockShape, ReadingShape
from tui.lab_view import LabView
from tui.look import (
    AXES,
    BAD,
    BOLD,
    COMMAND,
    DIM,
    FAINT,
    GOOD,
    KEY,
    PLAIN,
    UNKNOWN,
    WARN,
    bar,
    column,
    fit,
    joined,
    right,
)
from tui.texts import Texts

AXIS = 13
QUALITY = {"GOOD": GOOD, "UNCERTAIN": WARN, "BAD": BAD}
AXIS_SIGNAL = "axis_"
STAFFS = ("maintenance", "demo")


def axis(device: DeviceShape, name: str, live: bool, t: Texts) -> tuple[str, Style]:
    """One axis as symbol + word, and its colour; nothing is known once the lab is lost."""
    code = str(getattr(device, name)) if live else "unknown"
    mark = AXES[name].get(code, UNKNOWN)
    return f"{mark.symbol} {t.word(name, code)}", mark.style


def device_row(device: DeviceShape, name_width: int, view: LabView, t: Texts) -> Text:
    """One line of the list."""
    cells = [column(device.name, name_width, BOLD if view.live else DIM)]
    for name in AXES:
        word, style = axis(device, name, view.live, t)
        cells.append(column(word, AXIS, style))
    return joined([*cells, _at_a_glance(device, view, t)])


def _at_a_glance(device: DeviceShape, view: LabView, t: Texts) -> Text:
    """The one thing worth seeing from afar."""
    if not view.live:
        return Text(t("value.stale"), DIM)
    if device.outcome_unknown:
        return Text(t("device.outcome_unknown"), BAD)
    denied = next((one for one in device.interlocks if not one.ok), None)
    if denied is not None:
        return Text(f"! {denied.name}", BAD)
    if device.job is not None:
        return Text(f"{device.job.fraction:4.0%} {bar(device.job.fraction, 7)}", GOOD)
    reading = next(iter(device.readings), None)
    if reading is None:
        return Text("")
    return Text(f"{value_text(reading, t)}", DIM if reading.stale else PLAIN)


def value_text(reading: ReadingShape, t: Texts) -> str:
    """Value and unit."""
    if reading.value is None:
        return t("value.none")
    if reading.unit == "1":
        word = f"value.{reading.signal}.{reading.value:.0f}"
        return t(word) if t.has(word) else f"{reading.value:.{reading.precision}f}"
    return f"{reading.value:.{reading.precision}f} {t.word('unit', reading.unit)}"


def signal_name(signal: str, t: Texts) -> str:
    """What a signal is called."""
    if signal.startswith(AXIS_SIGNAL):
        return t("signal.axis", n=signal.removeprefix(AXIS_SIGNAL))
    return t.word("signal", signal)


def reading_lines(device: DeviceShape, view: LabView, t: Texts) -> list[Text]:
    """The values, each with quality and age; a stale one is grey and says so."""
    axes = [one for one in device.readings if one.signal.startswith(AXIS_SIGNAL)]
    plain = [one for one in device.readings if one not in axes]
    lines = [_reading_line(one, view, t) for one in plain]
    if axes:
        stale = not view.live or any(one.stale for one in axes)
        values = " ".join("-" if one.value is None else f"{one.value:.0f}" for one in axes)
        words = fit(t("signal.axes"), 12) + f" {values} deg"
        lines.append(Text(words, FAINT if stale else PLAIN))
    return lines or [Text(t("device.no_values"), DIM)]


def _reading_line(reading: ReadingShape, view: LabView, t: Texts) -> Text:
    stale = reading.stale or not view.live
    style = FAINT if stale else PLAIN
    quality = t("value.stale") if stale else t.word("quality", reading.quality)
    age = t.seconds(reading.age_s) if view.live else ""
    return joined(
        [
            column(signal_name(reading.signal, t), 12, style),
            right(value_text(reading, t), 11, style if stale else BOLD),
            column(quality, 6, FAINT if stale else QUALITY.get(reading.quality, WARN)),
            Text(age, FAINT if stale else DIM),
        ]
    )


def about_lines(
    device: DeviceShape, log: Sequence[CommandShape], view: LabView, t: Texts
) -> list[Text]:
    """What it is doing, how it is stopped, what was last asked of it, what it said."""
    lines = [*_job_lines(device, view.live, t), *_stop_lines(device, t)]
    lines += [_interlock_line(one, t) for one in device.interlocks]
    if device.lease is not None:
        key = "device.lease_staff" if device.lease_kind in STAFFS else "device.lease"
        lines.append(Text(t(key, n=device.lease, holder=device.lease_holder), PLAIN))
    if device.link_text and device.link not in ("online", "degraded"):
        lines.append(Text(device.link_text, BAD))
    if device.outcome_unknown:
        lines.append(Text(t("device.look"), BAD))
    lines += [Text(f"! {one.text}", WARN) for one in device.messages[-1:]]
    if log:
        lines.append(Text(t("device.log"), DIM))
    return lines + [command_line(row, view, t) for row in log]


def _interlock_line(one: InterlockShape, t: Texts) -> Text:
    """One interlock: that it permits, or why not."""
    if one.ok:
        return Text(f"+ {t('device.interlock')} {one.name} ({one.limit})", DIM)
    return Text(f"! {one.why}", BAD)


def _job_lines(device: DeviceShape, live: bool, t: Texts) -> list[Text]:
    job = device.job
    if job is None:
        program = device.detail.get("program", "")
        return [Text(t("device.program", name=program), PLAIN)] if program else []
    counts = "  ".join(f"{t.word('count', name)} {n:,}" for name, n in job.counts.items())
    name = device.detail.get("job", "")
    done = Text(f"{bar(job.fraction, 24)} {job.fraction:.0%}", GOOD if live else FAINT)
    return [done, Text(f"{name}  {counts}", DIM)]


def _stop_lines(device: DeviceShape, t: Texts) -> list[Text]:
    if not device.stop_means and device.stoppable:
        return [Text(t("device.measures_only"), DIM)]
    place = device.estop or t("stop.button_unknown")
    lines = [Text.assemble((t("device.estop"), DIM), " ", (place, KEY))]
    if not device.stoppable:
        lines.append(Text(t("device.unstoppable"), BAD))
    return [*lines, Text(device.stop_means, DIM)] if device.stop_means else lines


def command_line(row: CommandShape, view: LabView, t: Texts) -> Text:
    """One command of the ledger."""
    return joined(
        [
            Text(f"{view.local(row.issued):%H:%M:%S}", DIM),
            column(t.word("verb", row.verb), 14, PLAIN),
            Text(t.word("command", row.state), COMMAND.get(row.state, WARN)),
            Text(row.issuer, DIM),
        ]
    )
