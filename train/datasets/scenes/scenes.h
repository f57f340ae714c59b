// The scenes procedural pictures show; each function draws a new one. They have in common that what lies in a
// hole follows from what lies around it by continuing (a row of windows, a joint, a ring), not by smoothing.
#pragma once

#include "train/datasets/scenes/scene.h"

namespace inpaint {

Scene facade_scene(Draws& draw);    // rows of windows on a wall, with sky above or a shop floor below
Scene tiling_scene(Draws& draw);    // squares, bricks, hexagons, herringbone, checkers, seen at an angle
Scene stripes_scene(Draws& draw);   // planks, slabs and roads that run to a vanishing point; corridors
Scene discs_scene(Draws& draw);     // lattices of discs and balls, concentric rings
Scene gradient_scene(Draws& draw);  // skies over rows of hills; a few evenly lit faces with straight edges
Scene noise_scene(Draws& draw);     // clouds, marble, wood, woven cloth

}  // namespace inpaint
