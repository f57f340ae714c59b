#include "train/export/export_run.h"

#include <fmt/format.h>

#include "core/file/replace_file.h"
#include "train/export/onnx_model.h"
#include "train/export/painting_weights.h"

namespace inpaint {
namespace {

void write_onnx(const Context& ctx, const TrainedGenerator& generator, const std::string& path) {
  ReplaceFile file(path);
  const std::string model = onnx_model(ctx, generator);
  file.write(model);
  file.commit();
  fmt::print("{}: {}, step {}, {:.1f} MB\n", path, to_string(generator.settings.model), generator.step,
             static_cast<double>(model.size()) / 1e6);
}

void write_weights(const Context& ctx, const TrainedGenerator& generator, const std::string& path) {
  save_painting_weights(ctx, generator, path);
  fmt::print("{}: {}, step {}, {:.1f} MB\n", path, to_string(generator.settings.model), generator.step,
             static_cast<double>(std::filesystem::file_size(path)) / 1e6);
}

}  // namespace

void run_export(const ExportSettings& s) {
  const bool writes = !s.onnx.empty() || !s.weights.empty(), away = !s.checkpoint.empty() || writes,
             back = !s.from_torch.empty() || !s.out.empty();
  if (away == back || (away && (s.checkpoint.empty() || !writes)) ||
      (back && (s.from_torch.empty() || s.out.empty())))
    user_error(
        "command line: give --checkpoint PATH with --onnx FILE or --weights FILE, or --from_torch FILE and "
        "--out FOLDER");
  if (back) {
    const std::filesystem::path path = checkpoint_from_state_dict(s.from_torch, s.network, s.out);
    fmt::print("{}: checkpoint at step 0\n", path.string());
    return;
  }
  if (!s.network.empty())
    user_error("command line: --{} is for --from_torch; a checkpoint says what network it is of",
               s.network.begin()->first);
  const Context ctx;
  const TrainedGenerator generator = load_trained_generator(ctx, s.checkpoint);
  if (!s.onnx.empty()) write_onnx(ctx, generator, s.onnx);
  if (!s.weights.empty()) write_weights(ctx, generator, s.weights);
}

}  // namespace inpaint
