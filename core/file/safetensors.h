// Files in the safetensors format, written and read without code of others: weights that every
// framework opens.
//
//   bytes 0 to 7        length of the header, little-endian
//   header              JSON, see safetensors_header.h
//   data                the tensors, row-major, little-endian, without gaps
//   last 4 bytes        ours: a tensor `crc32c` (U8 [4]). It holds, little-endian, the CRC-32C of all bytes
//                       before it. The format has no checksum; other readers see one more tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "core/file/file.h"
#include "core/file/safetensors_header.h"

namespace inpaint {

// Writes tensors (host memory) and metadata into `path`: atomically, durably, and read back from the disk
// before it takes the place of an older file. Larger element types come first, else in the order given, as
// their alignment needs it. Throws UserError as ReplaceFile; nothing is left behind then.
void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const Metadata& metadata);

// The size of the file that save_safetensors would write; the tensors need no data.
int64_t safetensors_bytes(std::span<const NamedTensor> tensors, const Metadata& metadata);

class SafetensorsFile {
 public:
  enum class Checksum {
    kRequired,   // a file of ours; one without checksum is refused
    kIfPresent,  // a file of others
  };

  // Reads the header and, where there is one, compares the checksum, which reads the whole file once.
  // UserError: what is wrong with the file, and where.
  explicit SafetensorsFile(const std::filesystem::path& path, Checksum checksum = Checksum::kRequired);
  explicit SafetensorsFile(File file, Checksum checksum = Checksum::kRequired);

  const std::filesystem::path& path() const { return file_.path(); }
  const Metadata& metadata() const { return header_.metadata; }
  const std::vector<SafetensorsEntry>& tensors() const { return header_.tensors; }  // without the checksum
  const SafetensorsEntry* find(std::string_view name) const;                        // null: there is none

  // Fills `destination` (host memory) with the tensor of this name; UserError unless type and shape
  // are equal. Stored bf16 fills f32, too: the same values.
  void read(std::string_view name, const Tensor& destination) const;

  // The bytes of a tensor of any type; `destination` has tensor.bytes() bytes.
  void read(const SafetensorsEntry& tensor, std::span<std::byte> destination) const;

 private:
  void verify(const SafetensorsEntry& stored) const;

  File file_;
  int64_t data_start_ = 0;
  SafetensorsHeader header_;
};

}  // namespace inpaint
