// A checkpoint's metadata, as lines key=value: settings and state.
#include "tests/fuzz/fuzz.h"
#include "train/checkpoint/run_state.h"
#include "train/settings/settings_text.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::map<std::string, std::string> metadata;
  std::string_view rest = fuzz::text_of(data, size);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t equals = std::min(line.find('='), line.size());
    metadata[std::string(line.substr(0, equals))] = line.substr(std::min(line.size(), equals + 1));
  }
  fuzz::accepted([&] {
    const TrainSettings settings = settings_from_metadata(metadata, "input");
    fuzz::expect(settings_from_metadata(to_metadata(settings), "written") == settings, "settings survive");
  });
  fuzz::accepted([&] {
    std::map<std::string, std::string> written, again;
    RunState::from_metadata(metadata, "input").to_metadata(written);
    RunState::from_metadata(written, "written").to_metadata(again);
    fuzz::expect(written == again, "the state survives");
  });
  return 0;
}
