#include "train/score/evaluation_run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "core/image/image_codec.h"
#include "train/fill/inference_model.h"
#include "train/score/example_pictures.h"
#include "train/score/hole_file.h"
#include "train/score/score_report.h"

namespace inpaint {
namespace {

constexpr size_t kExamples = 8;

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

// The files of an evaluation, opened before the work: a folder that cannot be written to is known at once.
class Output {
 public:
  explicit Output(const std::filesystem::path& folder)
      : folder_(ready(folder)),
        json_(folder / "scores.json"),
        csv_(folder / "scores.csv"),
        pictures_(folder / "pictures.csv") {}

  void write_figures(const ScoreReport& report, const Evaluation& evaluation) {
    json_.write(score_json(report));
    csv_.write(score_csv(report));
    pictures_.write(picture_csv(evaluation));
    for (ReplaceFile* file : {&json_, &csv_, &pictures_}) file->commit();
  }

  // `shown`: those of the methods whose fills stand in the pictures; the last one ranks them.
  void write_examples(const Context& ctx, const PictureSet& source, const Evaluation& evaluation,
                      std::span<const Method> shown, const EvaluationOptions& options) const {
    const auto scores = std::ranges::find(evaluation.methods, shown.back().name, &MethodScores::name);
    const std::vector<size_t> order = rank_pictures(*scores);
    const size_t count = std::min(kExamples, order.size()), rest = order.size() - count;
    for (const auto& [name, first] :
         {std::pair{"best.png", size_t{0}}, {"median.png", rest / 2}, {"worst.png", rest}}) {
      std::vector<int64_t> numbers;
      for (size_t i = first; i < first + count; ++i) numbers.push_back(evaluation.pictures[order[i]].number);
      write_png(folder_ / name, example_pictures(ctx, source, shown, options.holes, numbers));
    }
  }

 private:
  static std::filesystem::path ready(const std::filesystem::path& folder) {
    make_folders(folder);
    remove_stale_temporaries(folder);  // of an evaluation that was killed
    return folder;
  }

  std::filesystem::path folder_;
  ReplaceFile json_, csv_, pictures_;
};

}  // namespace

void run_evaluation(const EvaluationSettings& settings) {
  Context ctx(settings.threads);
  std::optional<Context> gpu;
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
  const int size = agreed("image_size", settings.image_size, of_model(&TrainSettings::image_size),
                          EvaluationSettings::kDefaultImageSize);
  const int channel = agreed("image_channel", settings.image_channel, of_model(&TrainSettings::image_channel),
                             EvaluationSettings::kDefaultImageChannel);
  const auto source = open_pictures(settings.data, size, channel);
  std::optional<Output> output;
  if (!settings.out.empty()) output.emplace(settings.out);

  const int64_t count = settings.limit == 0 ? source->count() : std::min(source->count(), settings.limit);
  const EvaluationOptions options{open_holes(settings.holes, count, size), settings.batch_size,
                                  settings.limit};
  if (!settings.save_holes.empty()) save_holes(settings.save_holes, options.holes, count, size);
  std::vector<Method> methods = baseline_methods(ctx);
  if (settings.patches) methods.insert(methods.end() - 1, patch_method(ctx));
  if (model)
    methods.push_back(
        {"model", [&model](const Batch& batch, const Tensor& inpainted) { model->paint(batch, inpainted); }});
  const Evaluation evaluation = evaluate(ctx, *source, methods, options, show_progress);
  const EvaluationSubject subject{settings.data, model ? model->file().string() : "", size, channel,
                                  settings.holes};
  const ScoreReport report = make_report(subject, evaluation);
  fmt::print("{}", score_table(report));
  if (!output) return;
  // Harmonic, which comes last of the fills, and the model behind it.
  const auto shown = std::span<const Method>(methods).last(model ? 2 : 1);
  output->write_examples(ctx, *source, evaluation, shown, options);
  output->write_figures(report, evaluation);
  fmt::print("written to {}: scores.json, scores.csv, pictures.csv, best.png, median.png, worst.png\n",
             settings.out);
}

}  // namespace inpaint
