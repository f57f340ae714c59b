// Headers of safetensors files; the first two bytes are the size of the data behind.
#include "core/file/safetensors_header.h"

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int64_t data_bytes = data[0] | data[1] << 8;
  SafetensorsHeader header;
  if (!fuzz::accepted([&] {
        header =
            parse_safetensors_header(std::string(fuzz::text_of(data + 2, size - 2)), data_bytes, "input");
      }))
    return 0;
  int64_t end = 0;
  for (const SafetensorsEntry& entry : header.tensors) {
    fuzz::expect(entry.begin == end && entry.end >= entry.begin, "tensors lie one behind the other");
    end = entry.end;
  }
  fuzz::expect(end == data_bytes, "tensors fill the data");
  const std::string text = render_safetensors_header(header.tensors, header.metadata);
  const SafetensorsHeader again = parse_safetensors_header(text, data_bytes, "written");
  fuzz::expect(again.metadata == header.metadata && again.tensors.size() == header.tensors.size(),
               "what is written is read back");
  return 0;
}
