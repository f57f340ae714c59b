#include "train/checkpoint/trained_generator.h"

#include <utility>

#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"

namespace inpaint {
namespace {

SafetensorsFile open(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return open_checkpoint(path);
  auto found = open_newest_checkpoint(path);
  if (!found)
    user_error(
        "{}: no checkpoint here; give a model-<step>.safetensors, or the folder of a run that saved one",
        path.string());
  return std::move(found->file);
}

}  // namespace

TrainedGenerator load_trained_generator(const Context& ctx, const std::filesystem::path& path) {
  return load_trained_generator(ctx, open(path));
}

TrainedGenerator load_trained_generator(const Context& ctx, const SafetensorsFile& file) {
  const TrainSettings settings = settings_from_metadata(file.metadata(), file.path().string());
  const int64_t step = RunState::from_metadata(file.metadata(), file.path().string()).step;
  Network network = make_generator(model_options(settings));
  Parameters parameters(network.spec(), parameter_dtype(activation_type(settings)),
                        Parameters::Use::kInference, ctx.device());
  load_generator(ctx, file, parameters);
  return {file.path(), settings, step, std::move(network), std::move(parameters)};
}

}  // namespace inpaint
