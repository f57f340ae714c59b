// The text at the head of a safetensors file (github.com/huggingface/safetensors, "Format"): one JSON object
//   {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0,
//   24]}, ...}
// whose tensors fill the bytes behind it without holes or overlaps. Read from files of any origin: everything
// is checked, and memory and time are bounded by the size of the text, which is bounded too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/device/tensor.h"

namespace inpaint {

using Metadata = std::map<std::string, std::string>;

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

struct SafetensorsEntry {
  std::string name;
  std::string dtype;           // as the format spells it: F32, BF16, I64, ...
  std::vector<int64_t> shape;  // rank 0 to 8
  int64_t begin = 0, end = 0;  // bytes behind the header

  int64_t bytes() const { return end - begin; }
};

struct SafetensorsHeader {
  Metadata metadata;
  std::vector<SafetensorsEntry> tensors;  // in the order of their bytes
};

// The format allows 100,000,000; no real file needs it, and the JSON reader may hold several copies of it.
inline constexpr int64_t kMaxSafetensorsHeader = int64_t{8} << 20;

// Throws UserError, a line that starts with `file` and names the tensor or the byte at fault. `data_bytes`:
// the size of the file without the header and its length. Refused: keys twice, unknown keys and types, more
// than 65,536 tensors, a rank above 8, sizes that overflow, disagree with the offsets or leave a byte of the
// data unused.
SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes,
                                           const std::string& file);

// The text for these tensors, padded with spaces so that the data starts at a multiple of 8 bytes. Their
// bytes follow in the order given. Bytes that are not UTF-8 are replaced in names and metadata.
std::string render_safetensors_header(const std::vector<SafetensorsEntry>& tensors, const Metadata& metadata);

const char* safetensors_dtype(DType dtype);  // "F32" for kF32

// Text of unknown origin for a message: one line, at most 100 characters, what is not printable ASCII as '?'.
std::string printable(std::string_view text);

}  // namespace inpaint
