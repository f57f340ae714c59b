#include "train/report/training_report.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "train/report/html.h"
#include "train/report/learning_curves.h"
#include "train/report/page.h"
#include "train/settings/folders.h"
#include "train/settings/settings_text.h"

namespace inpaint {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostEpochs = 6;
constexpr int64_t kSamples = 4;  // pictures of an epoch

struct ValidationWords {
  const char *name, *title;
  int decimals;
};
constexpr ValidationWords kValidationFigures[] = {
    {"gain", "Gain over the harmonic fill, dB (higher is better, 0 is no better than the fill)", 3},
    {"psnr", "PSNR of the holes, dB (higher is better)", 2},
    {"ssim", "SSIM of the holes (higher is better)", 4},
    {"rec_loss", "Reconstruction loss (lower is better)", 5}};

std::string number_cell(const std::optional<double>& value, int decimals) {
  if (!value) return "<td>–</td>";
  return fmt::format("<td>{}</td>", html_number(*value, fmt::format("{:.{}f}", *value, decimals)));
}

std::string validation_table(const RunHistory& history) {
  const LogFigures *best = best_validation(history), *last = &history.validations.back();
  std::string rows;
  for (const ValidationWords& words : kValidationFigures) {
    if (!figure(*last, words.name) && !figure(*best, words.name)) continue;
    rows += fmt::format("<tr><th scope=\"row\">{}</th>{}{}</tr>\n", words.title,
                        number_cell(figure(*last, words.name), words.decimals),
                        number_cell(figure(*best, words.name), words.decimals));
  }
  const auto head = [](const char* name, const LogFigures& line) {
    return fmt::format("<th scope=\"col\">{}<br><small>step {:.0f}</small></th>", name,
                       figure(line, "step").value_or(0));
  };
  return scrolling("Validation", fmt::format("<table>\n<caption>Means over the pictures of the validation "
                                             "set, with the same holes every time</caption>\n<thead>\n<tr>"
                                             "<td></td>{}{}</tr>\n</thead>\n<tbody>\n{}</tbody>\n</table>",
                                             head("The last", *last), head("The best", *best), rows));
}

// The epochs that have sample pictures, up to the last one of the run.
std::vector<int64_t> sampled_epochs(const fs::path& samples, int64_t last) {
  std::error_code error;
  if (!fs::is_directory(samples, error)) return {};
  std::set<int64_t> epochs;
  for (const std::string& name : names_in_folder(samples)) {
    int64_t epoch = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, epoch);
    if (read.ec == std::errc() && std::string_view(read.ptr, end) == "_1.png" && epoch <= last)
      epochs.insert(epoch);
  }
  const std::vector<int64_t> all(epochs.begin(), epochs.end());
  if (all.size() <= kMostEpochs) return all;
  std::vector<int64_t> chosen;  // the first, the last, and those evenly between
  for (size_t i = 0; i < kMostEpochs; ++i)
    chosen.push_back(all[(i * (all.size() - 1) + (kMostEpochs - 1) / 2) / (kMostEpochs - 1)]);
  return chosen;
}

// The first pictures of a grid of samples, side by side.
Image first_of_grid(const fs::path& path, int64_t size) {
  const Image grid = decode_image(path);
  return crop(grid, 0, 0, size, std::min(kSamples * size, grid.width));
}

// With holes, painted, true: a row each.
Image samples_of(const fs::path& samples, int64_t epoch, int64_t size) {
  std::vector<Image> rows;
  for (const char* kind : {"_2.png", "_1.png", "_0.png"})
    rows.push_back(first_of_grid(samples / (std::to_string(epoch) + kind), size));
  return image_grid(rows, 1);
}

std::string timeline(const fs::path& samples, int64_t last_epoch, int64_t size) {
  std::string html;
  for (const int64_t epoch : sampled_epochs(samples, last_epoch)) {
    try {
      const std::string alt =
          fmt::format("Samples of epoch {}. Rows: with holes, painted by the model, true pictures", epoch);
      html += fmt::format("<figure>{}<figcaption>Beginning of epoch {}</figcaption></figure>\n",
                          html_picture(samples_of(samples, epoch, size), alt), epoch);
    } catch (const Error&) {  // damaged, or of another size: the page does without
    }
  }
  if (html.empty()) return "<p>There are no sample pictures.</p>\n";
  return "<p>Rows, from the top: the pictures with holes, painted by the model, as they are. Each epoch "
         "begins "
         "with other holes.</p>\n<div class=\"timeline\">\n" +
         html + "</div>\n";
}

int64_t last_of(const RunHistory& history, std::string_view name) {
  return history.steps.empty() ? 0 : static_cast<int64_t>(figure(history.steps.back(), name).value_or(0));
}

}  // namespace

std::string settings_table(const TrainSettings& settings) {
  constexpr std::string_view kPrefix = "flag.";
  std::vector<PageRow> rows;
  for (const auto& [key, value] : to_metadata(settings))
    rows.push_back({key.substr(kPrefix.size()), html_name(value)});
  return row_table("Every flag of the training", rows);
}

std::string training_report(const TrainSettings& settings, const RunHistory& history,
                            const fs::path& samples) {
  const int64_t epoch = last_of(history, "epoch");
  Page page{.title = fmt::format("Training of {}", settings.dataname),
            .lead = fmt::format(
                "<p>A {} that paints {} holes in pictures of {} × {} pixels. The logs end at "
                "step {}, in epoch {}.</p>\n",
                settings.model == ModelKind::kHarmonicUnet ? "whole-picture model" : "context encoder",
                to_string(settings.holes), settings.image_size, settings.image_size, last_of(history, "step"),
                epoch),
            .sections = {}};
  page.sections.push_back(
      {"validation", "Validation",
       history.validations.empty() ? "<p>The run has not validated.</p>\n" : validation_table(history)});
  page.sections.push_back({"curves", "Learning curves", learning_curves(history, std::nullopt)});
  page.sections.push_back({"samples", "Samples", timeline(samples, epoch, settings.image_size)});
  page.sections.push_back(
      {"settings", "Settings",
       "<p>With <code>run.cfg</code>, which lies beside the checkpoint, the run is made again:</p>\n" +
           scrolling("Command", fmt::format("<pre><code>inpaint_train --flags-file {}</code></pre>",
                                            html_text((checkpoint_folder(settings) / "run.cfg").string()))) +
           folded("All settings", scrolling("All settings", settings_table(settings)))});
  return page_html(page, "inpaint_train");
}

fs::path write_training_report(const TrainSettings& settings) {
  const fs::path folder = log_folder(settings);
  const auto history = read_history(folder);
  if (!history) user_error("{}: there is no train_log.jsonl", folder.string());
  replace_file(folder / "report.html", training_report(settings, *history, sample_folder(settings)));
  return folder / "report.html";
}

}  // namespace inpaint
