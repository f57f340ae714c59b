#include "train/training_run.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>

#include "core/replace_file.h"
#include "train/batch_loader.h"
#include "train/bin_dataset.h"
#include "train/checkpoint_writer.h"
#include "train/event_log.h"
#include "train/folders.h"
#include "train/line_log.h"
#include "train/model_state.h"
#include "train/progress.h"
#include "train/resume.h"
#include "train/run_text.h"
#include "train/sample_pictures.h"
#include "train/settings_text.h"
#include "train/stop_signal.h"

namespace inpaint {
namespace {

class TrainingRun {
 public:
  explicit TrainingRun(const TrainSettings& settings)
      : settings_(settings),
        out_(stdout),
        data_(data_file(settings), settings.image_size, settings.image_channel),
        ctx_(settings.threads, matrix_backend_of(settings)),
        store_(checkpoint_folder(settings), settings.keep),
        model_(network_options(settings), real_type(settings), Parameters::Use::kTraining),
        step_(ctx_, model_, settings.batch_size, step_options(settings)),
        samples_(ctx_, model_, settings.batch_size, sample_folder(settings)),
        state_(start_state(settings, ctx_, model_, store_.folder(), out_)),
        writer_(store_, checkpoint_layout(model_)),
        hole_random_(static_cast<uint64_t>(settings.seed), RandomStream::kHoleOffsets),
        hole_memory_(settings.batch_size * 2 * size_of(DType::kI32)),
        holes_(hole_memory_.tensor({settings.batch_size, 2}, DType::kI32)),
        loss_log_(log_folder(settings) / "loss_log.txt", ...),
        train_log_(log_folder(settings) / "train_log.jsonl", ...),
        events_(log_folder(settings), state_.step) {
    step_.generator_updates = state_.generator_updates;
    step_.discriminator_updates = state_.discriminator_updates;
  }

  int run();

 private:
  void train_batch(const LoadedBatch& batch);

  const TrainSettings& settings_;
};

}  // namespace
}  // namespace inpaint
