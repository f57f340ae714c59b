// An evaluation's figures as people and programs read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/score/evaluation.h"
#include "train/score/hole_choice.h"

namespace inpaint {

// The network whose features fills and true pictures were compared by.
struct FeatureSubject {
  std::string file, name;
  int64_t dimension = 0;  // values of a picture in the Frechet distance
};

// What was evaluated: stands at the head of the report.
struct EvaluationSubject {
  std::string data;        // path
  std::string checkpoint;  // path; empty when only the fills without learning were scored
  int64_t image_size = 0;
  int image_channel = 0;
  HoleChoice holes;
  std::optional<FeatureSubject> features = {};
};

// Pictures sorted by the share of their pixels that are missing: min <= share < max.
struct AreaBin {
  const char* name;  // in percent
  double min, max;
};
inline constexpr AreaBin kAreaBins[] = {
    {"0-10", 0, 0.1}, {"10-20", 0.1, 0.2}, {"20-30", 0.2, 0.3}, {"30-40", 0.3, 0.4}, {"40-100", 0.4, 2}};

struct SetSummary {
  ScoreSummary scores;
  Comparison over_harmonic;        // no values for the harmonic fill itself
  Estimate frechet_distance = {};  // of a whole set only, and without half width
};

struct MethodSummary {
  std::string name;
  SetSummary all;
  std::vector<SetSummary> by_area;  // as kAreaBins
};

struct ScoreReport {
  EvaluationSubject subject;
  int64_t pictures = 0;
  std::vector<int64_t> pictures_by_area;  // as kAreaBins
  std::vector<MethodSummary> methods;
  Estimate true_seam;
  std::vector<SkippedPicture> skipped;
};

// The harmonic fill has to be among the methods.
ScoreReport make_report(const EvaluationSubject& subject, const Evaluation& evaluation);

// Lines for a terminal: a table for the holes, one for the whole pictures, how the methods compare with the
// harmonic fill, the distances of features where there are any, the first figures again for each bin of hole
// areas where the pictures fall into several, and what the figures mean.
std::string score_table(const ScoreReport& report);

// scores.json: an object with data, checkpoint (or null), image_size, image_channel, holes, pictures,
// confidence, methods, true_pictures and skipped. Beside holes, the form, stands what else describes them:
// seed, and block, min_hole and max_hole, or masks and mask_value; or holes_file alone. methods.<name>.hole
// and .image hold the figures l1_percent, l2_percent, psnr_db, pooled_psnr_db and ssim, and `perfect`, a
// count; methods.<name> also seam, sharpness, gain_over_harmonic_db, better_than_harmonic_percent and
// ssim_gain_over_harmonic, and in by_area.<bin> all of these again for each bin with pictures;
// true_pictures seam. With a feature network, `features` holds its file, name and dimension, and each method
// has frechet_distance (not in the bins) and perceptual_distance too. A figure is {value, half_width,
// pictures}: null where there is none.
std::string score_json(const ScoreReport& report);

// scores.csv: the same figures, one a line: method, region, figure, value, half_width, pictures. The region
// of a bin is hole_0_10 (percent) and so on.
std::string score_csv(const ScoreReport& report);

// pictures.csv: every picture's figures by every method, one line each. Fields are empty where there is
// none: row and column of the hole are given for squares of half the side, hole_percent for all. The last
// column, perceptual_distance, is there with a feature network only.
std::string picture_csv(const Evaluation& evaluation);

}  // namespace inpaint
