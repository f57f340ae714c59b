// A folder's decoded pictures. The first byte: 1 keep as for squares, 2 grey, 4 seal: the trailer, which
// are the last bytes, gets the checksum that belongs to what it claims, so that the index behind it is
// looked at too.
#include "train/data/picture_cache.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/crc32c.h"
#include "tests/fuzz/fuzz.h"

using namespace inpaint;

namespace {

constexpr int64_t kSize = 2;
constexpr size_t kEntryBytes = 32, kTrailerBytes = 40, kPicturesAt = 16, kDescriptionAt = 24,
                 kChecksumAt = 32;
const std::string kDescription = "two\n";

int64_t number_at(const std::string& bytes, size_t at) {
  int64_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

void seal(std::string& file) {
  if (file.size() < kTrailerBytes) return;
  const size_t trailer = file.size() - kTrailerBytes;
  const auto pictures = static_cast<uint64_t>(number_at(file, trailer + kPicturesAt));
  const auto description = static_cast<uint64_t>(number_at(file, trailer + kDescriptionAt));
  if (description > trailer || pictures > (trailer - description) / kEntryBytes) return;
  const auto bytes = std::as_bytes(std::span(file)).first(trailer);
  const auto text = bytes.last(description);
  const auto index = bytes.first(trailer - description).last(pictures * kEntryBytes);
  const int64_t checksum = crc32c(text, crc32c(index));
  std::memcpy(file.data() + trailer + kChecksumAt, &checksum, sizeof(checksum));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const CacheSource source{.folder = "/pictures",
                           .files = {{"/pictures/a.png", {}}, {"/pictures/b/c.png", {}}},
                           .image_size = kSize,
                           .image_channel = (data[0] & 2) != 0 ? 1 : 3,
                           .for_squares = (data[0] & 1) != 0};
  std::string file(fuzz::text_of(data + 1, size - 1));
  if ((data[0] & 4) != 0) seal(file);
  const auto path = fuzz::put_input(file);
  fuzz::accepted([&] {
    std::string why_not;
    const auto set = open_picture_cache(path, source, kDescription, why_not);
    fuzz::expect(why_not.empty() == (set != nullptr), "what is not opened has a reason");
    if (set == nullptr) return;
    size_t told = static_cast<size_t>(set->count()) * kEntryBytes + kDescription.size() + kTrailerBytes;
    const auto bytes = static_cast<size_t>(kSize * kSize * source.image_channel);
    std::vector<uint8_t> pixels(bytes);
    for (int64_t i = 0; i < set->count(); ++i) {
      fuzz::expect(set->name(i) == "a.png" || set->name(i) == "b/c.png", "a picture is one of the folder's");
      fuzz::expect(set->read(i, pixels.data()).empty(), "a picture can be read");
      const auto last_corner = [&](int64_t height, int64_t width) {
        fuzz::expect(height >= kSize && width >= kSize, "a picture is large enough");
        told += static_cast<size_t>(height * width * source.image_channel);
        return Square{height - kSize, width - kSize, kSize};
      };
      const uint8_t* stored = data + 1 + static_cast<size_t>(i) * bytes;
      if (!source.for_squares)
        fuzz::expect(std::equal(pixels.begin(), pixels.end(), stored), "pictures lie one behind the other");
      fuzz::expect(set->read_square(i, last_corner, pixels.data()).empty(), "its last corner can be read");
    }
    fuzz::expect(told == file.size() && set->count() >= 1, "every byte has its place");
  });
  return 0;
}
