#include "train/report/learning_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "train/report/chart.h"
#include "train/report/html.h"

namespace inpaint {
namespace {

constexpr size_t kMostPoints = 200;  // of a curve

// The means over neighbouring lines, at the last step of each.
std::vector<ChartPoint> curve(std::span<const LogFigures> lines, std::string_view name) {
  const size_t width = (lines.size() + kMostPoints - 1) / kMostPoints;
  std::vector<ChartPoint> points;
  for (size_t begin = 0; begin < lines.size(); begin += width) {
    const auto part = lines.subspan(begin, std::min(width, lines.size() - begin));
    double sum = 0;
    int count = 0;
    for (const LogFigures& line : part)
      if (const auto value = figure(line, name)) {
        sum += *value;
        ++count;
      }
    if (count > 0) points.push_back({.x = *figure(part.back(), "step"), .y = sum / count});
  }
  return points;
}

bool has_other_than_zero(std::span<const LogFigures> lines, std::string_view name) {
  return std::ranges::any_of(lines,
                             [&](const LogFigures& line) { return figure(line, name).value_or(0) != 0; });
}

class Curves {
 public:
  Curves(const RunHistory& history, std::optional<int64_t> checkpoint_step)
      : history_(history), checkpoint_step_(checkpoint_step) {}

  // Curves that share a chart.
  struct Curve {
    const char* name;
    const char* figure;
    const std::vector<LogFigures>& lines;
  };
  void add(const char* title, const std::vector<Curve>& curves, std::optional<double> level = {}) {
    Chart chart{.title = title, .x_title = "training step", .series = {}, .level = level};
    for (const Curve& curve_of : curves) {
      const bool sparse = &curve_of.lines == &history_.validations;
      if (auto points = curve(curve_of.lines, curve_of.figure); !points.empty())
        chart.series.push_back({curve_of.name, std::move(points), true, sparse});
    }
    if (chart.series.empty()) return;
    if (checkpoint_step_) {
      chart.marked_x = static_cast<double>(*checkpoint_step_);
      chart.marked_text = fmt::format("the checkpoint, step {}", *checkpoint_step_);
    }
    html_ += chart_html(chart);
  }

  std::string html() const { return "<div class=\"charts\">\n" + html_ + "</div>\n"; }

 private:
  const RunHistory& history_;
  std::optional<int64_t> checkpoint_step_;
  std::string html_;
};

}  // namespace

std::string learning_curves(const RunHistory& history, std::optional<int64_t> checkpoint_step) {
  const auto &steps = history.steps, &validations = history.validations;
  Curves curves(history, checkpoint_step);
  curves.add("Gain over the harmonic fill in validation, dB: above 0 is better than the fill",
             {{"gain", "gain", validations}}, 0.0);
  curves.add("Reconstruction loss: lower is better",
             {{"in training", "rec_loss", steps}, {"in validation", "rec_loss", validations}});
  curves.add("PSNR of the holes in validation, dB: higher is better", {{"PSNR", "psnr", validations}});
  curves.add("SSIM of the holes in validation: higher is better", {{"SSIM", "ssim", validations}});
  if (has_other_than_zero(steps, "adv_disc_loss")) {
    curves.add("Adversarial losses",
               {{"generator", "adv_gene_loss", steps}, {"discriminator", "adv_disc_loss", steps}});
    curves.add("Share of pictures that the discriminator is right about", {{"accuracy", "disc_acc", steps}},
               0.5);
  }
  curves.add("Learning rate", {{"learning rate", "learning_rate_gene", steps}});
  std::string notes;
  if (steps.size() > kMostPoints)
    notes = fmt::format("<p>A point of the training's curves is the mean of up to {} logged steps.</p>\n",
                        (steps.size() + kMostPoints - 1) / kMostPoints);
  if (validations.empty()) notes += "<p>The run has not validated.</p>\n";
  return curves.html() + notes;
}

const LogFigures* best_validation(const RunHistory& history) {
  const auto& validations = history.validations;
  if (validations.empty()) return nullptr;
  const auto best = std::find_if(validations.rbegin(), validations.rend(), [](const LogFigures& line) {
    return figure(line, "best").value_or(0) != 0;
  });
  return best == validations.rend() ? &validations.back() : &*best;
}

}  // namespace inpaint
