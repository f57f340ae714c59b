#include "tools/eval_options.h"

#include <limits>

#include "core/base/error.h"
#include "tools/options.h"

namespace inpaint {
namespace {

constexpr WholeRange kImageSize{0, 1024}, kImageChannel{0, 3}, kThreads{0, 1024}, kGpu{0, 255};
constexpr WholeRange kSeed{0, std::numeric_limits<int64_t>::max()};
constexpr WholeRange kLimit{0, std::numeric_limits<int64_t>::max()}, kBatchSize{1, 65'536};

constexpr RealRange kShare{RealRange::Lower::kExcluded};

struct EvalLine {
  Options options{"inpaint_eval",
                  "Scores a model, and the fills that need no learning, on a set of pictures."};
  EvaluationSettings s;

  EvalLine() {
    options.text("data", "PATH", "pictures: a data set (.bin), or a folder with picture files", s.data);
    options.text("checkpoint", "PATH",
                 "model: a checkpoint, a folder of which the newest counts, or FOLDER/best; without it the "
                 "other fills alone",
                 s.checkpoint);
    options.text("out", "DIR",
                 "folder for scores.json, scores.csv, pictures.csv and example pictures; without it no files",
                 s.out);
    options.text("report", "FILE", "one HTML file for people: scores, charts, pictures, how to make it again",
                 s.report);
    options.text("save_fills", "DIR",
                 "new folder for every fill, true picture and mask as PNG, for other programs' metrics",
                 s.save_fills);
    options.choice("holes", "form of the holes; a square takes half the side", s.holes.form);
    options.choice("block", "where square holes are", s.holes.block);
    options.real("min_hole", "smallest share of the picture that box, strokes and blobs take", kShare,
                 s.holes.min_hole);
    options.real("max_hole", "largest share", kShare, s.holes.max_hole);
    options.text("masks", "PATH",
                 "for --holes files: a folder of black and white pictures, or a list of them", s.holes.masks);
    options.choice("mask_value", "what is missing in a mask picture", s.holes.mask_value);
    options.whole("seed", "of random holes", kSeed, s.holes.seed);
    options.text("holes_file", "FILE",
                 "holes that were saved, one for each picture; they take the place of drawn ones",
                 s.holes.file);
    options.truth(
        "patches",
        "score patches copied from the known part too, guided by the harmonic fill and by the model: slow",
        s.patches);
    options.text(
        "features", "FILE",
        "network (.safetensors) by whose features fills are compared with the true pictures: Frechet "
        "and perceptual distance; docs/metrics.md says how to get one",
        s.features);
    options.text("save_holes", "FILE", "file to save the holes to, for --holes_file", s.save_holes);
    options.whole("limit", "only the first N pictures; 0: all", kLimit, s.limit);
    options.whole("image_size", "pixels along a side; 0: the checkpoint's, else the data set's, else 128",
                  kImageSize, s.image_size);
    options.whole("image_channel", "1 grey, 3 RGB; 0: the checkpoint's, else the data set's, else 1",
                  kImageChannel, s.image_channel);
    options.whole("batch_size", "pictures painted at a time", kBatchSize, s.batch_size);
    options.choice("device", "that the model paints on; auto takes the GPU where the program can use one",
                   s.device);
    options.whole("gpu", "GPU number", kGpu, s.gpu);
    options.whole("threads", "0: one per core this process may use", kThreads, s.threads);
  }
};

}  // namespace

std::optional<EvaluationSettings> parse_eval_options(int argc, const char* const* argv) {
  EvalLine line;
  if (!line.options.parse(argc, argv)) return std::nullopt;
  const EvaluationSettings& s = line.s;
  if (s.data.empty())
    user_error("command line: --data is missing; give a data set (.bin) or a folder of pictures");
  check_hole_choice(s.holes);
  if (s.image_channel == 2) user_error("command line: --image_channel=2; allowed: 1 or 3");
  return s;
}

ProgramTable eval_table() {
  return {EvalLine().options.table(),
          {},
          {{"Score a run's newest checkpoint on holes of all forms, with a page for people:",
            "inpaint_eval --checkpoint checkpoints/mine128/gpu0 --data data/mine128_test.bin --holes mixed "
            "--out scores --report scores/report.html"}}};
}

}  // namespace inpaint
