#!/usr/bin/env bash
# Makes the G-code of this folder again, byte for byte: OpenSCAD draws, PrusaSlicer slices.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openscad -q -o "$work/jig_clip.stl" jig_clip.scad

for condition in 020 028; do
    # On several cores the slicer places a few infill ends differently from run to run.
    taskset -c 0 prusa-slicer --export-gcode --datadir "$work" --loglevel 1 \
        --load marlin_pla.ini --load "jig_clip_$condition.ini" \
        --center 110,110 --output "$work/jig_clip_$condition.gcode" "$work/jig_clip.stl" >/dev/null
    # The slicer dates its first line; without the date the same source gives the same bytes.
    sed -E '1s/ on [0-9-]+ at [0-9:]+ UTC$//' "$work/jig_clip_$condition.gcode" \
        >"jig_clip_$condition.gcode"
    grep -H 'estimated printing time (normal' "jig_clip_$condition.gcode"
done
