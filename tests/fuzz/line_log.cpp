// Logs that a resumed run goes on with; the first byte is the last step that counts.
#include "train/log/line_log.h"

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const int64_t last = data[0] - 1;
  const std::string before(fuzz::text_of(data + 1, size - 1));
  for (const LineLog::NumberOf number_of : {step_of_json_line, epoch_of_loss_line}) {
    const auto path = fuzz::put_input(before);
    if (!fuzz::accepted([&] { LineLog(path, last, number_of).append("a line"); })) continue;
    const std::string after = file_contents(path), end = "a line\n";
    fuzz::expect(after.ends_with(end), "the line is there");
    const std::string kept = after.substr(0, after.size() - end.size());
    fuzz::expect(before.starts_with(kept), "only the end is cut off");
    fuzz::expect(kept.empty() || kept.back() == '\n', "whole lines are kept");
    put_file(path, kept);
    LineLog again(path, last, number_of);
    fuzz::expect(file_contents(path) == kept, "cutting twice is cutting once");
  }
  return 0;
}
