#include "train/score/score_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "train/score/score_figures.h"
#include "train/settings/settings.h"

namespace inpaint {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kConfidence = 0.95;  // of the intervals in estimate.h

// "23.41 ± 0.12", "23.41" without an interval, "-" without a value.
std::string cell(const Estimate& estimate, int decimals) {
  if (!estimate.value) return "-";
  if (!estimate.half_width) return fmt::format("{:.{}f}", *estimate.value, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", *estimate.value, decimals, *estimate.half_width, decimals);
}

// Two tables of the same columns, one per region.
std::string region_table(const ScoreReport& report, const Region& region) {
  std::string text = fmt::format("{:<14}{:>14}{:>13}{:>15}{:>15}{:>16}{:>9}\n", region.title, "L1 %", "L2 %",
                                 "PSNR dB", "pooled dB", "SSIM", "perfect");
  for (const MethodSummary& method : report.methods) {
    const RegionSummary& s = method.all.scores.*region.region;
    text += fmt::format("{:<14}{:>14}{:>13}{:>15}{:>15}{:>16}{:>9}\n", method.name, cell(s.l1_percent, 2),
                        cell(s.l2_percent, 2), cell(s.psnr, 2), cell(s.pooled_psnr, 2), cell(s.ssim, 3),
                        s.perfect);
  }
  return text;
}

std::string comparison_table(const ScoreReport& report) {
  constexpr const char* kLine = "{:<14}{:>14}{:>14}{:>17}{:>14}{:>14}\n";
  std::string text =
      fmt::format(kLine, "Over harmonic", "gain dB", "better %", "SSIM gain", "sharpness", "seam");
  for (const MethodSummary& method : report.methods) {
    const SetSummary& s = method.all;
    text += fmt::format(kLine, method.name, cell(s.over_harmonic.psnr_gain, 2),
                        cell(s.over_harmonic.better_percent, 1), cell(s.over_harmonic.ssim_gain, 3),
                        cell(s.scores.sharpness, 2), cell(s.scores.seam, 2));
  }
  return text + fmt::format(kLine, "true pictures", "", "", "", "", cell(report.true_seam, 2));
}

std::string feature_table(const ScoreReport& report) {
  constexpr const char* kLine = "{:<14}{:>14}{:>17}\n";
  const FeatureSubject& features = *report.subject.features;
  std::string text = fmt::format(kLine, "Features", "Frechet", "perceptual");
  for (const MethodSummary& method : report.methods)
    text += fmt::format(kLine, method.name, cell(method.all.frechet_distance, 2),
                        cell(method.all.scores.perceptual_distance, 3));
  text += fmt::format("by {} ({}), {} pictures, {} values each", features.name, features.file,
                      report.pictures, features.dimension);
  if (report.pictures <= features.dimension)
    text +=
        ". So few pictures make every Frechet distance\n"
        "larger than that of many would be: compare methods on these pictures only";
  return text + '\n';
}

std::string area_table(const ScoreReport& report, size_t bin) {
  constexpr const char* kLine = "{:<14}{:>14}{:>15}{:>14}{:>14}{:>15}{:>12}\n";
  std::string text =
      fmt::format("Holes of {} % of the picture: {}\n", kAreaBins[bin].name, report.pictures_by_area[bin]) +
      fmt::format(kLine, "", "PSNR dB", "SSIM", "gain dB", "better %", "SSIM gain", "sharpness");
  for (const MethodSummary& method : report.methods) {
    const SetSummary& s = method.by_area[bin];
    text += fmt::format(kLine, method.name, cell(s.scores.hole.psnr, 2), cell(s.scores.hole.ssim, 3),
                        cell(s.over_harmonic.psnr_gain, 2), cell(s.over_harmonic.better_percent, 1),
                        cell(s.over_harmonic.ssim_gain, 3), cell(s.scores.sharpness, 2));
  }
  return text;
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

std::string csv_line(const std::string& method, const std::string& region, const char* figure,
                     const Estimate& estimate) {
  return fmt::format("{},{},{},{},{},{}\n", csv_text(method), region, figure, csv_number(estimate.value),
                     csv_number(estimate.half_width), estimate.pictures);
}

std::string csv_region(const RegionScore& score) {
  return fmt::format(",{},{},{},{}", score.l1_percent, score.l2_percent, csv_number(score.psnr), score.ssim);
}

// What describes the holes.
Json to_json(const HoleChoice& choice) {
  if (!choice.file.empty()) return {{"holes", "file"}, {"holes_file", choice.file}};
  Json json{{"holes", to_string(choice.form)}};
  if (choice.form == HoleForm::kSquare) {
    json["block"] = to_string(choice.block);
  } else if (choice.form == HoleForm::kFiles) {
    json["masks"] = choice.masks;
    json["mask_value"] = to_string(choice.mask_value);
  } else {
    json["min_hole"] = choice.min_hole;
    json["max_hole"] = choice.max_hole;
  }
  json["seed"] = choice.seed;
  return json;
}

Json to_json(const EvaluationSubject& subject, const SetSummary& summary, bool is_bin) {
  Json entry;
  for (const Region& region : kRegions) {
    const RegionSummary& figures = summary.scores.*region.region;
    for (const RegionFigure& figure : kRegionFigures)
      entry[region.name][figure.words.name] = to_json(figures.*figure.figure);
    entry[region.name]["perfect"] = figures.perfect;
  }
  for (const HoleFigure& figure : kHoleFigures) entry[figure.words.name] = to_json(figure.of(summary));
  for (const HoleFigure& figure : feature_figures(subject, is_bin))
    entry[figure.words.name] = to_json(figure.of(summary));
  return entry;
}

// The figures of one region; for a hole also those that only holes have.
std::string csv_summary(const std::string& method, const std::string& name, const Region& region,
                        const SetSummary& summary) {
  const RegionSummary& figures = summary.scores.*region.region;
  std::string text;
  for (const RegionFigure& figure : kRegionFigures)
    text += csv_line(method, name, figure.words.name, figures.*figure.figure);
  const Estimate perfect{figures.l1_percent.pictures, static_cast<double>(figures.perfect), {}};
  return text + csv_line(method, name, "perfect", perfect);
}

std::string csv_estimates(const std::string& method, const std::string& name,
                          std::span<const HoleFigure> figures, const SetSummary& summary) {
  std::string text;
  for (const HoleFigure& figure : figures)
    text += csv_line(method, name, figure.words.name, figure.of(summary));
  return text;
}

// These pictures of an evaluation, by one method; without what is said of all pictures together.
SetSummary summarize_set(const Evaluation& evaluation, const MethodScores& method,
                         const MethodScores& harmonic, const std::vector<size_t>& pictures) {
  std::vector<PictureScore> scores, baseline;
  std::vector<HoleLook> truth;
  for (const size_t i : pictures) {
    scores.push_back(method.pictures[i]);
    baseline.push_back(harmonic.pictures[i]);
    truth.push_back(evaluation.truth[i]);
  }
  return {summarize(scores, truth), &method == &harmonic ? Comparison{} : compare(scores, baseline)};
}

std::vector<size_t> pictures_in(const AreaBin& bin, const Evaluation& evaluation) {
  std::vector<size_t> found;
  for (size_t i = 0; i < evaluation.pictures.size(); ++i) {
    const double share = evaluation.pictures[i].hole_share;
    if (share >= bin.min && share < bin.max) found.push_back(i);
  }
  return found;
}

}  // namespace

ScoreReport make_report(const EvaluationSubject& subject, const Evaluation& evaluation) {
  ScoreReport report{subject,
                     static_cast<int64_t>(evaluation.pictures.size()),
                     {},
                     {},
                     summarize_seams(evaluation.truth),
                     evaluation.skipped};
  const auto harmonic = std::ranges::find(evaluation.methods, kHarmonicName, &MethodScores::name);
  INPAINT_CHECK(harmonic != evaluation.methods.end(), "no harmonic fill among the methods");
  std::vector<size_t> all(evaluation.pictures.size());
  std::iota(all.begin(), all.end(), size_t{0});
  for (const MethodScores& method : evaluation.methods) {
    report.methods.push_back({method.name, summarize_set(evaluation, method, *harmonic, all), {}});
    report.methods.back().all.frechet_distance = {method.frechet_distance ? report.pictures : 0,
                                                  method.frechet_distance, std::nullopt};
  }
  for (const AreaBin& bin : kAreaBins) {
    const std::vector<size_t> pictures = pictures_in(bin, evaluation);
    report.pictures_by_area.push_back(static_cast<int64_t>(pictures.size()));
    for (size_t m = 0; m < report.methods.size(); ++m)
      report.methods[m].by_area.push_back(
          summarize_set(evaluation, evaluation.methods[m], *harmonic, pictures));
  }
  return report;
}

std::string score_table(const ScoreReport& report) {
  const EvaluationSubject& s = report.subject;
  std::string text = fmt::format("{} picture{} of {} x {}, {} channel{}, from {}\n{}\n", report.pictures,
                                 report.pictures == 1 ? "" : "s", s.image_size, s.image_size, s.image_channel,
                                 s.image_channel == 1 ? "" : "s", s.data, hole_text(s.holes, s.image_size));
  if (!s.checkpoint.empty()) text += fmt::format("model: {}\n", s.checkpoint);
  for (const Region& region : kRegions) text += '\n' + region_table(report, region);
  text += '\n' + comparison_table(report);
  if (s.features) text += '\n' + feature_table(report);
  const auto& by_area = report.pictures_by_area;
  if (std::ranges::count(by_area, 0) + 1 < std::ssize(by_area))
    for (size_t bin = 0; bin < by_area.size(); ++bin)
      if (by_area[bin] > 0) text += '\n' + area_table(report, bin);
  text +=
      "\n± half the width of the 95 % confidence interval over pictures (Student's t). PSNR: mean over the\n"
      "pictures that are not perfect; pooled: of the mean squared error of all. Better: pictures with less\n"
      "squared error than the harmonic fill leaves. Sharpness: squared steps between neighbours, over those\n"
      "of the true pictures. Seam: the step across the hole's border over the steps beside it.\n";
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
            {"image_channel", s.image_channel}};
  json.update(to_json(s.holes));
  json["pictures"] = report.pictures;
  if (s.features)
    json["features"] = {
        {"file", s.features->file}, {"name", s.features->name}, {"dimension", s.features->dimension}};
  json["confidence"] = kConfidence;
  for (const MethodSummary& method : report.methods) {
    Json& entry = json["methods"][method.name];
    entry = to_json(s, method.all, false);
    for (size_t bin = 0; bin < method.by_area.size(); ++bin)
      if (report.pictures_by_area[bin] > 0)
        entry["by_area"][kAreaBins[bin].name] = to_json(s, method.by_area[bin], true);
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
    for (const Region& region : kRegions) text += csv_summary(method.name, region.name, region, method.all);
    text += csv_estimates(method.name, "hole", kHoleFigures, method.all);
    text += csv_estimates(method.name, "image", feature_figures(report.subject, false), method.all);
    for (size_t bin = 0; bin < method.by_area.size(); ++bin) {
      if (report.pictures_by_area[bin] == 0) continue;
      std::string name = fmt::format("hole_{}", kAreaBins[bin].name);
      std::ranges::replace(name, '-', '_');
      text += csv_summary(method.name, name, kRegions[0], method.by_area[bin]);
      text += csv_estimates(method.name, name, kHoleFigures, method.by_area[bin]);
      text += csv_estimates(method.name, name, feature_figures(report.subject, true), method.by_area[bin]);
    }
  }
  return text + csv_line("true_pictures", "hole", "seam", report.true_seam);
}

std::string picture_csv(const Evaluation& evaluation) {
  std::string text =
      "number,name,row,column,method,hole_l1_percent,hole_l2_percent,hole_psnr_db,hole_ssim,image_l1_percent,"
      "image_l2_percent,image_psnr_db,image_ssim,seam_across,seam_beside,hole_percent,gradient_energy,"
      "true_gradient_energy\n";
  const bool has_features = !evaluation.pictures.empty() &&
                            evaluation.methods.front().pictures.front().perceptual_distance.has_value();
  if (has_features) text.insert(text.size() - 1, ",perceptual_distance");
  for (size_t i = 0; i < evaluation.pictures.size(); ++i) {
    const EvaluatedPicture& picture = evaluation.pictures[i];
    const std::string corner =
        picture.corner ? fmt::format("{},{}", picture.corner->row, picture.corner->column) : ",";
    for (const MethodScores& method : evaluation.methods) {
      const PictureScore& score = method.pictures[i];
      const std::optional<Seam>& seam = score.look.seam;
      text +=
          fmt::format("{},{},{},{}", picture.number, csv_text(picture.name), corner, csv_text(method.name));
      text += csv_region(score.hole) + csv_region(score.image);
      text += seam ? fmt::format(",{},{}", seam->across, seam->beside) : ",,";
      text += fmt::format(",{},{},{}", 100 * picture.hole_share, score.look.gradient_energy,
                          evaluation.truth[i].gradient_energy);
      text += has_features ? ',' + csv_number(score.perceptual_distance) + '\n' : "\n";
    }
  }
  return text;
}

}  // namespace inpaint
