// Descriptions of data sets.
#include "train/data/dataset_description.h"

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  put_file(fuzz::folder() / "input.json", std::string(fuzz::text_of(data, size)));
  const auto dataset = fuzz::folder() / "input.bin";
  fuzz::accepted([&] {
    const auto read = read_description(dataset);
    if (!read) return;
    put_file(fuzz::folder() / "input.json", to_json(*read));
    const auto again = read_description(dataset);
    fuzz::expect(again.has_value() && to_json(*again) == to_json(*read), "what is written is read again");
    fuzz::accepted([&] { check_description(dataset, *read, read->image_size, read->image_channel, 12'288); });
  });
  return 0;
}
