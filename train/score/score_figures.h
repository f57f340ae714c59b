// The figures of a score report: their names in files, and what they are called and mean for people.
#pragma once

#include <iterator>
#include <span>

#include "train/score/score_report.h"

namespace inpaint {

enum class GoodFigure {
  kLow,
  kHigh,
  kAboveZero,
  kAboveHalf,  // in percent
  kNearOne,
  kNearTruth,  // the figure of the true pictures
};

struct FigureWords {
  const char* name;   // in scores.json and scores.csv
  const char* title;  // with its unit
  int decimals;
  GoodFigure good;
  const char* meaning;  // sentences
};

// Figures of a region.
struct RegionFigure {
  FigureWords words;
  Estimate RegionSummary::*figure;
};

inline constexpr RegionFigure kRegionFigures[] = {
    {{"l1_percent", "Mean error (L1), %", 2, GoodFigure::kLow,
      "How far a colour is from the true one, on average. 100 % is the way from black to white."},
     &RegionSummary::l1_percent},
    {{"l2_percent", "Squared error (L2), %", 3, GoodFigure::kLow,
      "The mean square of that difference: few large errors weigh more than many small ones."},
     &RegionSummary::l2_percent},
    {{"psnr_db", "PSNR, dB", 2, GoodFigure::kHigh,
      "The squared error of a picture in decibels: 3 dB more are half the squared error. The mean over the "
      "pictures that are not perfect."},
     &RegionSummary::psnr},
    {{"pooled_psnr_db", "PSNR, pooled, dB", 2, GoodFigure::kHigh,
      "The mean squared error of all pictures in decibels. Bad pictures weigh more than in the mean of "
      "PSNR."},
     &RegionSummary::pooled_psnr},
    {{"ssim", "SSIM", 3, GoodFigure::kHigh,
      "How alike the structures are: 1 is equal, 0 has nothing in common. Closer to what people see than "
      "PSNR."},
     &RegionSummary::ssim}};

inline constexpr FigureWords kPerfectWords{"perfect", "Perfect pictures", 0, GoodFigure::kHigh,
                                           "The number of pictures that were painted without any error."};

// Figures of the holes alone.
struct HoleFigure {
  FigureWords words;
  const Estimate& (*of)(const SetSummary& summary);
};

inline constexpr HoleFigure kHoleFigures[] = {
    {{"seam", "Seam", 2, GoodFigure::kNearTruth,
      "The step across the hole's border over the steps beside it. Above the true pictures' figure the "
      "border "
      "shows."},
     [](const SetSummary& s) -> const Estimate& { return s.scores.seam; }},
    {{"sharpness", "Sharpness", 2, GoodFigure::kNearOne,
      "The squared steps between neighbouring pixels of the hole, over those of the true pictures. Below 1 "
      "the "
      "fill is too smooth, above 1 too rough."},
     [](const SetSummary& s) -> const Estimate& { return s.scores.sharpness; }},
    {{"gain_over_harmonic_db", "Gain over the harmonic fill, dB", 2, GoodFigure::kAboveZero,
      "The mean difference to the PSNR that the harmonic fill has in the same hole."},
     [](const SetSummary& s) -> const Estimate& { return s.over_harmonic.psnr_gain; }},
    {{"better_than_harmonic_percent", "Better than the harmonic fill, %", 1, GoodFigure::kAboveHalf,
      "The share of the pictures with less squared error than the harmonic fill leaves."},
     [](const SetSummary& s) -> const Estimate& { return s.over_harmonic.better_percent; }},
    {{"ssim_gain_over_harmonic", "SSIM gain over the harmonic fill", 3, GoodFigure::kAboveZero,
      "The mean difference to the SSIM that the harmonic fill has in the same hole."},
     [](const SetSummary& s) -> const Estimate& { return s.over_harmonic.ssim_gain; }}};

// Figures by a feature network, of whole pictures; a bin of hole areas has the first alone.
inline constexpr HoleFigure kFeatureFigures[] = {
    {{"perceptual_distance", "Perceptual distance", 3, GoodFigure::kLow,
      "How far the picture is from the true one in what a network that knows pictures sees in it, from edges "
      "to things. 0 is equal."},
     [](const SetSummary& s) -> const Estimate& { return s.scores.perceptual_distance; }},
    {{"frechet_distance", "Frechet distance", 2, GoodFigure::kLow,
      "How far all pictures together are from the true ones in what the network sees: whether they look like "
      "photographs of this kind, each for itself right or wrong. Compare only figures of the same pictures "
      "and the same network."},
     [](const SetSummary& s) -> const Estimate& { return s.frechet_distance; }}};

// Those that a report has.
inline std::span<const HoleFigure> feature_figures(const EvaluationSubject& subject, bool of_bin) {
  return std::span(kFeatureFigures).first(!subject.features ? 0 : of_bin ? 1 : std::size(kFeatureFigures));
}

struct Region {
  const char* name;   // in files
  const char* title;  // in the table
  RegionSummary ScoreSummary::*region;
};

inline constexpr Region kRegions[] = {{"hole", "Hole", &ScoreSummary::hole},
                                      {"image", "Whole picture", &ScoreSummary::image}};

}  // namespace inpaint
