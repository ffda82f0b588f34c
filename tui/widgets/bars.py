"""The bars that frame every screen: who and when, what is wrong, which keys, and the stop."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from tui.keymap import SCOPES, STOP_KEY, Key, keys_of
from tui.look import BAD, BOLD, DIM, GOOD, KEY, PLAIN
from tui.station import Station
from tui.widgets.panel import Panel

FOOTER_KEYS = 6
TABS = ("today", "devices", "trial", "bookings", "log")


class Bar(Panel):
    """One line across the screen."""

    def __init__(self, station: Station, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.station = station


class TopBar(Bar):
    """Which lab, real or simulated, whether it answers, and its time."""

    def show(self) -> None:
        """Show what is known now."""
        view, t = self.station.view, self.station.t
        lab = view.lab
        simulated = lab.simulated if lab else False
        self.set_class(bool(lab) and not simulated, "-real")
        mode = t("mode.none") if lab is None else t("mode.simulated" if simulated else "mode.real")
        parts = [Text(f" {mode} ", BOLD + Style(reverse=True)), Text(lab.name if lab else "", BOLD)]
        if lab and lab.factor != 1:
            parts.append(Text(f"x{lab.factor:g}", DIM))
        if self.station.readonly:
            parts.append(Text(t("mode.readonly"), KEY))
        parts.append(Text("+ " + t("lab.live"), GOOD) if view.live else Text(t("lab.lost"), BAD))
        now = view.local_now
        clock = f"{t.day(now)} {now:%H:%M:%S}" if view.now else ""
        left = Text("  ").join(parts)
        gap = max(1, self.size.width - left.cell_len - Text(clock).cell_len - 1)
        self.say(left + Text(" " * gap) + Text(clock, PLAIN if view.live else DIM))


class Tabs(Bar):
    """The screens and their keys."""

    def show(self, current: str) -> None:
        """Show which one is open."""
        t, line = self.station.t, Text(" ")
        for key in SCOPES["global"]:
            if key.id in TABS:
                style = Style(reverse=True, bold=True) if key.id == current else PLAIN
                label = Text(f" {key.shown} {t(f'key.{key.id}')} ", style)
                label.apply_meta({"@click": f"app.{key.action}"})
                line += label + Text(" ")
        self.say(line)


class Banner(Panel):
    """What is wrong with the lab as a whole; takes no room while nothing is."""

    def __init__(self, station: Station) -> None:
        super().__init__()
        self.station = station

    def show(self) -> None:
        """Connection lost, stop latched, no permit: each on its own line."""
        view, t, lines = self.station.view, self.station.t, []
        if not view.live:
            lines.append(view.why_lost or t("banner.lost"))
        if view.latch.latched:
            lines.append(self._latch())
        elif view.live and view.lab is not None and not view.lab.permit:
            lines.append(t("banner.no_permit"))
        self.display = bool(lines)
        self.say(Text("\n".join(lines)))

    def _latch(self) -> str:
        latch, t, view = self.station.view.latch, self.station.t, self.station.view
        names = [
            view.devices[one].name if one in view.devices else t.word("scope", one)
            for one in latch.scopes
        ]
        # The stopper stamps with the wall clock, which is not lab time in a lab that runs faster.
        real = view.lab is None or view.lab.factor == 1
        at = f"{view.local(latch.at):%H:%M}" if latch.at and real else ""
        return t(
            "banner.latched",
            scope=", ".join(names),
            at=at,
            by=latch.by,
            cause=t.word("stop.cause", latch.cause) if latch.cause else "",
            reason=latch.reason,
        )


class KeyBar(Bar):
    """At most six keys of this screen; the rest is under `?`."""

    def __init__(self, station: Station, scopes: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(station, id=id)
        wanted = [key for key in keys_of(scopes) if key.footer]
        self.keys: list[Key] = wanted[:FOOTER_KEYS]

    def on_mount(self) -> None:
        """The keys do not change."""
        t, line = self.station.t, Text(" ")
        for key in self.keys:
            where = "app" if key in SCOPES["global"] else "screen"
            part = Text.assemble((key.shown, KEY), " ", (t(f"key.{key.id}"), PLAIN))
            part.apply_meta({"@click": f"{where}.{key.action}"})
            line += part + Text("  ")
        self.say(line)


class StopBar(Bar):
    """The stop command, always there, on every screen and in every dialog."""

    def on_mount(self) -> None:
        """Always the same."""
        label = Text.assemble((f" {STOP_KEY} ", Style(reverse=True, bold=True)), " ")
        label.append(self.station.t("stop.bar"))
        label.apply_meta({"@click": "app.stop"})
        self.say(label)
