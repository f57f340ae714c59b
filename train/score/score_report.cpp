#include "train/score/score_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "train/settings/settings.h"

namespace inpaint {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kConfidence = 0.95;  // of the intervals in estimate.h

struct NamedFigure {
  const char* name;
  Estimate RegionSummary::*figure;
};

constexpr NamedFigure kFigures[] = {{"l1_percent", &RegionSummary::l1_percent},
                                    {"l2_percent", &RegionSummary::l2_percent},
                                    {"psnr_db", &RegionSummary::psnr},
                                    {"pooled_psnr_db", &RegionSummary::pooled_psnr},
                                    {"ssim", &RegionSummary::ssim}};

struct NamedRegion {
  const char* name;
  const char* title;  // in the table
  RegionSummary ScoreSummary::*region;
};

constexpr NamedRegion kRegions[] = {{"hole", "Hole", &ScoreSummary::hole},
                                    {"image", "Whole picture", &ScoreSummary::image}};

// "23.41 ± 0.12", "23.41" without an interval, "-" without a value.
std::string cell(const Estimate& estimate, int decimals) {
  if (!estimate.value) return "-";
  if (!estimate.half_width) return fmt::format("{:.{}f}", *estimate.value, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", *estimate.value, decimals, *estimate.half_width, decimals);
}

// Two tables of the same columns, one per region.
std::string region_table(const ScoreReport& report, const NamedRegion& region) {
  std::string text = fmt::format("{:<14}{:>14}{:>13}{:>15}{:>15}{:>16}{:>9}\n", region.title, "L1 %", "L2 %",
                                 "PSNR dB", "pooled dB", "SSIM", "perfect");
  for (const MethodSummary& method : report.methods) {
    const RegionSummary& s = method.scores.*region.region;
    text += fmt::format("{:<14}{:>14}{:>13}{:>15}{:>15}{:>16}{:>9}\n", method.name, cell(s.l1_percent, 2),
                        cell(s.l2_percent, 2), cell(s.psnr, 2), cell(s.pooled_psnr, 2), cell(s.ssim, 3),
                        s.perfect);
  }
  return text;
}

std::string comparison_table(const ScoreReport& report) {
  std::string text = fmt::format("{:<14}{:>22}{:>15}\n", "Hole", "gain on harmonic dB", "seam");
  for (const MethodSummary& method : report.methods)
    text += fmt::format("{:<14}{:>22}{:>15}\n", method.name, cell(method.gain_over_harmonic, 2),
                        cell(method.scores.seam, 2));
  return text + fmt::format("{:<14}{:>22}{:>15}\n", "true pictures", "", cell(report.true_seam, 2));
}

Json to_json(const Estimate& estimate) {
  const auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"value", number(estimate.value)},
          {"half_width", number(estimate.half_width)},
          {"pictures", estimate.pictures}};
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

// Quoted where the text could be taken for more than one field (RFC 4180).
std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_line(const std::string& method, const char* region, const char* figure,
                     const Estimate& estimate) {
  return fmt::format("{},{},{},{},{},{}\n", csv_text(method), region, figure, csv_number(estimate.value),
                     csv_number(estimate.half_width), estimate.pictures);
}

std::string csv_region(const RegionScore& score) {
  return fmt::format(",{},{},{},{}", score.l1_percent, score.l2_percent, csv_number(score.psnr), score.ssim);
}

}  // namespace

ScoreReport make_report(const EvaluationSubject& subject, const Evaluation& evaluation) {
  ScoreReport report{subject,
                     static_cast<int64_t>(evaluation.pictures.size()),
                     {},
                     summarize_seams(evaluation.true_seams),
                     evaluation.skipped};
  const auto harmonic = std::ranges::find(evaluation.methods, kHarmonicName, &MethodScores::name);
  INPAINT_CHECK(harmonic != evaluation.methods.end(), "no harmonic fill among the methods");
  for (const MethodScores& method : evaluation.methods) {
    report.methods.push_back({method.name, summarize(method.pictures), {}});
    if (&method != &*harmonic)
      report.methods.back().gain_over_harmonic = psnr_gain(method.pictures, harmonic->pictures);
  }
  return report;
}

std::string score_table(const ScoreReport& report) {
  const EvaluationSubject& s = report.subject;
  const int64_t hole = s.image_size / 2;
  std::string text =
      fmt::format("{} picture{} of {} x {}, {} channel{}, from {}\nholes of {} x {}, {}{}\n", report.pictures,
                  report.pictures == 1 ? "" : "s", s.image_size, s.image_size, s.image_channel,
                  s.image_channel == 1 ? "" : "s", s.data, hole, hole, to_string(s.block),
                  s.block == HolePlacement::kRandom ? fmt::format(" (seed {})", s.seed) : std::string());
  if (!s.checkpoint.empty()) text += fmt::format("model: {}\n", s.checkpoint);
  for (const NamedRegion& region : kRegions) text += '\n' + region_table(report, region);
  text += '\n' + comparison_table(report);
  text +=
      "\n± half the width of the 95 % confidence interval over pictures (Student's t). PSNR: mean over the\n"
      "pictures that are not perfect; pooled: of the mean squared error of all. Seam: the step across the\n"
      "hole's border over the steps beside it.\n";
  if (!report.skipped.empty())
    text += fmt::format("{} file{} left out; the first: {}\n", report.skipped.size(),
                        report.skipped.size() == 1 ? "" : "s", report.skipped.front().reason);
  return text;
}

std::string score_json(const ScoreReport& report) {
  const EvaluationSubject& s = report.subject;
  Json json{{"data", s.data},
            {"checkpoint", s.checkpoint.empty() ? Json(nullptr) : Json(s.checkpoint)},
            {"image_size", s.image_size},
            {"image_channel", s.image_channel},
            {"block", to_string(s.block)},
            {"seed", s.seed},
            {"pictures", report.pictures},
            {"confidence", kConfidence}};
  for (const MethodSummary& method : report.methods) {
    Json& entry = json["methods"][method.name];
    for (const NamedRegion& region : kRegions) {
      const RegionSummary& summary = method.scores.*region.region;
      for (const NamedFigure& figure : kFigures)
        entry[region.name][figure.name] = to_json(summary.*figure.figure);
      entry[region.name]["perfect"] = summary.perfect;
    }
    entry["seam"] = to_json(method.scores.seam);
    entry["gain_over_harmonic_db"] = to_json(method.gain_over_harmonic);
  }
  json["true_pictures"]["seam"] = to_json(report.true_seam);
  json["skipped"] = Json::array();
  for (const SkippedPicture& skipped : report.skipped)
    json["skipped"].push_back({{"name", skipped.name}, {"reason", skipped.reason}});
  // A file name need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string score_csv(const ScoreReport& report) {
  std::string text = "method,region,figure,value,half_width,pictures\n";
  for (const MethodSummary& method : report.methods) {
    for (const NamedRegion& region : kRegions) {
      const RegionSummary& summary = method.scores.*region.region;
      for (const NamedFigure& figure : kFigures)
        text += csv_line(method.name, region.name, figure.name, summary.*figure.figure);
      const Estimate perfect{report.pictures, static_cast<double>(summary.perfect), {}};
      text += csv_line(method.name, region.name, "perfect", perfect);
    }
    text += csv_line(method.name, "hole", "seam", method.scores.seam);
    text += csv_line(method.name, "hole", "gain_over_harmonic_db", method.gain_over_harmonic);
  }
  return text + csv_line("true_pictures", "hole", "seam", report.true_seam);
}

std::string picture_csv(const Evaluation& evaluation) {
  std::string text =
      "number,name,row,column,method,hole_l1_percent,hole_l2_percent,hole_psnr_db,hole_ssim,image_l1_percent,"
      "image_l2_percent,image_psnr_db,image_ssim,seam_across,seam_beside\n";
  for (size_t i = 0; i < evaluation.pictures.size(); ++i) {
    const EvaluatedPicture& picture = evaluation.pictures[i];
    for (const MethodScores& method : evaluation.methods) {
      const PictureScore& score = method.pictures[i];
      text += fmt::format("{},{},{},{},{}", picture.number, csv_text(picture.name), picture.row,
                          picture.column, csv_text(method.name));
      text += csv_region(score.hole) + csv_region(score.image);
      text += score.seam ? fmt::format(",{},{}\n", score.seam->across, score.seam->beside) : ",,\n";
    }
  }
  return text;
}

}  // namespace inpaint
