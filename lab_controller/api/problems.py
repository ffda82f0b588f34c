"""Every refusal leaves in one shape: code, sentence, problems."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from booking.errors import BookingError, BookingRefused, Problem
from equipment_drivers.errors import DriverError
from lab_controller.errors import LabError
from lab_controller.i18n import LANGUAGES, say, text
from lab_controller.jobfiles import GcodeRefused
from lab_controller.stopper.errors import StopFault
from lab_controller.wire import ProblemShape, Refusal
from trial_logs.errors import Invalid, TrialError

log = logging.getLogger(__name__)

Coded = BookingError | DriverError | LabError | StopFault | TrialError
CODED = (BookingError, DriverError, LabError, StopFault, TrialError)

STATUS = {
    "auth.token_missing": 401,
    "auth.token_wrong": 401,
    "booking.no_such_number": 404,
    "driver.bad_arguments": 422,
    "driver.timeout": 504,
    "gcode.refused": 422,
    "lab.bad_arguments": 422,
    "lab.file_too_large": 413,
    "lab.storage_failed": 507,
    "lab.unknown_vendor_link": 401,  # a bearer that opens nothing
    "sheet.none": 404,
    "stop.reason_missing": 422,
    "trial.invalid": 422,
    "stop.unreachable": 503,
    "stop.no_permit": 503,
}
STATUS_BY_WORD = (("unknown", 404), ("bad_", 422), ("missing_field", 422))
OTHERWISE = 409


def status_of(code: str) -> int:
    """The HTTP status a code is answered with."""
    if code in STATUS:
        return STATUS[code]
    word = code.rpartition(".")[2]
    return next((status for start, status in STATUS_BY_WORD if word.startswith(start)), OTHERWISE)


def language_of(request: Request) -> str:
    """The reader's language: the first of ours in Accept-Language, else the lab's."""
    accepted = request.headers.get("accept-language", "")
    for part in accepted.split(","):
        chosen = part.split(";")[0].strip()[:2].lower()
        if chosen in LANGUAGES:
            return chosen
    return str(request.app.state.lab.language)


def shape_problems(language: str, problems: Iterable[Problem]) -> list[ProblemShape]:
    """Booking problems as they travel."""
    return [
        ProblemShape(
            code=problem.code,
            text=say(language, problem),
            field=problem.field or "",
            params={key: str(value) for key, value in problem.params.items()},
            overridable=problem.overridable,
            next_start=problem.next_start,
        )
        for problem in problems
    ]


def refusal(
    language: str,
    code: str,
    params: Mapping[str, object] | None = None,
    problems: list[ProblemShape] | None = None,
) -> Refusal:
    """A refusal in words."""
    shown = {key: str(value) for key, value in (params or {}).items()}
    return Refusal(
        code=code, text=text(language, code, shown), params=shown, problems=problems or []
    )


def answer(status: int, body: Refusal) -> JSONResponse:
    """A refusal as a response."""
    return JSONResponse(body.model_dump(mode="json"), status_code=status)


async def on_coded(request: Request, error: Exception) -> JSONResponse:
    """Any room's coded error."""
    assert isinstance(error, CODED)
    language = language_of(request)
    problems: list[ProblemShape] = []
    if isinstance(error, BookingRefused):
        problems = shape_problems(language, error.problems)
    if isinstance(error, Invalid):
        problems = [
            ProblemShape(
                code=found.code,
                text=text(language, found.code, found.params),
                field=found.field,
                params=found.params,
            )
            for found in error.problems
        ]
    if isinstance(error, GcodeRefused):
        problems = [
            ProblemShape(
                code=found.code,
                text=text(language, found.code, {"line": found.line, **found.params}),
                field=f"line {found.line}",
                params={key: str(value) for key, value in found.params.items()},
            )
            for found in error.problems
        ]
    params = in_words(error, language)
    return answer(status_of(error.code), refusal(language, error.code, params, problems))


def in_words(error: Coded, language: str) -> dict[str, str]:
    """The error's parameters; a cause that is itself coded becomes its sentence."""
    cause = error.__cause__
    if "cause" in error.params and isinstance(cause, CODED):
        return error.params | {"cause": text(language, cause.code, cause.params)}
    return error.params


async def on_bad_body(request: Request, error: Exception) -> JSONResponse:
    """A body or a parameter that does not have its documented shape."""
    assert isinstance(error, RequestValidationError)
    language = language_of(request)
    problems = [
        ProblemShape(
            code="lab.bad_field",
            text=text(language, "lab.bad_field", {"field": where, "cause": found["msg"]}),
            field=where,
        )
        for found in error.errors()
        for where in [".".join(str(part) for part in found["loc"][1:]) or "-"]
    ]
    body = refusal(language, "lab.bad_request", {"count": len(problems)}, problems)
    return answer(422, body)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own: no such path, wrong method."""
    assert isinstance(error, HTTPException)
    code = "lab.not_found" if error.status_code == 404 else "lab.http"
    params = {"path": request.url.path, "status": error.status_code}
    return answer(error.status_code, refusal(language_of(request), code, params))


async def on_mistake(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours: a number for the person, the trace for the log."""
    reference = uuid.uuid4().hex[:8]
    log.error("internal fault %s at %s", reference, request.url.path, exc_info=error)
    body = refusal(language_of(request), "lab.internal", {"reference": reference})
    return answer(500, body)


def install(app: FastAPI) -> None:
    """Let nothing bare reach a client."""
    for kind in CODED:
        app.add_exception_handler(kind, on_coded)
    app.add_exception_handler(RequestValidationError, on_bad_body)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_mistake)
