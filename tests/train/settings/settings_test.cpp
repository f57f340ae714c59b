#include "train/settings/settings.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "train/settings/flags.h"

using namespace inpaint;

TEST_CASE("settings: names of the enumerations") {
  CHECK(to_string(Split::kTrain) == "train");
  CHECK(to_string(Split::kValidate) == "validate");
  CHECK(to_string(Split::kTest) == "test");
  CHECK(to_string(HolePlacement::kRandom) == "random");
  CHECK(to_string(HolePlacement::kCenter) == "center");
  CHECK(to_string(DeviceChoice::kAuto) == "auto");
  CHECK(to_string(DeviceChoice::kCpu) == "cpu");
  CHECK(to_string(DeviceChoice::kCuda) == "cuda");
  CHECK(to_string(Precision::kFp32) == "fp32");
  CHECK(to_string(Precision::kFp64) == "fp64");
  CHECK(to_string(OnNan::kStop) == "stop");
  CHECK(to_string(OnNan::kRollback) == "rollback");
  CHECK(to_string(MatrixChoice::kAuto) == "auto");
  CHECK(to_string(MatrixChoice::kTile) == "tile");
  CHECK(to_string(MatrixChoice::kOneDnn) == "onednn");
  CHECK(to_string(MatrixChoice::kEigen) == "eigen");
}

TEST_CASE("settings: holes that a model cannot paint, or that have no pictures, are refused") {
  TrainSettings s;
  const auto complaint = [&] { return error_message([&] { check_settings(s); }); };
  s.holes = HoleForm::kMixed;
  CHECK(contains(complaint(), "holes=mixed: the context encoder paints squares only"));
  s.model = ModelKind::kHarmonicUnet;
  CHECK_NOTHROW(check_settings(s));
  s.batch_size = 1;
  CHECK_NOTHROW(check_settings(s));
  s.block = HolePlacement::kCenter;
  CHECK(contains(complaint(),
                 "block=center: model=harmonic_unet draws its holes as holes=mixed says; leave block out"));
  s.block = HolePlacement::kRandom;
  s.min_hole = 0.5;
  CHECK(contains(complaint(), "0.5"));
  s.min_hole = 0.1;
  s.holes = HoleForm::kFiles;
  CHECK(contains(complaint(), "holes=files takes the pictures of masks=FOLDER"));
  s.masks = "folder";
  CHECK_NOTHROW(check_settings(s));
  s.holes = HoleForm::kBox;
  CHECK(contains(complaint(), "give both or neither"));
}

TEST_CASE("settings: texture is for the whole-picture model, and within its range") {
  TrainSettings s;
  s.texture = 0.25;
  CHECK(contains(
      error_message([&] { check_settings(s); }),
      "texture=0.25: model=context_encoder has a discriminator of its own; give model=harmonic_unet"));
  s.model = ModelKind::kHarmonicUnet;
  CHECK_NOTHROW(check_settings(s));
  const auto complaint = [&](const char* name, const char* text) {
    return error_message([&] { set_flag(s, *find_flag(name), text, "here"); });
  };
  for (const char* good : {"0", "2", "0.7"}) CHECK_NOTHROW(set_flag(s, *find_flag("texture"), good, "here"));
  for (const char* good : {"1", "1e-3"})
    CHECK_NOTHROW(set_flag(s, *find_flag("texture_share"), good, "here"));
  CHECK(contains(complaint("texture", "2.5"), "is out of range; allowed: 0 or greater, at most 2"));
  CHECK(contains(complaint("texture", "-1"), "is out of range"));
  CHECK(contains(complaint("texture_share", "0"), "allowed: greater than 0, at most 1"));
  CHECK(contains(complaint("texture_share", "1.01"), "is out of range"));
}

TEST_CASE("settings: what several ranks cannot share is refused") {
  TrainSettings s = TrainSettings::of_model(ModelKind::kContextEncoder);
  const auto complaint = [&](int ranks) { return error_message([&] { check_ranks(s, ranks); }); };
  s.batch_size = 8;
  for (const int ranks : {1, 2, 4}) CHECK_NOTHROW(check_ranks(s, ranks));
  CHECK(contains(complaint(3), "batch_size=8: 3 ranks cannot share it evenly; give batch_size=9"));
  CHECK(contains(complaint(8), "give batch_size=16 or sync_batch_norm=true"));
  s.sync_batch_norm = true;
  CHECK_NOTHROW(check_ranks(s, 8));
  s.sync_batch_norm = false;
  s.model = ModelKind::kHarmonicUnet;
  CHECK_NOTHROW(check_ranks(s, 8));
  s.mode = Split::kTest;
  CHECK(contains(complaint(2), "mode=test runs in one process, and a launcher has started 2"));
  s.mode = Split::kTrain;
  s.plan = true;
  CHECK(contains(complaint(2), "plan runs in one process"));
  CHECK_NOTHROW(check_ranks(s, 1));
}

TEST_CASE("settings: contradictions are refused with the way out") {
  TrainSettings s;
  const auto complaint = [&] { return error_message([&] { check_settings(s); }); };
  CHECK_NOTHROW(check_settings(s));

  s.batch_size = 1;
  CHECK(contains(complaint(), "batch_size=1: training needs 2 or more"));
  s.mode = Split::kTest;
  CHECK_NOTHROW(check_settings(s));
  s.mode = Split::kTrain;
  s.batch_size = 2;
  CHECK_NOTHROW(check_settings(s));

  s.accumulate = 256;
  CHECK_NOTHROW(check_settings(s));
  s.batch_size = 4000;
  CHECK(complaint() ==
        "accumulate=256: a step would take 1024000 images, 256 of batch_size=4000, and 1000000 at most are "
        "possible; give accumulate=250 or less");
  s.accumulate = 250;
  CHECK_NOTHROW(check_settings(s));
  s.accumulate = 1;
  s.batch_size = 2;

  s.plan = true;
  CHECK_NOTHROW(check_settings(s));
  s.verify_resume = true;
  CHECK(contains(complaint(), "give one of them"));
  s.plan = false;
  s.mode = Split::kTest;
  CHECK(contains(complaint(), "verify_resume is about training, and mode=test"));
  s.mode = Split::kTrain;
  s.verify_resume = false;
  s.patience = 1;
  s.validate_every = 0;
  CHECK(contains(complaint(), "patience=1 needs validations"));
  s.patience = 0;

  s.start_epoch = 100;
  CHECK(contains(complaint(), "start_epoch=100: nothing is left to train until epoch=100"));
  s.mode = Split::kValidate;
  CHECK_NOTHROW(check_settings(s));
  s.mode = Split::kTrain;
  s.start_epoch = 99;
  CHECK_NOTHROW(check_settings(s));

  s.device = DeviceChoice::kCuda;
  if (Context::has_cuda())
    CHECK_NOTHROW(check_settings(s));
  else
    CHECK(contains(complaint(), "device=cuda: this program was built without CUDA"));
  s.precision = Precision::kFp64;
  CHECK(contains(complaint(), "precision=fp64 runs on the CPU only"));
  s.device = DeviceChoice::kCpu;
  CHECK_NOTHROW(check_settings(s));

  s.matrix_backend = MatrixChoice::kOneDnn;
  CHECK(contains(complaint(), "oneDNN multiplies in fp32 only"));
  s.precision = Precision::kFp32;
  if (Context::has_one_dnn())
    CHECK_NOTHROW(check_settings(s));
  else
    CHECK(contains(complaint(), "built without oneDNN"));
}

TEST_CASE("settings: the matrix backend that auto stands for") {
  TrainSettings s;
  CHECK(matrix_backend_of(s) == Context::default_backend());
  s.precision = Precision::kFp64;
  CHECK(matrix_backend_of(s) == MatrixBackend::kEigen);
  s.precision = Precision::kFp32;
  s.matrix_backend = MatrixChoice::kEigen;
  CHECK(matrix_backend_of(s) == MatrixBackend::kEigen);
  s.matrix_backend = MatrixChoice::kOneDnn;
  CHECK(matrix_backend_of(s) == MatrixBackend::kOneDnn);
  s.matrix_backend = MatrixChoice::kTile;
  CHECK(matrix_backend_of(s) == MatrixBackend::kTile);
}

TEST_CASE("settings: what only a folder of pictures can give needs one") {
  TrainSettings s;
  const auto complaint = [&] { return error_message([&] { check_settings(s); }); };
  s.random_crop = true;
  CHECK(contains(complaint(), "random_crop: "));
  CHECK(contains(complaint(), "data_dir=FOLDER"));
  s.random_crop = false;
  s.validate_share = 0.1;
  CHECK(contains(complaint(), "validate_share: a .bin file is not parted; give data_dir=FOLDER"));
  s.data_dir = "pictures";
  CHECK_NOTHROW(check_settings(s));
  s.validate_share = 1;
  CHECK(contains(complaint(), "validate_share=1: nothing would be left to train on"));
  s = TrainSettings();
  s.data_cache = true;
  CHECK(contains(complaint(), "data_cache: "));
  s.random_crop = s.flip = true;
  s.data_dir = "pictures";
  CHECK_NOTHROW(check_settings(s));
}
