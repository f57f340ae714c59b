#include "train/export/export_run.h"

#include <fmt/format.h>

#include "core/file/replace_file.h"
#include "train/export/onnx_model.h"

namespace inpaint {

void run_export(const ExportSettings& s) {
  const bool to_onnx = !s.checkpoint.empty() || !s.onnx.empty(),
             back = !s.from_torch.empty() || !s.out.empty();
  if (to_onnx == back || (to_onnx && (s.checkpoint.empty() || s.onnx.empty())) ||
      (back && (s.from_torch.empty() || s.out.empty())))
    user_error("command line: give --checkpoint PATH and --onnx FILE, or --from_torch FILE and --out FOLDER");
  if (back) {
    const std::filesystem::path path = checkpoint_from_state_dict(s.from_torch, s.network, s.out);
    fmt::print("{}: checkpoint at step 0\n", path.string());
    return;
  }
  if (!s.network.empty())
    user_error("command line: --{} is for --from_torch; a checkpoint says what network it is of",
               s.network.begin()->first);
  const Context ctx;
  ReplaceFile file(s.onnx);  // a place that cannot be written to is known before the work
  const TrainedGenerator generator = load_trained_generator(ctx, s.checkpoint);
  const std::string model = onnx_model(ctx, generator);
  file.write(model);
  file.commit();
  fmt::print("{}: {}, step {}, {:.1f} MB\n", s.onnx, to_string(generator.settings.model), generator.step,
             static_cast<double>(model.size()) / 1e6);
}

}  // namespace inpaint
