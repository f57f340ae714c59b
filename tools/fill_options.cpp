#include "tools/fill_options.h"

#include "core/base/error.h"
#include "tools/options.h"
#include "train/settings/flag_values.h"

namespace inpaint {
namespace {

constexpr WholeRange kGrow{0, 1000}, kThreads{0, 1024}, kGpu{0, 255};

struct FillLine {
  Options options{"inpaint_fill", "Fills the missing part of a picture, or of all pictures in a folder."};
  FillSettings s;

  FillLine() {
    options.argument("PICTURE", Takes::kPath,
                     "a picture of any size (PNG, JPEG, WebP, HEIC, AVIF, PGM, PPM), or a folder of them",
                     s.picture, false);
    options.text(
        "mask", "PATH",
        "black and white picture of the hole, of the picture's size; for a folder one for all, or a folder "
        "of masks with the pictures' names",
        s.mask);
    options.choice("mask_value", "what is missing in a mask", s.mask_value);
    options.list("box", "X,Y,W,H", "a rectangular hole, in pixels from the top left; may be repeated",
                 "x,y,width,height", [this](const std::string& given) {
                   PixelBox box;
                   const std::string fault = parse_box(given, box);
                   if (fault.empty()) s.boxes.push_back(box);
                   return fault;
                 });
    options.whole("grow", "pixels that the hole becomes larger on all sides: for masks drawn too tightly",
                  kGrow, s.grow);
    options.text(
        "out", "PATH",
        "the result, a PNG or in the picture's format, or a folder; without it beside the picture, with "
        "_filled in its name",
        s.out);
    options.text("checkpoint", "PATH",
                 "model: a checkpoint, a folder of which the newest counts, or FOLDER/best; none: holes are "
                 "filled smoothly "
                 "(harmonically); without it the built-in model paints",
                 s.checkpoint);
    options.choice("finish", "patches: copy texture from the known part at the end", s.finish);
    options.text("compare", "PNG", "also write the hole, its harmonic fill and the result side by side",
                 s.compare);
    options.choice("device", "that the model paints on; auto takes the GPU where the program can use one",
                   s.device);
    options.whole("gpu", "GPU number", kGpu, s.gpu);
    options.whole("threads", "0: one per core this process may use", kThreads, s.threads);
  }
};

}  // namespace

std::optional<FillSettings> parse_fill_options(int argc, const char* const* argv) {
  FillLine line;
  if (!line.options.parse(argc, argv)) return std::nullopt;
  if (line.s.picture.empty()) user_error("command line: no picture; give a file or a folder, or --help");
  return line.s;
}

ProgramTable fill_table() {
  return {
      FillLine().options.table(),
      {},
      {{"Fill the white part of a mask with a model of your own:",
        "inpaint_fill holiday.jpg --mask hole.png --checkpoint checkpoints/mine128/gpu0 --out filled.jpg"},
       {"Take a box out of a photograph:",
        "inpaint_fill holiday.jpg --box 800,500,300,200 --compare look.png"},
       {"Fill every picture of a folder:", "inpaint_fill scans --mask masks --out filled"}}};
}

}  // namespace inpaint
