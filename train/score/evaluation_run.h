// Scoring from beginning to end: what inpaint_eval does with its settings.
#pragma once

#include <cstdint>
#include <string>

#include "train/score/hole_choice.h"
#include "train/settings/settings.h"

namespace inpaint {

struct EvaluationSettings {
  static constexpr int kDefaultImageSize = 128,
                       kDefaultImageChannel = 1;  // where no checkpoint or description says otherwise

  std::string data;        // a data set file, or a folder of pictures
  std::string checkpoint;  // a file, or a folder whose newest counts; empty: only the fills without learning
  std::string out;         // folder for files; empty: none
  std::string report;      // file for the page; empty: none
  std::string save_fills;  // folder for all that was painted; empty: none
  HoleChoice holes;
  std::string save_holes;  // file that the holes are written to; empty: none
  std::string features;    // file of a feature network (train/features); empty: none
  bool patches = false;    // score copied patches too, guided by the harmonic fill and by the model
  int64_t limit = 0;       // only so many pictures, the first ones; 0: all
  int image_size = 0;      // 0: the checkpoint's, or else the data set's, as its description says
  int image_channel = 0;   // 0: likewise
  int64_t batch_size = 64;
  DeviceChoice device = DeviceChoice::kAuto;  // that the model paints on; all else is work of the CPU
  int gpu = 0;                                // its number
  int threads = 0;                            // 0: as many as the cores this process may use
};

// The command line that gives the same figures and the same page, for a shell. `checkpoint`: the file that
// was scored; empty: none. Left out: what changes no figure (threads), and the files beside the page.
std::string evaluation_command(const EvaluationSettings& settings, const std::string& checkpoint);

// Prints the score table to standard output, and writes into `out`, made when missing:
//   scores.json, scores.csv   the figures (score_report.h)
//   pictures.csv              those of each picture
//   best.png, median.png, worst.png   up to 8 pictures each, ranked by the model's error in the hole (without
//                             a model, the harmonic fill's). Rows: picture, with its hole, harmonic, model
// `report` is one HTML file for people (score_page.h), `save_fills` a folder of PNG files (fill_files.h).
// Each file, and the folder of fills, appears whole, at the end, or not at all. The holes are saved before
// they are painted. Throws UserError.
void run_evaluation(const EvaluationSettings& settings);

}  // namespace inpaint
