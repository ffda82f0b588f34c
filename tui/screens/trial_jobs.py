"""Giving the machine its job: a G-code file for a printer, a program for a robot."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.text import Text
from textual import on
from textual.message import Message

from lab_controller.wire import DeviceShape, GcodeShape
from tui.entries import BadField, Given
from tui.look import BOLD, DIM, KEY
from tui.messages import Done, JobFilesCame
from tui.screens.form import Field, Form
from tui.screens.pick import Pick
from tui.screens.trial_subject import TrialSubject
from tui.widgets.rows import Row

NEW = "+"
START = "start_program"


class JobKeys(TrialSubject):
    """What starts the machine. Everything here asks first."""

    def action_job(self) -> None:
        """Choose what the machine of this trial shall do."""
        why, device = self._why_no_job(), self.device
        if why or device is None:
            self.say(why)
        elif self.may_change():
            if "print_file" in device.commands:
                self.ask(self._files, opens=True)
            else:
                self._choose_program(device)

    def _why_no_job(self) -> str:
        if self.trial is None:
            return self.t("why.no_trial")
        if self.device is None:
            return self.t("job.no_device")
        if not self.armed or self.device.lease is None:
            return self.t("why.not_armed_for_run")
        if not self.device.may_actuate:
            return self.t("why.may_not_act", device=self.device.name)
        return ""

    # -- a print ------------------------------------------------------------------------------

    async def _files(self) -> Message:
        return JobFilesCame(await self.station.client.gcode())

    @on(JobFilesCame)
    def _choose_file(self, came: JobFilesCame) -> None:
        files = {one.id: one for one in came.files}
        rows = [Row(NEW, Text(self.t("job.upload"), KEY))]
        rows += [Row(one.id, self._file_line(one)) for one in came.files]

        def chosen(key: str | None) -> None:
            if key == NEW:
                self._upload()
            elif key:
                self._ask_print(files[key])

        first = came.files[0].id if came.files else NEW
        self.app.push_screen(Pick(self.station, self.t("job.file"), rows, first), chosen)

    def _file_line(self, one: GcodeShape) -> Text:
        shown = Text.assemble(
            (one.name, BOLD), "  ", (self.t("job.lines", n=f"{one.lines:,}"), DIM)
        )
        if one.seconds:
            minutes = max(1, round(one.seconds / 60))
            cost = self.t("job.estimate", minutes=minutes, grams=f"{one.filament_g:.1f}")
            shown.append(f"  {cost}", DIM)
        return shown

    def _upload(self) -> None:
        async def send(given: Given) -> Message:
            content = await asyncio.to_thread(job_file, given["path"])
            await self.station.client.upload_gcode(Path(given["path"]).name, content)
            return await self._files()

        fields = [Field("path", "field.path", hint="hint.path", required=True)]
        form = Form(self.station, self.t("job.upload"), fields, send)
        self.app.push_screen(form, self.post_if)

    def _ask_print(self, file: GcodeShape) -> None:
        device = self.device
        if device is not None:
            text = self.t("ask.print", device=device.name, file=file.name)
            word = self.t("verb.print_file")
            self.confirm(f"{word}  {file.name}", text, word, self._print, device, file)

    async def _print(self, device: DeviceShape, file: GcodeShape) -> Message:
        await self.station.client.command(
            device.id, "print_file", {"file": file.id}, lease=device.lease, wait=False
        )
        return Done(self.t("done.print", device=device.name, file=file.name))

    # -- a program ----------------------------------------------------------------------------

    def _choose_program(self, device: DeviceShape) -> None:
        program = device.detail.get("program", "")
        rows = [Row(NEW, Text(self.t("job.load"), KEY))]
        if program:
            words = self.t("job.start", program=program)
            rows.insert(0, Row(START, Text(words, BOLD)))

        def chosen(key: str | None) -> None:
            if key == NEW:
                self._load(device, program)
            elif key:
                self._ask_start(device, program)

        title = self.t("job.program", device=device.name)
        self.app.push_screen(Pick(self.station, title, rows), chosen)

    def _load(self, device: DeviceShape, program: str) -> None:
        async def send(given: Given) -> Message:
            name = {"name": given["name"]}
            client = self.station.client
            await client.command(device.id, "load_program", name, lease=device.lease)
            return Done(self.t("done.loaded", program=given["name"]))

        fields = [Field("name", "field.name", program, hint="hint.program", required=True)]
        form = Form(self.station, self.t("job.load"), fields, send)
        self.app.push_screen(form, self.post_if)

    def _ask_start(self, device: DeviceShape, program: str) -> None:
        text = self.t("ask.program", device=device.name, program=program)
        word = self.t("verb.start_program")
        self.confirm(f"{word}  {program}", text, word, self._start, device, program)

    async def _start(self, device: DeviceShape, program: str) -> Message:
        await self.station.client.command(device.id, START, {}, lease=device.lease)
        return Done(self.t("done.program", device=device.name, program=program))


def job_file(path: str) -> bytes:
    """A file of this computer. Raises BadField when it cannot be read."""
    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, RuntimeError):
        raise BadField("path", "bad.path") from None
