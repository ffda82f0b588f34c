"""`machikoba device browse` and `device certificate`: getting an OPC UA machine into lab.toml.

Both work without a running lab.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from pydantic import ValidationError

from equipment_drivers.devices.opcua_options import OpcuaOptions
from equipment_drivers.devices.opcua_security import fingerprint, make_pair, parse
from equipment_drivers.devices.opcua_survey import Found, survey
from equipment_drivers.errors import DriverError
from lab_controller.cli.door import REFUSED, complain, refusal, show
from lab_controller.cli.language import in_language
from lab_controller.i18n import text

F = TypeVar("F", bound=Callable[..., Any])
COLUMNS = ("path", "type", "unit", "value", "status", "node")
FILES = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
LOGIN = (
    click.option("--unsecured", is_flag=True, help="Connect without encryption (closed wire)."),
    click.option("--mode", type=click.Choice(["Sign", "SignAndEncrypt"]), default="SignAndEncrypt"),
    click.option("--certificate", type=FILES, help="Our certificate (see device certificate)."),
    click.option("--key", type=FILES, help="Its private key."),
    click.option("--trust", type=FILES, help="Folder of the server certificates we believe."),
    click.option("--user"),
    click.option("--password-file", type=FILES),
    click.option("--password-env", help="Environment variable that holds the password."),
)


def login(command: F) -> F:
    """How to log in to the server."""
    for option in reversed(LOGIN):
        command = option(command)
    return command


@click.command()
@click.argument("endpoint", metavar="opc.tcp://HOST:PORT")
@login
@click.option("--limit", type=click.IntRange(1, 20_000), default=2_000, show_default=True)
@click.option("--write", type=FILES, help="Write (or add to) a lab.toml with what was found.")
@click.option("--id", "name", default="machine1", show_default=True, help="Its id in that file.")
@click.option("--estop", help="Where its emergency stop button is; it then counts as moving.")
@in_language
@JSON
def browse(
    endpoint: str,
    limit: int,
    write: Path | None,
    name: str,
    estop: str | None,
    lang: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Look at an OPC UA server: every value with type, unit and status. Nothing is written there.

    With --write it becomes a connection and a device of lab.toml, to be looked through.
    """
    options = _options(endpoint, given)
    try:
        found = asyncio.run(survey(options, limit))
        if write is not None:
            _write(write, name, lines_of(name, options, found, estop), lang)
    except DriverError as error:
        _refuse(lang, error.code, error.params)
    except OSError as error:
        _refuse(lang, "cli.file_failed", {"file": error.filename, "cause": error.strerror})
    show([asdict(one) for one in found], as_json, COLUMNS)
    told = {"url": endpoint, "count": len(found), "id": name, "file": write}
    click.echo(text(lang, "cli.browse_found", told), err=True)
    if write is not None:
        told["count"] = sum(one.is_number for one in found)
        click.echo(text(lang, "cli.browse_wrote", told), err=True)


@click.command()
@click.argument("folder", type=FILES, default="certificates")
@click.option("--uri", default="", help="Application URI; default: of this machine.")
@click.option("--host", "hosts", multiple=True, help="Name or address of this machine.")
@click.option("--days", type=click.IntRange(1, 7_300), default=1_825, show_default=True)
@in_language
@JSON
def certificate(
    folder: Path, uri: str, hosts: tuple[str, ...], days: int, lang: str, as_json: bool
) -> None:
    """Make the lab's own certificate and private key for OPC UA; never replaces one."""
    try:
        made, key = make_pair(folder, uri=uri, hosts=hosts, days=days)
        mark = fingerprint(parse(made.read_bytes()))
    except OSError as error:
        _refuse(lang, "cli.file_failed", {"file": error.filename, "cause": error.strerror})
    told = {"certificate": str(made), "key": str(key), "fingerprint": mark}
    click.echo(json.dumps(told) if as_json else text(lang, "cli.certificate_made", told))


def _refuse(lang: str, code: str, params: Mapping[str, object]) -> NoReturn:
    complain(refusal(lang, code, params))
    sys.exit(REFUSED)


def _options(endpoint: str, given: dict[str, Any]) -> OpcuaOptions:
    """The flags as options of the driver; a flag that does not fit is a usage error."""
    secured = not given.pop("unsecured")
    wanted = {
        "url": endpoint,
        "allow_unsecured": not secured,
        "security": "Basic256Sha256" if secured else "none",
        "security_mode": given["mode"],
        "certificate_file": _absolute(given["certificate"]),
        "private_key_file": _absolute(given["key"]),
        "trust_dir": _absolute(given["trust"]),
        "user": given["user"],
        "password_file": _absolute(given["password_file"]),
        "password_env": given["password_env"],
    }
    try:
        return OpcuaOptions.model_validate(wanted)
    except ValidationError as error:
        raise click.UsageError(
            f"{error.errors()[0]['msg']} (--certificate, --key, --trust; or --unsecured)"
        ) from error


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _write(file: Path, name: str, lines: Iterable[str], lang: str) -> None:
    """A new lab.toml, or more at the end of one; what is there stays as it is."""
    before = 'lab = { name = { ja = "Lab", en = "Lab" }, data_dir = "data" }\n'
    if file.exists():
        before = file.read_text(encoding="utf-8")
        there = tomllib.loads(before)
        rows = [*there.get("connection", []), *there.get("device", [])]
        if any(row.get("id") == name for row in rows):
            _refuse(lang, "cli.browse_taken", {"file": file, "id": name})
    file.write_text(before.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def lines_of(
    name: str, options: OpcuaOptions, found: Iterable[Found], estop: str | None
) -> Iterator[str]:
    """A connection and a device in TOML; values that are no numbers stand there as comments."""
    yield from ("[[connection]]", f"id = {quoted(name)}", 'driver = "opcua"')
    yield "[connection.options]"
    for key, value in options.model_dump(mode="json", exclude_defaults=True).items():
        yield f"{key} = {quoted(value) if isinstance(value, str) else str(value).lower()}"
    yield from ("", "[[device]]", f"id = {quoted(name)}")
    yield f"name = {{ ja = {quoted(name)}, en = {quoted(name)} }}"
    yield f"connection = {quoted(name)}"
    if estop is not None:
        yield f"estop = {{ ja = {quoted(estop)}, en = {quoted(estop)} }}"
    yield "[device.options]"
    if estop is None:
        yield "moves = false  # if it can hurt somebody: true, and estop = … above"
    names: set[str] = set()
    for one in found:
        if not one.is_number:
            yield f"# {one.path}: {one.type} {quoted(one.value)} {quoted(one.node)}"
            continue
        signal = _name(one.path, names)
        yield "[[device.options.signals]]"
        yield f"name = {quoted(signal)}"
        yield f"node = {quoted(one.node)}"
        yield f"unit = {quoted(one.unit)}"


def quoted(value: str) -> str:
    """A TOML basic string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _name(path: str, taken: set[str]) -> str:
    """A signal name from the end of a path, different from those taken."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.rpartition("/")[2]).lower()
    name = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    if not name[:1].isalpha():
        name = f"value_{name}".rstrip("_")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free
