// The file that names the newest checkpoint.
#include "tests/fuzz/fuzz.h"
#include "train/checkpoint/checkpoint_store.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TemporaryFolder checkpoints;
  static const bool made = [] {
    CheckpointStore(checkpoints.path(), 1).save(7, {}, {});
    return true;
  }();
  fuzz::expect(made, "there is a checkpoint");
  put_file(checkpoints / "checkpoint", std::string(fuzz::text_of(data, size)));
  fuzz::accepted([&] { open_newest_checkpoint(checkpoints.path()); });
  const auto found = open_newest_checkpoint(checkpoints.path(), Fallback::kAllow);
  fuzz::expect(found && found->file.path() == checkpoints / "model-7.safetensors", "the good one is found");
  return 0;
}
