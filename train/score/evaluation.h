// Scores of several methods over a set of pictures, every method on the same holes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "train/score/hole_batch.h"
#include "train/score/scores.h"

namespace inpaint {

struct EvaluationOptions {
  HolePlacement block = HolePlacement::kRandom;
  uint64_t seed = 1;  // of random holes
  int64_t batch_size = 64;
  int64_t limit = 0;  // only so many pictures, the first ones; 0: all
};

struct EvaluatedPicture {
  int64_t number;  // in its source
  std::string name;
  int32_t row, column;  // of the hole's top left corner
};

struct MethodScores {
  std::string name;
  std::vector<PictureScore> pictures;  // in the order of Evaluation::pictures
};

struct Evaluation {
  std::vector<EvaluatedPicture> pictures;
  std::vector<MethodScores> methods;
  std::vector<std::optional<Seam>> true_seams;  // what the true pictures have where the holes' borders are
  std::vector<SkippedPicture> skipped;
};

// The fills that need no learning, under the names below, for holes of this size. They share the context,
// which has to outlive them.
inline constexpr const char* kHarmonicName = "harmonic";
std::vector<Method> baseline_methods(const Context& ctx, int64_t hole_size);

// Scores all pictures, the last incomplete batch too. `progress`, if given, hears of pictures done and in
// all. UserError when no picture can be read, or a method paints what is not finite.
Evaluation evaluate(Context& ctx, const PictureSet& source, std::span<const Method> methods,
                    const EvaluationOptions& options,
                    const std::function<void(int64_t done, int64_t all)>& progress = {});

// Positions in Evaluation::pictures ordered by how well a method painted the holes, best first: by error, and
// for equal errors by position.
std::vector<size_t> rank_pictures(const MethodScores& scores);

}  // namespace inpaint
