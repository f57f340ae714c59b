#include "train/score/hole_choice.h"

#include <memory>

#include "train/score/hole_file.h"
#include "train/settings/settings.h"

namespace inpaint {

void check_hole_choice(const HoleChoice& choice) {
  check_hole_options({choice.form, choice.min_hole, choice.max_hole});
  const bool files = choice.form == HoleForm::kFiles;
  if (files && choice.masks.empty())
    user_error("holes=files: where are the masks? give masks=FOLDER, or holes of another form");
  if (!files && !choice.masks.empty())
    user_error("masks={}: the holes are {}; give holes=files, or leave masks out", choice.masks,
               to_string(choice.form));
  if (!choice.file.empty() && choice.form != HoleForm::kSquare)
    user_error("holes_file={}: it says what the holes are; leave holes={} out", choice.file,
               to_string(choice.form));
}

HoleSource open_holes(const HoleChoice& choice, int64_t count, int64_t image_size) {
  if (!choice.file.empty()) return load_holes(choice.file, count, image_size);
  const auto seed = static_cast<uint64_t>(choice.seed);
  if (choice.form == HoleForm::kSquare) return placed_squares(choice.block, seed);
  HoleOptions options{choice.form, choice.min_hole, choice.max_hole};
  if (choice.form != HoleForm::kFiles) return drawn_holes(options, seed);
  const auto masks =
      std::make_shared<const MaskFiles>(choice.masks, choice.mask_value, image_size, image_size);
  options.files = masks.get();
  return {false, [masks, draw = drawn_holes(options, seed).draw](int64_t number, const Holes& holes) {
            draw(number, holes);
          }};
}

std::string hole_text(const HoleChoice& choice, int64_t image_size) {
  if (!choice.file.empty()) return fmt::format("holes from {}", choice.file);
  if (choice.form == HoleForm::kSquare)
    return fmt::format("holes of {} x {}, {}{}", image_size / 2, image_size / 2, to_string(choice.block),
                       choice.block == HolePlacement::kRandom ? fmt::format(" (seed {})", choice.seed) : "");
  if (choice.form == HoleForm::kFiles)
    return fmt::format("holes from the masks of {}, {} is missing (seed {})", choice.masks,
                       to_string(choice.mask_value), choice.seed);
  return fmt::format("holes: {}, {:g} to {:g} % of the picture (seed {})", to_string(choice.form),
                     100 * choice.min_hole, 100 * choice.max_hole, choice.seed);
}

}  // namespace inpaint
