// Data sets have no header: their sizes decide. Six bytes: the file's length, the image's side and
// its channels.
#include "train/data/bin_dataset.h"

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 6) return 0;
  const int64_t bytes = data[0] | data[1] << 8 | data[2] << 16;
  const int64_t side = 1 + (data[3] | data[4] << 8);
  const auto path = fuzz::put_input("");
  std::filesystem::resize_file(path, static_cast<uintmax_t>(bytes));
  fuzz::accepted([&] {
    const BinDataset dataset(path, side, data[5] % 2 == 0 ? 1 : 3);
    dataset.check_not_shrunk();
    fuzz::expect(dataset.count() >= 1 && dataset.count() * dataset.image_bytes() == bytes,
                 "all bytes are images");
    const uint8_t* last = dataset.image(dataset.count() - 1);
    fuzz::expect(last[0] == 0 && last[dataset.image_bytes() - 1] == 0, "the last image can be read");
  });
  return 0;
}
