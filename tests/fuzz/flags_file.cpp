// Flags files: what is read is written back and read again to equal settings.
#include "train/settings/flags_file.h"

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TrainSettings settings;
  const auto path = fuzz::put_input(fuzz::text_of(data, size));
  if (!fuzz::accepted([&] { read_flags_file(path.string(), settings); })) return 0;
  TrainSettings again;
  put_file(path, to_run_cfg(settings));
  read_flags_file(path.string(), again);
  fuzz::expect(again == settings, "settings survive a run.cfg");
  return 0;
}
