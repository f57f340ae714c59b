// Whole safetensors files, with or without a checksum.
#include <vector>

#include "core/file/safetensors.h"
#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto path = fuzz::put_input(fuzz::text_of(data, size));
  for (const auto checksum : {SafetensorsFile::Checksum::kIfPresent, SafetensorsFile::Checksum::kRequired})
    fuzz::accepted([&] {
      const SafetensorsFile file(path, checksum);
      for (const SafetensorsEntry& entry : file.tensors()) {
        fuzz::expect(entry.bytes() >= 0 && static_cast<size_t>(entry.bytes()) < size,
                     "tensors lie in the file");
        std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes()));
        file.read(entry, bytes);
      }
    });
  return 0;
}
