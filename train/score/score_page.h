// What a model is worth, as a page for people: what inpaint_eval --report writes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/report/run_history.h"
#include "train/score/example_pictures.h"
#include "train/score/score_report.h"

namespace inpaint {

// The model that was scored, and how it was trained.
struct ScoredModel {
  TrainSettings settings;
  int64_t step = 0;
  std::optional<RunHistory> history = {};  // its run's; none: not found
};

struct ShownPicture {
  ExamplePicture picture;
  double hole_share = 0;                // of its pixels that are missing
  std::vector<RegionScore> holes = {};  // by method, as picture.painted
};

struct ShownGroup {
  std::string title;  // "Best"
  std::vector<ShownPicture> pictures;
};

struct ScorePage {
  ScoreReport report;
  std::vector<std::string> shown;  // the methods whose fills stand in the groups; the last one ranks them
  std::vector<ShownGroup> groups;
  std::optional<ScoredModel> model;
  std::string command;  // that gives the same figures again
};

// The whole page (train/report/page.h). Each cell of a figure names its place in scores.json, for instance
// data-figure="methods.model.hole.psnr_db", and holds the exact value and half width.
std::string score_page(const ScorePage& page);

}  // namespace inpaint
