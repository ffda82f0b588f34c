"""The fake lab's equipment and devices: one at work, one that is lost, one without a place."""

from __future__ import annotations

from typing import Any

from lab_controller.wire import DeviceShape, EquipmentShape, ReadingShape
from tests.tui.fake_day import Say


def equipment(w: Say) -> list[EquipmentShape]:
    """A bench with two devices, a cell with one, a kit without."""

    def one(id: str, name: str, devices: list[str]) -> EquipmentShape:
        return EquipmentShape(
            id=id,
            name=name,
            category="",
            vendor="",
            model="",
            summary="",
            abilities=[],
            devices=devices,
            qualification=None,
            fee_yen_per_hour=0,
            min_minutes=30,
            max_minutes=240,
            step_minutes=30,
        )

    return [
        one(
            "fdm",
            w("3Dプリンター作業台(FDM)", "FDM printer bench"),
            ["printer1", "plug1"],
        ),
        one("cell", w("協働ロボットセル", "Cobot cell"), ["cobot1"]),
        one("iot", w("見える化 IoT キット", "IoT retrofit kit"), []),
    ]


def devices(w: Say) -> list[DeviceShape]:
    """A printer at work, its plug, a robot that is lost, and the room."""

    def one(id: str, name: str, kind: str, connection: str, **more: Any) -> DeviceShape:
        plain: dict[str, Any] = {
            "equipment": None,
            "link": "online",
            "link_text": "",
            "operation": "ready",
            "safety": "none",
            "may_actuate": True,
            "lease": None,
            "lease_holder": None,
            "stop_means": "",
            "stoppable": True,
            "estop": "",
            "outcome_unknown": "",
            "detail": {},
            "readings": [],
            "commands": [],
            "job": None,
            "messages": [],
        }
        return DeviceShape(id=id, name=name, kind=kind, connection=connection, **(plain | more))

    def value(signal: str, value: float | None, unit: str, age: float = 0.8, **more: Any) -> Any:
        quality = "GOOD" if value is not None else "BAD"
        found: dict[str, Any] = {"quality": quality, "stale": False, "precision": 1}
        return ReadingShape(signal=signal, value=value, unit=unit, age_s=age, **(found | more))

    return [
        one(
            "printer1",
            w("3Dプリンター1号", "Printer 1"),
            "printer3d",
            "printer1",
            equipment="fdm",
            operation="busy",
            lease=7,
            lease_holder="b2",
            stop_means=w("M112 で止め、電源プラグを切ります。", "M112, then its plug off."),
            estop=w("プリンター正面右の赤いボタン", "red button, front right"),
            detail={"job": "jig_clip_020.gcode", "firmware": "Marlin 2.1"},
            readings=[
                value("hotend_temp", 209.8, "Cel"),
                value("hotend_target", 210.0, "Cel", precision=0),
                value("bed_temp", 59.9, "Cel"),
                value("bed_target", 60.0, "Cel", precision=0),
                value("progress", 45.2, "%"),
                value("lines_sent", 8241, "1", precision=0),
                value("resends", 3, "1", precision=0),
            ],
            commands=[
                "cancel",
                "home",
                "pause",
                "print_file",
                "resume",
                "set_bed",
                "set_hotend",
            ],
            interlocks=[
                {
                    "id": "cool",
                    "name": w("室温が高すぎない", "Room not too warm"),
                    "ok": True,
                    "limit": w("部屋の温湿度 室温 < 45 Cel", "Room temperature < 45 Cel"),
                }
            ],
            job={
                "command": "c1",
                "fraction": 0.452,
                "counts": {"lines_sent": 8241, "resends": 3},
            },
        ),
        one(
            "plug1",
            w("プリンターの電源プラグ", "Printer's plug"),
            "plug",
            "hub1",
            equipment="fdm",
            lease=7,
            lease_holder="b2",
            operation="ready",
            stop_means=w("電源を切ります。", "Switches the power off."),
            estop=w("壁のコンセント A-3", "wall socket A-3"),
            readings=[
                value("power", 182.4, "W", 2.0),
                value("energy", 12.3456, "kW.h", 2.0, precision=4),
            ],
            commands=["refresh", "turn_off", "turn_on"],
        ),
        one(
            "cobot1",
            w("協働ロボット1号", "Cobot 1"),
            "robot",
            "cobot1",
            equipment="cell",
            operation="unknown",
            safety="unknown",
            link="backoff",
            link_text=w("再接続待ち", "retrying"),
            may_actuate=False,
            stop_means=w("ソフトからは止められません。", "Software cannot stop it."),
            stoppable=False,
            estop=w("セル入口の柱とティーチングペンダント", "post at the cell's entrance"),
            detail={"program": "pick_and_place"},
            readings=[
                value("cycle_time", 12.41, "s", 95, precision=2, stale=True),
                value("parts_good", 41, "1", 95, precision=0, stale=True),
                value("power", None, "W", 95, stale=True),
                *(value(f"axis_{n}", 10.0 * n, "deg", 95, stale=True) for n in range(1, 7)),
            ],
            commands=["hold", "load_program", "resume", "start_program", "stop_program"],
        ),
        one(
            "room",
            w("部屋の温湿度", "Room climate"),
            "sensors",
            "hub1",
            readings=[
                value("temperature", 22.4, "Cel", 4),
                value("humidity", 41.0, "%", 4),
                value("vibration", 0.3, "mm/s", 4, quality="UNCERTAIN"),
                value("door", 0.0, "1", 4, precision=0),
            ],
            commands=["refresh"],
        ),
    ]
