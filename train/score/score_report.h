// An evaluation's figures as people and programs read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/score/evaluation.h"

namespace inpaint {

// What was evaluated: stands at the head of the report.
struct EvaluationSubject {
  std::string data;        // path
  std::string checkpoint;  // path; empty when only the fills without learning were scored
  int64_t image_size = 0;
  int image_channel = 0;
  HolePlacement block = HolePlacement::kRandom;
  uint64_t seed = 0;
};

struct MethodSummary {
  std::string name;
  ScoreSummary scores;
  Estimate gain_over_harmonic;  // dB; no value for the harmonic fill itself
};

struct ScoreReport {
  EvaluationSubject subject;
  int64_t pictures = 0;
  std::vector<MethodSummary> methods;
  Estimate true_seam;
  std::vector<SkippedPicture> skipped;
};

// The harmonic fill has to be among the methods.
ScoreReport make_report(const EvaluationSubject& subject, const Evaluation& evaluation);

// Lines for a terminal: a table for the holes, one for the whole pictures, and what the figures mean.
std::string score_table(const ScoreReport& report);

// scores.json: an object with data, checkpoint (or null), image_size, image_channel, block, seed, pictures,
// confidence, methods, true_pictures and skipped. methods.<name>.hole and .image hold the figures
// l1_percent, l2_percent, psnr_db, pooled_psnr_db and ssim, and `perfect`, a count; methods.<name> also
// seam and gain_over_harmonic_db; true_pictures seam. A figure is {value, half_width, pictures}: null where
// there is none.
std::string score_json(const ScoreReport& report);

// scores.csv: the same figures, one a line: method, region, figure, value, half_width, pictures.
std::string score_csv(const ScoreReport& report);

// pictures.csv: every picture's figures by every method, one line each. Fields are empty where there is none.
std::string picture_csv(const Evaluation& evaluation);

}  // namespace inpaint
