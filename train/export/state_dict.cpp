#include "train/export/state_dict.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/device/copy.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/non_finite.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/flags.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

using Kind = ParameterId::Kind;

constexpr const char* kCommandLine = "command line";

TrainSettings settings_of(const SafetensorsFile& file, const NetworkFlags& flags) {
  const bool says = std::ranges::any_of(file.metadata(),
                                        [](const auto& entry) { return entry.first.starts_with("flag."); });
  TrainSettings settings;
  if (says) {
    settings = settings_from_metadata(file.metadata(), file.path().string());
  } else {
    const auto model = flags.find("model");
    if (model == flags.end())
      user_error(
          "{}: does not say what network it is of; give --model, and --image_size, --image_channel ...",
          file.path().string());
    set_flag(settings, *find_flag("model"), model->second, kCommandLine);
    settings = TrainSettings::of_model(settings.model);
  }
  for (const auto& [name, text] : flags) {
    const Flag& flag = *find_flag(name);
    const std::string before = flag.print(settings);
    set_flag(settings, flag, text, kCommandLine);
    if (says && flag.print(settings) != before)
      user_error("{}: is of a network with {}={}; leave --{} out", file.path().string(), name, before, name);
  }
  settings.precision = Precision::kFp32;
  settings.mode = Split::kTrain;
  check_settings(settings);
  return settings;
}

// The names of a network's tensors in the file lack so many characters of ours.
size_t cut_of(const SafetensorsFile& file, const Network& network) {
  const std::string& first = network.spec().list(Kind::kWeight).front().name;
  const size_t cut = network.name().size() + 1;
  return file.find(first) == nullptr && file.find(first.substr(cut)) != nullptr ? cut : 0;
}

// Every tensor has to be F32 and known.
void check_tensors(const SafetensorsFile& file, const Model& model, size_t cut) {
  std::set<std::string> known;
  for (const Network* const network : {&model.generator, &model.discriminator})
    for (const Kind kind : {Kind::kWeight, Kind::kOther, Kind::kRunning})
      for (const ParameterInfo& info : network->spec().list(kind))
        known.insert(network == &model.generator ? info.name.substr(cut) : info.name);
  for (const SafetensorsEntry& tensor : file.tensors()) {
    if (tensor.name.ends_with(".num_batches_tracked")) continue;
    const std::string name = printable(tensor.name);
    if (!known.contains(tensor.name))
      user_error("{}: this network has no tensor '{}'; is it a state_dict of {}?", file.path().string(), name,
                 to_string(model.options.kind));
    if (tensor.dtype != safetensors_dtype(DType::kF32))
      user_error("{}: tensor '{}' is {}, and F32 is needed; save module.float().state_dict()",
                 file.path().string(), name, tensor.dtype);
  }
}

}  // namespace

fs::path checkpoint_from_state_dict(const fs::path& path, const NetworkFlags& flags, const fs::path& folder) {
  const SafetensorsFile file(path, SafetensorsFile::Checksum::kIfPresent);
  const TrainSettings settings = settings_of(file, flags);
  const Context ctx;
  Model model(model_options(settings), DType::kF32, Parameters::Use::kTraining);
  model.initialize(ctx, static_cast<uint64_t>(settings.seed));
  const size_t cut = cut_of(file, model.generator);
  check_tensors(file, model, cut);
  load_state_dict(ctx, file, model.generator_params, cut);
  const bool judged = std::ranges::any_of(file.tensors(), [](const SafetensorsEntry& tensor) {
    return tensor.name.starts_with("discriminator.");
  });
  if (judged) load_state_dict(ctx, file, model.discriminator_params, 0);
  if (model.generator_averages)
    copy_on_device(ctx, model.generator_params.values(), model.generator_averages->values());

  std::vector<NamedTensor> tensors =
      checkpoint_layout(model.options, model.generator, model.discriminator, DType::kF32);
  std::vector<Buffer> memory;
  for (NamedTensor& named : tensors) {
    memory.emplace_back(named.tensor.bytes());
    named.tensor = memory.back().tensor(named.tensor.shape, named.tensor.dtype);
  }
  capture_model(ctx, model, tensors);
  if (const auto bad = first_non_finite(tensors)) user_error("{}: {}", path.string(), to_string(*bad));
  Metadata metadata = to_metadata(settings);
  RunState{}.to_metadata(metadata);
  if (open_newest_checkpoint(folder))
    user_error("{}: holds a checkpoint already; give another folder (--out)", folder.string());
  CheckpointStore store(folder, 1);
  store.save(0, tensors, metadata);
  return store.path_of(0);
}

}  // namespace inpaint
