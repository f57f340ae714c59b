#include "train/checkpoint/resume.h"

#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/settings/settings_text.h"

namespace inpaint {
namespace {

constexpr const char* kNoDiscriminator =
    "note: the checkpoint holds no discriminator; texture begins with one that has learnt nothing yet";

// The settings a checkpoint's tensors have their shapes from.
void check_same_network(const TrainSettings& saved, const TrainSettings& now, const std::string& file) {
  const auto check = [&](const char* flag, const auto& then_value, const auto& now_value) {
    if (then_value != now_value)
      user_error(
          "{}: this checkpoint has {}={}, the run has {}={}; give {}={}, or start afresh in another folder",
          file, flag, then_value, flag, now_value, flag, then_value);
  };
  check("model", to_string(saved.model), to_string(now.model));
  if (now.model == ModelKind::kHarmonicUnet)
    check("model_size", to_string(saved.model_size), to_string(now.model_size));
  check("image_size", saved.image_size, now.image_size);
  check("image_channel", saved.image_channel, now.image_channel);
  check("base_channels", saved.base_channels, now.base_channels);
  check("bottleneck", saved.bottleneck, now.bottleneck);
  if ((saved.precision == Precision::kFp64) != (now.precision == Precision::kFp64))
    check("precision", to_string(saved.precision), to_string(now.precision));
}

// What changes the course of a run when it is changed under way, without being wrong.
void note_changes(const TrainSettings& saved, const TrainSettings& now, std::vector<std::string>& notes) {
  const auto then_text = to_metadata(saved), now_text = to_metadata(now);
  for (const char* flag :
       {"dataname",        "block",         "data_dir",      "batch_size",    "shuffle",        "flip",
        "validate_share",  "random_crop",   "learning_rate", "lamb_rec",      "lamb_adv",       "lamb_tv",
        "use_l1",          "weight_clip",   "gene_iter",     "disc_iter",     "seed",           "precision",
        "holes",           "min_hole",      "max_hole",      "masks",         "mask_value",     "warm_up",
        "last_rate",       "average_decay", "texture",       "texture_share", "schedule_steps", "adv_loss",
        "sync_batch_norm", "accumulate"}) {
    const std::string key = "flag." + std::string(flag);
    if (then_text.at(key) != now_text.at(key))
      notes.push_back(fmt::format("note: {}={} from here on; the checkpoint was made with {}={}", flag,
                                  now_text.at(key), flag, then_text.at(key)));
  }
}

Beginning begin_at(const SafetensorsFile& file, const TrainSettings& settings, const Context& ctx,
                   Model& model) {
  const TrainSettings saved = settings_from_metadata(file.metadata(), file.path().string());
  check_same_network(saved, settings, file.path().string());
  Beginning beginning;
  beginning.file = file.path();
  beginning.state = RunState::from_metadata(file.metadata(), file.path().string());
  if (!load_model(ctx, file, model, static_cast<uint64_t>(settings.seed))) {
    beginning.state.forget_discriminator();
    if (settings.mode == Split::kTrain) beginning.notes.push_back(kNoDiscriminator);
  }
  beginning.notes.push_back(
      fmt::format("Going on from {} at step {}", file.path().string(), beginning.state.step));
  note_changes(saved, settings, beginning.notes);
  if (saved.step_images() != settings.step_images())  // the same place in the data
    beginning.state.batch = beginning.state.batch * saved.step_images() / settings.step_images();
  return beginning;
}

// The checkpoint that the setting `resume` names; nothing when that is the newest of a folder without any.
std::optional<FoundCheckpoint> find_checkpoint(const TrainSettings& settings,
                                               const std::filesystem::path& folder) {
  if (settings.resume == "auto" || settings.resume == "never") {
    if (settings.fallback) return open_newest_checkpoint(folder, Fallback::kAllow);
    try {
      return open_newest_checkpoint(folder, Fallback::kRefuse);
    } catch (const UserError& error) {
      user_error("{} (fallback=true goes on from the newest good one)", error.what());
    }
  }
  if (settings.resume != "best") return FoundCheckpoint{open_checkpoint(settings.resume), {}};
  if (auto best = open_best_checkpoint(folder)) return FoundCheckpoint{std::move(*best), {}};
  user_error("{}: names no best checkpoint, as no run here has validated; give resume=auto or a path",
             folder.string());
}

Beginning begin_at(const FoundCheckpoint& found, const TrainSettings& settings, const Context& ctx,
                   Model& model) {
  Beginning beginning = begin_at(found.file, settings, ctx, model);
  for (const std::string& fault : found.passed_over)
    beginning.notes.insert(beginning.notes.begin(), "note: passed over, as fallback allows: " + fault);
  return beginning;
}

}  // namespace

Beginning begin_training(const TrainSettings& settings, const std::filesystem::path& folder,
                         const Context& ctx, Model& model) {
  if (const auto found = find_checkpoint(settings, folder)) {
    if (settings.resume == "never")
      user_error(
          "resume=never, but {} holds checkpoints ({}), which a new run would replace; give resume=auto to "
          "go "
          "on, or another dataname or checkpoint_root",
          folder.string(), found->file.path().filename().string());
    return begin_at(*found, settings, ctx, model);
  }
  Beginning beginning;
  model.initialize(ctx, static_cast<uint64_t>(settings.seed));
  beginning.state.epoch = settings.start_epoch;
  return beginning;
}

Beginning begin_validation(const TrainSettings& settings, const std::filesystem::path& folder,
                           const Context& ctx, Model& model) {
  if (settings.resume == "never")
    user_error("resume=never: mode={} needs a trained model; give resume=auto or a checkpoint's path",
               to_string(settings.mode));
  if (const auto found = find_checkpoint(settings, folder)) return begin_at(*found, settings, ctx, model);
  user_error("{}: no checkpoint here, and mode={} needs one; train first, or name one with resume=PATH",
             folder.string(), to_string(settings.mode));
}

}  // namespace inpaint
