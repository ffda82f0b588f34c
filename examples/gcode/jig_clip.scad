// 治具クリップ: holds a 6 mm locating pin on the edge of a 2 mm plate.
// All lengths in millimetres. The bore is the dimension to be measured by caliper.

bore = 6.00;       // nominal bore, through the height
length = 24;
width = 16;
height = 8;
slot = 2.1;        // plate thickness and its play
slot_depth = 9;
chamfer = 1;
facets = 20;      // of every hole

// A hole whose flats, not its corners, lie on the diameter: the caliper meets the flats.
module hole(diameter) {
    translate([0, 0, -1])
        cylinder(d = diameter / cos(180 / facets), h = height + 2, $fn = facets);
}

// The outline, seen from above: a block with its four corners cut.
module outline() {
    polygon([
        [chamfer, 0], [length - chamfer, 0],
        [length, chamfer], [length, width - chamfer],
        [length - chamfer, width], [chamfer, width],
        [0, width - chamfer], [0, chamfer],
    ]);
}

difference() {
    linear_extrude(height) outline();

    // The bore stands upright, so that the layers draw it as circles.
    translate([length - 7, width / 2]) hole(bore);

    // The slot that grips the plate.
    translate([-1, (width - slot) / 2, -1]) cube([slot_depth + 1, slot, height + 2]);

    // A relief at the root of the slot keeps it from splitting.
    translate([slot_depth, width / 2]) hole(slot + 0.9);
}
