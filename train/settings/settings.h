// Everything a run can be told. The flags of the same names, their ranges and their documentation stand in
// flags.cpp; a value that came through a flag lies in its range.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/device/context.h"
#include "train/data/split.h"
#include "train/holes/hole_form.h"
#include "train/holes/hole_placement.h"
#include "train/holes/mask_polarity.h"

namespace inpaint {

enum class ModelKind {
  kContextEncoder,  // paints a square of half the side; its discriminator judges the square
  kHarmonicUnet,    // paints holes of any form; a discriminator only with texture
};
enum class ModelSize { kSmall, kBase, kLarge };
enum class AdversarialLoss { kCrossEntropy, kHinge };
enum class DeviceChoice { kAuto, kCpu, kCuda };
enum class Precision { kAuto, kFp32, kTf32, kBf16, kFp64 };
enum class OnNan { kStop, kRollback };
enum class MatrixChoice { kAuto, kTile, kOneDnn, kEigen };

// The names of an enumeration's values, in their order; the argument only picks the enumeration.
std::span<const std::string_view> names_of(ModelKind);
std::span<const std::string_view> names_of(ModelSize);
std::span<const std::string_view> names_of(AdversarialLoss);
std::span<const std::string_view> names_of(HolePlacement);
std::span<const std::string_view> names_of(DeviceChoice);
std::span<const std::string_view> names_of(Precision);
std::span<const std::string_view> names_of(MatrixChoice);
std::span<const std::string_view> names_of(OnNan);

template <typename Enum>
requires requires(Enum value) { names_of(value); }
std::string to_string(Enum value) { return std::string(names_of(value)[static_cast<size_t>(value)]); }

struct TrainSettings {
  static constexpr int64_t kNoStepLimit = -1;
  static constexpr const char* kNoFolder = "none";
  static constexpr int64_t kMostStepImages = 1'000'000;
  static constexpr int64_t kAsItSuits =
      0;  // what the source program's defaults do, and more of it in short runs

  // Data
  std::string dataname = "inpaint";
  int image_size = 128;   // pixels along a side
  int image_channel = 1;  // 1 grey, 3 RGB
  HolePlacement block = HolePlacement::kRandom;
  int batch_size = 64;
  int accumulate = 1;  // micro-batches of batch_size images that an update is made from
  HoleForm holes = HoleForm::kSquare;
  double min_hole = 0.1, max_hole = 0.4;  // shares of the picture, but for squares and mask files
  std::string masks = kNoFolder;          // or a folder of mask pictures
  MaskPolarity mask_value = MaskPolarity::kWhiteIsHole;
  bool shuffle = false;
  std::string data_dir = kNoFolder;  // or a folder of pictures, in the place of the .bin file
  bool data_cache = false;           // decode the folder once
  double validate_share = 0;         // of the folder's pictures, held out
  bool flip = false;                 // the images of mode=train
  bool random_crop = false;          // likewise, from larger pictures of data_dir

  ModelKind model = ModelKind::kContextEncoder;
  ModelSize model_size = ModelSize::kSmall;  // of kHarmonicUnet
  // Context encoder: a feature map of side 4 * 2^k has max(base_channels, 8 * base_channels >> k) channels.
  int base_channels = 64;
  int bottleneck = 4000;

  // Losses and updates
  double learning_rate = 0.0002;
  double lamb_rec = 0.999;
  double lamb_adv = 0.001;
  double lamb_tv = 1e-6;
  bool use_l1 = false;
  AdversarialLoss adv_loss = AdversarialLoss::kCrossEntropy;
  bool weight_clip = false;  // clips gradients, in spite of its name
  int gene_iter = 5;
  int disc_iter = 1;
  bool reuse = true;
  // For kHarmonicUnet
  int64_t warm_up = 60;          // updates
  double last_rate = 0.01;       // of the learning rate, at the planned end of the run
  double average_decay = 0.998;  // of the moving average of the parameters
  double texture = 0;            // strength of the adversary's gradient beside the reconstruction's; 0: none
  double texture_share = 0.3;    // of the planned run, its last part: the adversarial phase

  // The run
  Split mode = Split::kTrain;
  int64_t start_epoch = 0;
  int64_t epoch = 100;               // exclusive
  int64_t max_steps = kNoStepLimit;  // stop when the step counter is here; 0 only writes the initial state
  double minutes = 0;                // train for so long, whatever `epoch` says; 0: no
  int64_t schedule_steps = 0;        // the planned length; 0: minutes, max_steps or epoch, whichever is given
  int64_t seed = 1;
  std::string resume = "auto";  // "auto", "best", "never", or a checkpoint's path
  bool fallback = false;        // where the newest checkpoint is damaged, go on from the newest good one
  OnNan on_nan = OnNan::kStop;
  int64_t validate_every = 1;  // epochs; 0 never
  int64_t patience = 0;        // validations without a better one before the run ends; 0 no such end

  bool plan = false;           // say what the run would take, and stop
  bool verify_resume = false;  // prove that a stopped and resumed run equals an uninterrupted one, and stop

  // What it leaves
  int64_t ckpt = kAsItSuits;     // epochs
  double save_minutes = 10;      // at most between two checkpoints; 0 no such limit
  int keep = 1;                  // checkpoints
  int64_t sample = 1;            // epochs
  int64_t summary = kAsItSuits;  // steps
  bool log_offsets = false;

  // Folders
  std::string data_root = "data";
  std::string checkpoint_root = "checkpoints";
  std::string log_root = "logs";
  std::string sample_root = "samples";

  // Machine
  DeviceChoice device = DeviceChoice::kAuto;
  int gpu = 0;
  int threads = 0;               // 0: as many as the cores this process may use
  int loader_threads = 0;        // 0: as many as the pictures need
  bool sync_batch_norm = false;  // of several ranks: batch norm over the pictures of all
  double rank_timeout = 300;     // seconds that a rank waits for another; 0: for ever
  Precision precision = Precision::kAuto;
  MatrixChoice matrix_backend = MatrixChoice::kAuto;

  int64_t step_images() const { return int64_t{batch_size} * accumulate; }  // that a step takes

  // A model has defaults of its own for some flags.
  static TrainSettings of_model(ModelKind model);

  friend bool operator==(const TrainSettings&, const TrainSettings&) = default;
};

// Throws UserError when the settings contradict each other or ask for what this build has not.
void check_settings(const TrainSettings& settings);

// Throws UserError where so many ranks cannot share this run.
void check_ranks(const TrainSettings& settings, int ranks);

// What a context of this run makes its matrix products with; auto is the fastest, and Eigen in fp64.
MatrixBackend matrix_backend_of(const TrainSettings& settings);

}  // namespace inpaint
