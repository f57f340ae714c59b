#include "train/settings/settings.h"

#include "core/base/error.h"

namespace inpaint {
namespace {
constexpr std::string_view kModels[] = {"context_encoder", "harmonic_unet"};
constexpr std::string_view kModelSizes[] = {"small", "base", "large"};
constexpr std::string_view kAdversarialLosses[] = {"cross_entropy", "hinge"};
constexpr std::string_view kBlocks[] = {"random", "center"};
constexpr std::string_view kDevices[] = {"auto", "cpu", "cuda"};
constexpr std::string_view kPrecisions[] = {"auto", "fp32", "tf32", "bf16", "fp64"};
constexpr std::string_view kMatrixChoices[] = {"auto", "tile", "onednn", "eigen"};
constexpr std::string_view kOnNan[] = {"stop", "rollback"};

void check_holes(const TrainSettings& s) {
  if (s.model == ModelKind::kContextEncoder && s.holes != HoleForm::kSquare)
    user_error("holes={}: the context encoder paints squares only; give model=harmonic_unet or holes=square",
               to_string(s.holes));
  if (s.model == ModelKind::kHarmonicUnet && s.block == HolePlacement::kCenter)
    user_error("block=center: model=harmonic_unet draws its holes as holes={} says; leave block out",
               to_string(s.holes));
  if ((s.holes == HoleForm::kFiles) != (s.masks != TrainSettings::kNoFolder))
    user_error("holes={} with masks={}: holes=files takes the pictures of masks=FOLDER; give both or neither",
               to_string(s.holes), s.masks);
  check_hole_options({s.holes, s.min_hole, s.max_hole});
}
}  // namespace

std::span<const std::string_view> names_of(ModelKind) { return kModels; }
std::span<const std::string_view> names_of(ModelSize) { return kModelSizes; }
std::span<const std::string_view> names_of(AdversarialLoss) { return kAdversarialLosses; }
std::span<const std::string_view> names_of(HolePlacement) { return kBlocks; }
std::span<const std::string_view> names_of(DeviceChoice) { return kDevices; }
std::span<const std::string_view> names_of(Precision) { return kPrecisions; }
std::span<const std::string_view> names_of(MatrixChoice) { return kMatrixChoices; }
std::span<const std::string_view> names_of(OnNan) { return kOnNan; }

TrainSettings TrainSettings::of_model(ModelKind model) {
  TrainSettings s;
  s.model = model;
  if (model == ModelKind::kContextEncoder) return s;
  s.image_channel = 3;
  s.batch_size = 16;
  s.shuffle = true;
  s.flip = true;
  s.holes = HoleForm::kMixed;
  s.learning_rate = 0.001;
  return s;
}

void check_settings(const TrainSettings& s) {
  check_holes(s);
  if (s.model == ModelKind::kContextEncoder && s.mode == Split::kTrain && s.batch_size < 2)
    user_error(
        "batch_size={}: training needs 2 or more images in a batch, since batch norm over one image "
        "has no variance; give batch_size=2, for a single picture too (modes validate and test take 1)",
        s.batch_size);
  if (s.step_images() > TrainSettings::kMostStepImages)
    user_error(
        "accumulate={}: a step would take {} images, {} of batch_size={}, and {} at most are possible; give "
        "accumulate={} or less",
        s.accumulate, s.step_images(), s.accumulate, s.batch_size, TrainSettings::kMostStepImages,
        TrainSettings::kMostStepImages / s.batch_size);
  if (s.mode == Split::kTrain && s.start_epoch >= s.epoch)
    user_error("start_epoch={}: nothing is left to train until epoch={}; give a larger epoch", s.start_epoch,
               s.epoch);
  if (s.texture > 0 && s.model != ModelKind::kHarmonicUnet)
    user_error(
        "texture={}: model={} has a discriminator of its own; give model=harmonic_unet, or leave it out",
        s.texture, to_string(s.model));
  if (s.plan && s.verify_resume) user_error("plan and verify_resume are two things to do; give one of them");
  if (s.mode != Split::kTrain && (s.plan || s.verify_resume))
    user_error("{} is about training, and mode={} trains nothing; give mode=train",
               s.plan ? "plan" : "verify_resume", to_string(s.mode));
  if (s.mode == Split::kTrain && s.patience > 0 && s.validate_every == 0)
    user_error("patience={} needs validations, and validate_every=0 makes none; give validate_every=1",
               s.patience);
  if (s.random_crop && s.data_dir == TrainSettings::kNoFolder)
    user_error(
        "random_crop: the pictures of a .bin file have no pixel to spare; give data_dir=FOLDER, or make the "
        "file "
        "with inpaint_data convert --random_crops");
  if (s.data_cache && s.data_dir == TrainSettings::kNoFolder)
    user_error("data_cache: a .bin file is decoded already; give data_dir=FOLDER, or leave data_cache out");
  if (s.validate_share >= 1)
    user_error("validate_share={}: nothing would be left to train on; give a share below 1, for instance 0.1",
               s.validate_share);
  if (s.validate_share > 0 && s.data_dir == TrainSettings::kNoFolder)
    user_error(
        "validate_share: a .bin file is not parted; give data_dir=FOLDER, or make a set to validate with, as "
        "inpaint_data convert does");
  if (s.device == DeviceChoice::kCuda && s.precision == Precision::kFp64)
    user_error("precision=fp64 runs on the CPU only; give device=cpu, or another precision");
  if (s.device == DeviceChoice::kCuda && !Context::has_cuda())
    user_error("device=cuda: this program was built without CUDA; give device=cpu or device=auto");
  if (s.matrix_backend == MatrixChoice::kOneDnn && s.precision == Precision::kFp64)
    user_error("precision=fp64: oneDNN multiplies in fp32 only; give matrix_backend=eigen or auto");
  if (s.matrix_backend == MatrixChoice::kOneDnn && !Context::has_one_dnn())
    user_error(
        "matrix_backend=onednn: this program was built without oneDNN; give matrix_backend=eigen or auto");
}

void check_ranks(const TrainSettings& s, int ranks) {
  if (ranks == 1) return;
  if (s.mode != Split::kTrain || s.plan || s.verify_resume)
    user_error("{} runs in one process, and a launcher has started {}; start it without mpirun",
               s.plan            ? "plan"
               : s.verify_resume ? "verify_resume"
                                 : "mode=" + to_string(s.mode),
               ranks);
  if (s.batch_size % ranks != 0)
    user_error("batch_size={}: {} ranks cannot share it evenly; give batch_size={}", s.batch_size, ranks,
               (s.batch_size + ranks - 1) / ranks * ranks);
  if (s.model == ModelKind::kContextEncoder && !s.sync_batch_norm && s.batch_size < 2 * ranks)
    user_error(
        "batch_size={}: each of {} ranks has one image, over which batch norm has no variance; give "
        "batch_size={} "
        "or sync_batch_norm=true",
        s.batch_size, ranks, 2 * ranks);
}

MatrixBackend matrix_backend_of(const TrainSettings& s) {
  switch (s.matrix_backend) {
    case MatrixChoice::kTile:
      return MatrixBackend::kTile;
    case MatrixChoice::kOneDnn:
      return MatrixBackend::kOneDnn;
    case MatrixChoice::kEigen:
      return MatrixBackend::kEigen;
    case MatrixChoice::kAuto:
      break;
  }
  // Double precision is there to check with: the readable definition.
  return s.precision == Precision::kFp64 ? MatrixBackend::kEigen : Context::default_backend();
}

}  // namespace inpaint
