"""The scenes: each a small drawing, by one function.

They are drawn in units of WIDTH x HEIGHT from the top left corner. All randomness in a scene comes
from its canvas, which is seeded with the name of the scene.
"""

from __future__ import annotations

from collections.abc import Callable

from imagefinder.testing.gallery.canvas import Canvas
from imagefinder.testing.gallery.countryside import (
    autumn_wood,
    balloons,
    birch_wood,
    desert_dunes,
    mountain_lake,
    night_camp,
    pine_forest,
    tulip_field,
)
from imagefinder.testing.gallery.seaside import (
    beach_umbrellas,
    coral_reef,
    harbour,
    lighthouse,
    moonlit_sea,
    regatta,
    sunset_sea,
)
from imagefinder.testing.gallery.town import (
    canal_houses,
    chessboard,
    city_day,
    city_night,
    flower_vase,
    fruit_table,
    mosaic,
    snowy_village,
    stained_glass,
)

PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "harbour": harbour,
    "sunset-sea": sunset_sea,
    "moonlit-sea": moonlit_sea,
    "regatta": regatta,
    "lighthouse": lighthouse,
    "coral-reef": coral_reef,
    "beach-umbrellas": beach_umbrellas,
    "pine-forest": pine_forest,
    "autumn-wood": autumn_wood,
    "birch-wood": birch_wood,
    "tulip-field": tulip_field,
    "desert-dunes": desert_dunes,
    "mountain-lake": mountain_lake,
    "balloons": balloons,
    "night-camp": night_camp,
    "city-day": city_day,
    "city-night": city_night,
    "canal-houses": canal_houses,
    "snowy-village": snowy_village,
    "fruit-table": fruit_table,
    "flower-vase": flower_vase,
    "chessboard": chessboard,
    "mosaic": mosaic,
    "stained-glass": stained_glass,
}
"""What paints each scene, by the scene's name."""
