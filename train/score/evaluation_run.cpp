#include "train/score/evaluation_run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "core/file/file.h"
#include "core/file/new_folders.h"
#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "train/data/dataset_description.h"
#include "train/fill/inference_model.h"
#include "train/score/example_pictures.h"
#include "train/score/fill_files.h"
#include "train/score/hole_file.h"
#include "train/score/score_page.h"
#include "train/score/score_report.h"

namespace inpaint {
namespace {

constexpr size_t kExamples = 8, kShown = 4;  // pictures of a group: in a file, on the page

// What the pictures have to be: as the checkpoint says, if there is one, and the flags do not contradict.
int agreed(const char* flag, int given, std::optional<int> of_checkpoint, int fallback) {
  if (!of_checkpoint) return given != 0 ? given : fallback;
  if (given != 0 && given != *of_checkpoint)
    user_error("{} {} does not fit the checkpoint, which was trained with {}; leave the flag out", flag,
               given, *of_checkpoint);
  return *of_checkpoint;
}

// A line that renews itself, for someone who watches.
void show_progress(int64_t done, int64_t all) {
  if (isatty(STDERR_FILENO) != 1) return;
  fmt::print(stderr, "\r\x1b[K{} of {} pictures{}", done, all, done == all ? "\r\x1b[K" : "");
  std::fflush(stderr);
}

// The groups of pictures to look at, as positions in Evaluation::pictures.
struct RankedGroup {
  const char *title, *file;
  std::vector<size_t> pictures;
};

// `scores`: of the method that ranks.
std::vector<RankedGroup> ranked_groups(const MethodScores& scores) {
  const std::vector<size_t> order = rank_pictures(scores);
  const size_t count = std::min(kExamples, order.size()), rest = order.size() - count;
  const auto from = [&](size_t first) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
    return std::vector<size_t>(begin, begin + static_cast<std::ptrdiff_t>(count));
  };
  return {{"Best", "best.png", from(0)},
          {"Median", "median.png", from(rest / 2)},
          {"Worst", "worst.png", from(rest)}};
}

std::filesystem::path ready(const std::filesystem::path& folder, NewFolders& made) {
  made.make(folder);
  remove_stale_temporaries(folder);  // of an evaluation that was killed
  return folder;
}

// A page's folder is its own affair: nothing but the page is looked at there.
std::filesystem::path in_ready_folder(const std::filesystem::path& file) {
  make_folders(file.parent_path());
  return file;
}

// The files of figures, opened before the work: a folder that cannot be written to is known at once.
class FigureFiles {
 public:
  explicit FigureFiles(const std::filesystem::path& folder)
      : folder_(ready(folder, made_)),
        json_(folder / "scores.json"),
        csv_(folder / "scores.csv"),
        pictures_(folder / "pictures.csv") {}

  void write_examples(const RankedGroup& group, std::span<const ExamplePicture> examples) const {
    write_png(folder_ / group.file, example_grid(examples));
  }

  void write_figures(const ScoreReport& report, const Evaluation& evaluation) {
    json_.write(score_json(report));
    csv_.write(score_csv(report));
    pictures_.write(picture_csv(evaluation));
    for (ReplaceFile* file : {&json_, &csv_, &pictures_}) file->commit();
    made_.keep();
  }

 private:
  NewFolders made_;  // first: the files below are gone before it
  std::filesystem::path folder_;
  ReplaceFile json_, csv_, pictures_;
};

// What the page shows of a group: the pictures that lie farthest to its end.
ShownGroup shown_group(const RankedGroup& group, std::vector<ExamplePicture> examples,
                       const Evaluation& evaluation, const std::vector<const MethodScores*>& shown) {
  const size_t count = std::min(kShown, examples.size()), spare = examples.size() - count;
  const bool from_end = std::string_view(group.title) == "Worst",
             middle = std::string_view(group.title) == "Median";
  const size_t first = from_end ? spare : middle ? spare / 2 : 0;
  ShownGroup part{group.title, {}};
  for (size_t i = first; i < first + count; ++i) {
    const size_t position = group.pictures[i];
    ShownPicture picture{std::move(examples[i]), evaluation.pictures[position].hole_share, {}};
    for (const MethodScores* scores : shown) picture.holes.push_back(scores->pictures[position].hole);
    part.pictures.push_back(std::move(picture));
  }
  return part;
}

ScoredModel scored_model(const InferenceModel& model) {
  ScoredModel scored{model.settings(), model.step(), {}};
  if (const auto logs = log_folder_of(model.file(), model.settings())) scored.history = read_history(*logs);
  return scored;
}

// In single quotes where a shell would make something else of it.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + '\'';
}

// All that an evaluation leaves.
class Output {
 public:
  Output(const EvaluationSettings& settings, int64_t count) : settings_(settings) {
    if (!settings.out.empty()) files_.emplace(settings.out);
    if (!settings.report.empty()) page_.emplace(in_ready_folder(settings.report));
    if (!settings.save_fills.empty()) fills_.emplace(settings.save_fills, count);
  }

  EvaluationWatch watch(const Context& ctx) {
    if (!fills_) return {};
    return {[this, &ctx](const HoleBatch& batch) { fills_->add_given(ctx, batch); },
            [this, &ctx](const HoleBatch& batch, const Method& method) {
              fills_->add_painted(ctx, batch, method.name);
            }};
  }

  // `shown`: those of the methods whose fills stand in the pictures; the last one ranks them. model: or null.
  void write(const Context& ctx, const PictureSet& source, const ScoreReport& report,
             const Evaluation& evaluation, std::span<const Method> shown, const HoleSource& holes,
             const InferenceModel* model) {
    ScorePage page{.report = report, .shown = {}, .groups = {}, .model = {}, .command = {}};
    for (const Method& method : shown) page.shown.push_back(method.name);
    if (files_ || page_) page.groups = write_groups(ctx, source, evaluation, shown, holes);
    if (files_) {
      files_->write_figures(report, evaluation);
      fmt::print("written to {}: scores.json, scores.csv, pictures.csv, best.png, median.png, worst.png\n",
                 settings_.out);
    }
    if (page_) {
      if (model != nullptr) page.model = scored_model(*model);
      page.command = evaluation_command(settings_, report.subject.checkpoint);
      page_->write(score_page(page));
      page_->commit();
      fmt::print("report: {}\n", settings_.report);
    }
    if (fills_) {
      fills_->commit();
      fmt::print("fills: {}, a folder for each method, truth and masks\n", settings_.save_fills);
    }
  }

 private:
  // Returns what the page shows of them.
  std::vector<ShownGroup> write_groups(const Context& ctx, const PictureSet& source,
                                       const Evaluation& evaluation, std::span<const Method> shown,
                                       const HoleSource& holes) const {
    std::vector<const MethodScores*> scores;
    for (const Method& method : shown)
      scores.push_back(&*std::ranges::find(evaluation.methods, method.name, &MethodScores::name));
    std::vector<ShownGroup> groups;
    for (const RankedGroup& group : ranked_groups(*scores.back())) {
      std::vector<int64_t> numbers;
      for (const size_t position : group.pictures) numbers.push_back(evaluation.pictures[position].number);
      std::vector<ExamplePicture> examples = example_pictures(ctx, source, shown, holes, numbers);
      if (files_) files_->write_examples(group, examples);
      groups.push_back(shown_group(group, std::move(examples), evaluation, scores));
    }
    return groups;
  }

  const EvaluationSettings& settings_;
  std::optional<FigureFiles> files_;
  std::optional<ReplaceFile> page_;
  std::optional<FillFiles> fills_;
};

}  // namespace

std::string evaluation_command(const EvaluationSettings& settings, const std::string& checkpoint) {
  const EvaluationSettings usual;
  std::string command = "inpaint_eval";
  const auto add = [&command](const char* name, const auto& value, const auto& default_value) {
    if (value == default_value) return;
    if constexpr (requires { to_string(value); })
      command += fmt::format(" --{} {}", name, to_string(value));
    else
      command += fmt::format(" --{} {}", name, shell_word(fmt::format("{}", value)));
  };
  add("data", settings.data, usual.data);
  add("checkpoint", checkpoint, usual.checkpoint);
  const HoleChoice &holes = settings.holes, &usual_holes = usual.holes;
  add("holes", holes.form, usual_holes.form);
  add("block", holes.block, usual_holes.block);
  add("min_hole", holes.min_hole, usual_holes.min_hole);
  add("max_hole", holes.max_hole, usual_holes.max_hole);
  add("masks", holes.masks, usual_holes.masks);
  add("mask_value", holes.mask_value, usual_holes.mask_value);
  add("seed", holes.seed, usual_holes.seed);
  add("holes_file", holes.file, usual_holes.file);
  if (settings.patches) command += " --patches";
  add("features", settings.features, usual.features);
  add("limit", settings.limit, usual.limit);
  add("image_size", settings.image_size, usual.image_size);
  add("image_channel", settings.image_channel, usual.image_channel);
  add("batch_size", settings.batch_size, usual.batch_size);
  add("device", settings.device, usual.device);
  add("gpu", settings.gpu, usual.gpu);
  add("report", settings.report, usual.report);
  return command;
}

void run_evaluation(const EvaluationSettings& settings) {
  Context ctx(settings.threads);
  std::optional<Context> gpu;
  std::optional<FeatureNetwork> features;
  if (!settings.features.empty()) features.emplace(ctx, settings.features);
  std::optional<InferenceModel> model;
  if (!settings.checkpoint.empty()) {
    if (settings.device == DeviceChoice::kCuda ||
        (settings.device == DeviceChoice::kAuto && Context::gpu_count() > 0))
      gpu.emplace(Gpu{settings.gpu}, settings.threads);
    model.emplace(gpu ? *gpu : ctx, settings.checkpoint, std::max<int64_t>(settings.batch_size, kExamples));
  }
  const auto of_model = [&](int TrainSettings::*member) {
    return model ? std::optional(model->settings().*member) : std::nullopt;
  };
  DatasetDescription described{.image_size = EvaluationSettings::kDefaultImageSize,
                               .image_channel = EvaluationSettings::kDefaultImageChannel};
  if (const auto found = read_description(settings.data)) described = *found;
  const int size = agreed("image_size", settings.image_size, of_model(&TrainSettings::image_size),
                          static_cast<int>(described.image_size));
  const int channel = agreed("image_channel", settings.image_channel, of_model(&TrainSettings::image_channel),
                             static_cast<int>(described.image_channel));
  const auto source = open_pictures(settings.data, size, channel);
  Output output(settings, source->count());

  const int64_t count = settings.limit == 0 ? source->count() : std::min(source->count(), settings.limit);
  const EvaluationOptions options{open_holes(settings.holes, count, size), settings.batch_size,
                                  settings.limit, output.watch(ctx), features ? &*features : nullptr};
  if (!settings.save_holes.empty()) save_holes(settings.save_holes, options.holes, count, size);
  std::vector<Method> methods = baseline_methods(ctx);
  const Painter by_model = [&model](const Batch& batch, const Tensor& inpainted) {
    model->paint(batch, inpainted);
  };
  if (settings.patches) {
    const Painter harmonic = methods.back().paint;
    methods.insert(methods.end() - 1, patch_method(ctx, "patches", harmonic, {}));
    if (model)
      methods.insert(methods.end() - 1,
                     patch_method(ctx, "model_patches", by_model, patch_match_of_painted(size)));
  }
  if (model) methods.push_back({"model", by_model});
  const Evaluation evaluation = evaluate(ctx, *source, methods, options, show_progress);
  EvaluationSubject subject{settings.data, model ? model->file().string() : "", size, channel,
                            settings.holes};
  if (features) subject.features = FeatureSubject{settings.features, features->name(), features->dimension()};
  const ScoreReport report = make_report(subject, evaluation);
  fmt::print("{}", score_table(report));
  // Harmonic, which comes last of the fills, and the model behind it.
  output.write(ctx, *source, report, evaluation, std::span<const Method>(methods).last(model ? 2 : 1),
               options.holes, model ? &*model : nullptr);
}

}  // namespace inpaint
