#include "core/image/exif_edit.h"

#include <algorithm>

namespace inpaint {
namespace {

// A directory is a count (2 bytes), entries of 12 bytes, and the place of the next directory (4 bytes). An
// entry: tag (2), type (2), count (4), and the value, or its place when it takes more than 4 bytes.
class Tiff {
 public:
  explicit Tiff(std::span<uint8_t> bytes)
      : bytes_(bytes), little_(bytes.size() >= 8 && bytes[0] == 'I' && bytes[1] == 'I') {}

  bool is_valid() const {
    return bytes_.size() >= 8 && (little_ || (bytes_[0] == 'M' && bytes_[1] == 'M')) && number(2, 2) == 42;
  }

  // The place of a directory, or 0 where it does not lie inside the block.
  size_t first() const { return checked(number(4, 4)); }
  size_t next(size_t directory) const { return checked(number(end_of_entries(directory), 4)); }
  void end_behind(size_t directory) { put(end_of_entries(directory), 4, 0); }

  // The place of the tag's value in this directory, or 0.
  size_t value(size_t directory, uint32_t tag) const {
    for (size_t at = directory + 2; at < end_of_entries(directory); at += kEntry)
      if (number(at, 2) == tag) return at + 8;
    return 0;
  }

  uint32_t number(size_t at, size_t bytes) const {
    uint32_t value = 0;
    for (size_t k = 0; k < bytes; ++k) value = value << 8 | bytes_[at + (little_ ? bytes - 1 - k : k)];
    return value;
  }
  void put(size_t at, size_t bytes, uint32_t value) {
    for (size_t k = 0; k < bytes; ++k)
      bytes_[at + (little_ ? k : bytes - 1 - k)] = static_cast<uint8_t>(value >> (8 * k));
  }
  // What belongs to the header or to the first directory stays, whatever says that it is something else.
  void clear(size_t at, size_t count) {
    const size_t end = at + count, directory = first(), behind = end_of_entries(directory) + 4;
    if (at < kHeader || at >= bytes_.size() || (at < behind && end > directory)) return;
    std::ranges::fill(bytes_.subspan(at, std::min(count, bytes_.size() - at)), 0);
  }

 private:
  static constexpr size_t kHeader = 8, kEntry = 12;

  size_t end_of_entries(size_t directory) const { return directory + 2 + kEntry * number(directory, 2); }
  size_t checked(size_t directory) const {
    return directory >= kHeader && directory + 2 <= bytes_.size() &&
                   end_of_entries(directory) + 4 <= bytes_.size()
               ? directory
               : 0;
  }

  std::span<uint8_t> bytes_;
  bool little_;
};

}  // namespace

void set_upright(std::span<uint8_t> bytes) {
  constexpr uint32_t kOrientation = 0x0112;
  Tiff tiff(bytes);
  if (!tiff.is_valid() || tiff.first() == 0) return;
  if (const size_t value = tiff.value(tiff.first(), kOrientation)) tiff.put(value, 2, 1);
}

void remove_thumbnail(std::span<uint8_t> bytes) {
  constexpr uint32_t kPlace = 0x0201, kLength = 0x0202;
  Tiff tiff(bytes);
  if (!tiff.is_valid() || tiff.first() == 0) return;
  const size_t directory = tiff.next(tiff.first());
  if (directory == 0) return;
  const size_t place = tiff.value(directory, kPlace), length = tiff.value(directory, kLength);
  if (place != 0 && length != 0) tiff.clear(tiff.number(place, 4), tiff.number(length, 4));
  tiff.end_behind(tiff.first());
}

}  // namespace inpaint
