#include "train/checkpoint/trained_generator.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"

using namespace inpaint;

TEST_CASE("trained generator: a folder's newest checkpoint, its best, or a file") {
  const TemporaryFolder folder;
  TrainSettings settings = small_run(folder.path());
  settings.keep = 2;
  settings.epoch = 2;
  run_quietly(settings);
  const std::filesystem::path checkpoints = checkpoint_folder(settings);
  std::ofstream(checkpoints / "best") << "model-2.safetensors\n";
  const Context ctx(1);
  CHECK(load_trained_generator(ctx, checkpoints).step == 4);
  CHECK(load_trained_generator(ctx, checkpoints / "best").step == 2);
  CHECK(load_trained_generator(ctx, checkpoints / "model-2.safetensors").step == 2);

  std::filesystem::remove(checkpoints / "best");
  const std::string message = error_message([&] { load_trained_generator(ctx, checkpoints / "best"); });
  CHECK(contains(message, (checkpoints / "best").string()));
}
