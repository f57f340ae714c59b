// Scores of several methods over a set of pictures, every method on the same holes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/fill/patch_match.h"
#include "train/features/feature_network.h"
#include "train/score/hole_batch.h"
#include "train/score/scores.h"

namespace inpaint {

// Hears of every batch while it is there.
struct EvaluationWatch {
  std::function<void(const HoleBatch& batch)> loaded = {};
  std::function<void(const HoleBatch& batch, const Method& method)> painted = {};
};

struct EvaluationOptions {
  HoleSource holes = placed_squares(HolePlacement::kRandom, 1);
  int64_t batch_size = 64;
  int64_t limit = 0;  // only so many pictures, the first ones; 0: all
  EvaluationWatch watch = {};
  const FeatureNetwork* features = nullptr;  // that says how far fills are from the true pictures; or null
};

struct Corner {
  int32_t row, column;
};

struct EvaluatedPicture {
  int64_t number;  // in its source
  std::string name;
  double hole_share;             // of its pixels that are missing
  std::optional<Corner> corner;  // top left, of a hole that is a square of half the side
};

struct MethodScores {
  std::string name;
  std::vector<PictureScore> pictures;           // in the order of Evaluation::pictures
  std::optional<double> frechet_distance = {};  // of all its pictures to the true ones; with features only
};

struct Evaluation {
  std::vector<EvaluatedPicture> pictures;
  std::vector<MethodScores> methods;
  std::vector<HoleLook> truth;  // what the true pictures have where the holes are
  std::vector<SkippedPicture> skipped;
};

// The fills that need no learning: grey, known_mean, ring_mean, and at the end the one below. The context has
// to outlive them.
inline constexpr const char* kHarmonicName = "harmonic";
std::vector<Method> baseline_methods(Context& ctx);
// Patches copied from the known part into what the guide paints; options.box is each picture's hole.
Method patch_method(Context& ctx, const std::string& name, const Painter& guide,
                    const PatchMatchOptions& options);

// Scores all pictures, the last incomplete batch too. `progress`, if given, hears of pictures done and in
// all. UserError when no picture can be read, or a method paints what is not finite,
// or the network of features takes grey and the pictures are RGB, or what it finds is not finite.
Evaluation evaluate(Context& ctx, const PictureSet& source, std::span<const Method> methods,
                    const EvaluationOptions& options,
                    const std::function<void(int64_t done, int64_t all)>& progress = {});

// Positions in Evaluation::pictures ordered by how well a method painted the holes, best first: by error, and
// for equal errors by position.
std::vector<size_t> rank_pictures(const MethodScores& scores);

}  // namespace inpaint
