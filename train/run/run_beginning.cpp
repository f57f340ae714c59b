#include "train/run/run_beginning.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "train/data/batch_loader.h"
#include "train/data/dataset_description.h"
#include "train/run/rank_agreement.h"
#include "train/settings/folders.h"

namespace inpaint {
namespace {

// What the data set's description says of its bytes; -1 where there is none.
int64_t checksum_of_data(const TrainSettings& settings) {
  if (settings.data_dir != TrainSettings::kNoFolder) return -1;
  const auto described = read_description(data_file(settings, Split::kTrain));
  return described ? int64_t{described->crc32c} : -1;
}

Beginning begin(const TrainSettings& settings, const PictureSet& data, const Context& ctx, Model& model,
                const Say& say) {
  Beginning beginning = begin_training(settings, checkpoint_folder(settings), ctx, model);
  for (const std::string& note : beginning.notes) say(note);
  const int64_t then = beginning.state.data_crc32c, now = checksum_of_data(settings);
  if (then >= 0 && now >= 0 && then != now)
    say(fmt::format(
        "note: {} has changed since the checkpoint was made; the run goes on with what it holds now",
        data.path().string()));
  beginning.state.data_crc32c = now;
  // With fewer pictures or larger batches than before, the epoch may be over here already.
  beginning.state.batch =
      std::min(beginning.state.batch, batches_in_epoch(data.count(), settings.step_images()));
  return beginning;
}

}  // namespace

std::optional<ValidationPass> open_validation(const TrainSettings& settings, TrainingPictures& data,
                                              const MaskFiles* masks, Ranks& ranks) {
  constexpr auto kAll = ValidationPass::Pictures::kAll;
  const std::filesystem::path file = data_file(settings, Split::kValidate);
  if (settings.validate_every == 0) return std::nullopt;
  if (data.held_out)
    return std::optional<ValidationPass>(std::in_place, settings, std::move(data.held_out), data.workers,
                                         kAll, masks, ranks);
  if (!std::filesystem::exists(file)) {
    if (settings.patience == 0) return std::nullopt;
    user_error("patience={} needs validations, and {} is not there; make it, or give patience=0",
               settings.patience, file.string());
  }
  try {
    return std::optional<ValidationPass>(std::in_place, settings,
                                         open_dataset(file, settings.image_size, settings.image_channel), 1,
                                         kAll, masks, ranks);
  } catch (const UserError& error) {
    user_error("{} (validate_every=0 trains without it)", error.what());
  }
}

TrainingPictures open_pictures(const TrainSettings& settings, const Context& ctx, Ranks& ranks,
                               const Say& say) {
  if (!ranks.is_first()) ranks.wait_for_all();
  TrainingPictures pictures = open_training_pictures(settings, ctx, say);
  if (ranks.is_first()) ranks.wait_for_all();
  check_same_pictures(ranks, pictures.set->count(), pictures.set->path().string());
  return pictures;
}

Beginning begin_together(const TrainSettings& settings, const PictureSet& data, const Context& ctx,
                         Model& model, Ranks& ranks, const Say& say) {
  Beginning beginning;
  if (ranks.is_first()) beginning = begin(settings, data, ctx, model, say);
  ranks.wait_for_all();  // a large checkpoint takes its time
  share_state(ranks, beginning.state);
  share_model(ranks, ctx, model);
  return beginning;
}

}  // namespace inpaint
