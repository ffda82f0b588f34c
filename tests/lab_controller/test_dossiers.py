"""The investment sheet from file to lab.db, and grant packs from lab.toml."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab_controller import grant_packs, wiring
from lab_controller.cli.main import main
from lab_controller.client import LabClient, Refused
from lab_controller.config import ConfigInvalid
from lab_controller.i18n import text
from tests.lab_controller.bench import Bench
from tests.lab_controller.test_cli import OK, REFUSED, machikoba, table
from tests.lab_controller.test_config import GOOD
from tests.lab_controller.test_stream import TOKEN, Served
from tests.trial_logs.purchases import SHEET
from trial_logs.dossier import investment

PACK = """
id = "own"
status = "primary"
fiscal_year = 2026
valid_from = 2026-04-01
valid_until = 2027-03-31
period_stated = true
name = { ja = "町の制度", en = "Town scheme" }
issuer = { ja = "町", en = "Town" }
[source]
title = "要綱"
publisher = "町"
[[scheme]]
id = "a"
rate = "1/2"
name = { ja = "機械", en = "Machines" }
"""


@pytest.fixture
async def data(bench: Bench) -> AsyncIterator[Path]:
    """The data folder of a lab that is being served."""
    served = Served(bench)
    folder = bench.lab.settings.lab.data_dir
    (folder / "controller.url").write_text(served.url + "\n", encoding="ascii")
    (folder / "staff.token").write_text(TOKEN + "\n", encoding="ascii")
    yield folder
    await served.stop()


async def test_a_sheet_is_written_filled_in_and_entered(
    data: Path, bench: Bench, tmp_path: Path
) -> None:
    trial = await bench.trial(await bench.armed())
    file = tmp_path / "sheet.toml"
    assert json.loads((await machikoba("dossier", "sheet", "--out", file, "--json")).stdout) == {
        "file": str(file)
    }
    assert (await machikoba("dossier", "sheet", "--out", file)).exit_code == REFUSED
    empty = await machikoba("dossier", "enter", trial, file, "--data", data)
    assert empty.exit_code == REFUSED
    written = file.read_text(encoding="utf-8")
    line = 1 + written.splitlines().index('title = ""')
    assert f"{line} 行目" in empty.stderr
    filled = written.replace('title = ""', 'title = "ロボット"').replace("yen = 0", "yen = 500000")
    file.write_bytes(filled.encode("cp932"))  # as an old editor saves it
    (kept,) = [await machikoba("dossier", "enter", trial, file, "--data", data, "--json")]
    assert kept.exit_code == OK, kept.stderr
    assert json.loads(kept.stdout)["sheet"]["title"] == "ロボット"
    nowhere = await machikoba("dossier", "enter", "T1", file, "--data", data)
    assert nowhere.exit_code == REFUSED
    async with LabClient.for_lab(
        (data / "controller.url").read_text().strip(), data / "staff.token"
    ) as lab:
        assert (await lab.sheet(trial)).sheet["line"][0]["yen"] == 500000
        await lab.enter_sheet(trial, SHEET)
        assert investment.read((await lab.sheet(trial)).sheet) == investment.read(SHEET)
        with pytest.raises(Refused) as refused:
            await lab.enter_sheet(trial, {**SHEET, "tax": "vat"})
        assert [one.field for one in refused.value.refusal.problems] == ["tax"]
        assert (refused.value.status, refused.value.refusal.code) == (422, "trial.invalid")
        other = await bench.trial(await bench.armed("cell"))
        with pytest.raises(Refused) as nothing:
            await lab.sheet(other)
        assert (nothing.value.status, nothing.value.refusal.code) == (404, "sheet.none")


async def test_packs_are_listed_with_validity_and_worth(data: Path) -> None:
    rows = {str(row["id"]): row for row in await table("dossier", "packs", "--data", data)}
    assert set(rows) == {"ward_dx_2026", "national_labour_saving_2025", "national_monozukuri_2025"}
    assert rows["ward_dx_2026"]["status_text"] == text("ja", "subsidy.status.example")
    shown = await machikoba("dossier", "packs", "--data", data, "--lang", "en")
    assert "secondary source, to be checked" in shown.stdout


def test_a_pack_of_ones_own_joins_or_replaces_the_shipped_ones(tmp_path: Path) -> None:
    config = tmp_path / "lab.toml"
    (tmp_path / "own.toml").write_text(PACK, encoding="utf-8")
    newer = PACK.replace('"own"', '"ward_dx_2026"')
    (tmp_path / "ward.toml").write_text(newer, encoding="utf-8")
    config.write_text(GOOD + '\n[dossier]\npacks = ["own.toml", "ward.toml"]\n', encoding="utf-8")
    packs = {one.id: one for one in grant_packs.load(["own.toml", "ward.toml"], config)}
    assert len(packs) == 4
    assert packs["ward_dx_2026"].name["en"] == "Town scheme"
    assert wiring.check(config).dossier.packs == ["own.toml", "ward.toml"]


def test_the_pack_of_the_how_to_reads_as_it_stands(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-grant-pack.md"
    lab, pack = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    (tmp_path / "ward_2027.toml").write_text(pack, encoding="utf-8")
    (tmp_path / "lab.toml").write_text(GOOD + lab, encoding="utf-8")
    named = wiring.check(tmp_path / "lab.toml").dossier.packs
    *_, ward = grant_packs.load(named, tmp_path / "lab.toml")
    assert (ward.id, ward.schemes[0].round_yen, len(ward.schemes[0].ceilings)) == (
        "ward_2027",
        1000,
        2,
    )


def test_a_bad_pack_is_told_with_its_file_line_and_key(tmp_path: Path) -> None:
    config = tmp_path / "lab.toml"
    broken = PACK.replace("[source]", "[sauce]").replace('rate = "1/2"', 'rate = "half"')
    (tmp_path / "own.toml").write_text(broken, encoding="utf-8")
    config.write_text(GOOD + '\n[dossier]\npacks = ["own.toml", "no.toml"]\n', encoding="utf-8")
    with pytest.raises(ConfigInvalid) as refused:
        grant_packs.load(["own.toml", "no.toml"], config)
    found = {(one.code, one.params.get("key", "")) for one in refused.value.problems}
    line = 1 + broken.splitlines().index('rate = "half"')
    assert ("field.not_share", f"own.toml:{line} scheme[1].rate") in found
    assert {code for code, _ in found} == {
        "field.not_share",
        "pack.no_source",
        "field.unknown",
        "config.unreadable",
    }
    with pytest.raises(ConfigInvalid) as checked:
        wiring.check(config)
    assert {one.code for one in checked.value.problems} >= {code for code, _ in found}
    done = CliRunner().invoke(main, ["config", "check", str(config), "--lang", "en"])
    assert f"“own.toml:{line} scheme[1].rate” takes a rate" in done.stderr
