#include "train/data/picture_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/crc32c.h"
#include "core/device/buffer.h"
#include "core/file/mapped_file.h"
#include "core/file/new_folders.h"
#include "core/file/replace_file.h"
#include "core/image/image_codec.h"

namespace inpaint {
namespace {

namespace fs = std::filesystem;
static_assert(std::endian::native == std::endian::little, "the numbers in a cache are little-endian");

struct IndexEntry {
  int64_t offset = 0, height = 0, width = 0, file = 0;
};

struct Trailer {
  static constexpr char kMagic[8] = {'i', 'n', 'p', 'a', 'i', 'n', 't', 'C'};
  static constexpr int64_t kVersion = 1;
  char magic[8];
  int64_t version, pictures, description_bytes, checksum;
};

template <typename T>
std::span<const std::byte> bytes_of(const T& items) {
  return std::as_bytes(std::span(items));
}

int64_t checksum_of(std::span<const IndexEntry> index, std::string_view description) {
  return crc32c(bytes_of(description), crc32c(std::as_bytes(index)));
}

class CachedPictures final : public PictureSet {
 public:
  CachedPictures(std::unique_ptr<MappedFile> file, std::vector<IndexEntry> index, const CacheSource& source)
      : PictureSet(source.folder, source.image_size, source.image_channel),
        file_(std::move(file)),
        index_(std::move(index)) {
    for (const IndexEntry& entry : index_)
      names_.push_back(
          source.files[static_cast<size_t>(entry.file)].path.lexically_relative(source.folder).string());
  }

  int64_t count() const override { return static_cast<int64_t>(index_.size()); }
  std::string name(int64_t index) const override { return names_[static_cast<size_t>(index)]; }

  std::string read(int64_t index, uint8_t* pixels) const override {
    const auto centre = [](int64_t height, int64_t width) {
      const int64_t side = std::min(height, width);
      return Square{(height - side) / 2, (width - side) / 2, side};
    };
    return read_square(index, centre, pixels);
  }

  std::string read_square(int64_t index, const ChooseSquare& choose, uint8_t* pixels) const override {
    file_->check_not_shrunk();
    const IndexEntry& entry = index_[static_cast<size_t>(index)];
    const Square square = choose(entry.height, entry.width);
    const int64_t channels = image_channel(), row_bytes = square.side * channels;
    Image part(square.side, square.side, image_channel());
    for (int64_t row = 0; row < square.side; ++row)
      std::copy_n(
          file_->bytes() + entry.offset + ((square.row + row) * entry.width + square.column) * channels,
          row_bytes, part.pixel(row, 0));
    const Image image = resize(part, image_size(), image_size());
    std::copy(image.bytes.begin(), image.bytes.end(), pixels);
    return {};
  }

 private:
  std::unique_ptr<MappedFile> file_;
  std::vector<IndexEntry> index_;
  std::vector<std::string> names_;
};

// Every entry lies in the file and is a picture of the kind asked for.
bool is_sound(std::span<const IndexEntry> index, int64_t pixel_bytes, const CacheSource& source) {
  const auto files = static_cast<int64_t>(source.files.size());
  int64_t offset = 0;
  for (const IndexEntry& e : index) {
    const bool sides_fit = e.height >= source.image_size && e.width >= source.image_size &&
                           e.height <= kMaxPicturePixels && e.width <= kMaxPicturePixels / e.height;
    if (!sides_fit || e.offset != offset || e.file < 0 || e.file >= files) return false;
    if (!source.for_squares && (e.height != source.image_size || e.width != source.image_size)) return false;
    offset += e.height * e.width * source.image_channel;
    if (offset > pixel_bytes) return false;
  }
  return offset == pixel_bytes;
}

struct Decoded {
  Image image;
  std::string problem;  // empty: none
};

Decoded decode(const PictureFile& file, const CacheSource& source) {
  try {
    const Image picture = decode_image(file.path);
    check_large_enough(picture.height, picture.width, source.image_size, file.path.string());
    return {source.for_squares ? scaled_for_squares(picture, source.image_size, source.image_channel)
                               : centre_image(picture, source.image_size, source.image_channel),
            {}};
  } catch (const OutOfMemory&) {
    throw;
  } catch (const UserError& error) {
    return {{}, error.what()};
  }
}

}  // namespace

std::string describe(const CacheSource& source) {
  std::string text = fmt::format("folder {}\nimage_size {}\nimage_channel {}\nfor_squares {}\n",
                                 fs::absolute(source.folder).string(), source.image_size,
                                 source.image_channel, source.for_squares);
  for (const PictureFile& file : source.files) {
    struct stat status {};
    if (::stat(file.path.c_str(), &status) != 0) throw_file_error("look at", file.path, errno);
    const int64_t changed = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    text += fmt::format("{} {} {}\n", static_cast<int64_t>(status.st_size), changed,
                        file.path.lexically_relative(source.folder).string());
  }
  return text;
}

std::unique_ptr<PictureSet> open_picture_cache(const fs::path& path, const CacheSource& source,
                                               const std::string& description, std::string& why_not) {
  std::error_code error;
  const auto refuse = [&](const char* why) {
    why_not = why;
    return nullptr;
  };
  if (!fs::exists(path, error)) return refuse("there is none yet");
  auto file = std::make_unique<MappedFile>(File(path, O_RDONLY));
  const auto trailer_bytes = static_cast<int64_t>(sizeof(Trailer));
  Trailer trailer;
  if (file->size() < trailer_bytes) return refuse("the old one is damaged");
  std::memcpy(&trailer, file->bytes() + file->size() - trailer_bytes, sizeof(trailer));
  if (std::memcmp(trailer.magic, Trailer::kMagic, sizeof(trailer.magic)) != 0)
    return refuse("the old one is damaged");
  if (trailer.version != Trailer::kVersion) return refuse("the old one has another format");
  const int64_t rest = file->size() - trailer_bytes, entry_bytes = static_cast<int64_t>(sizeof(IndexEntry));
  if (trailer.description_bytes < 0 || trailer.description_bytes > rest || trailer.pictures < 1 ||
      trailer.pictures > (rest - trailer.description_bytes) / entry_bytes)
    return refuse("the old one is damaged");
  const uint8_t* text = file->bytes() + rest - trailer.description_bytes;
  const int64_t pixel_bytes = rest - trailer.description_bytes - trailer.pictures * entry_bytes;
  std::vector<IndexEntry> index(static_cast<size_t>(trailer.pictures));
  std::memcpy(index.data(), file->bytes() + pixel_bytes, index.size() * sizeof(IndexEntry));
  const std::string_view made_from(reinterpret_cast<const char*>(text),
                                   static_cast<size_t>(trailer.description_bytes));
  if (checksum_of(index, made_from) != trailer.checksum) return refuse("the old one is damaged");
  if (made_from != description) return refuse("the folder or the settings have changed");
  if (!is_sound(index, pixel_bytes, source)) return refuse("the old one is damaged");
  return std::make_unique<CachedPictures>(std::move(file), std::move(index), source);
}

CacheReport write_picture_cache(const Context& ctx, const fs::path& path, const CacheSource& source,
                                const std::string& description) {
  NewFolders folders;
  folders.make(path.has_parent_path() ? path.parent_path() : ".");
  ReplaceFile out(path);
  CacheReport report;
  std::vector<IndexEntry> index;
  int64_t offset = 0;
  const auto total = static_cast<int64_t>(source.files.size());
  const int64_t block = 4 * ctx.threads();  // decoded side by side, written in order
  for (int64_t begin = 0; begin < total; begin += block) {
    std::vector<Decoded> decoded(static_cast<size_t>(std::min(block, total - begin)));
    ctx.parallel(static_cast<int64_t>(decoded.size()), [&](int64_t i, int) {
      decoded[static_cast<size_t>(i)] = decode(source.files[static_cast<size_t>(begin + i)], source);
    });
    for (size_t i = 0; i < decoded.size(); ++i) {
      const Image& image = decoded[i].image;
      if (!decoded[i].problem.empty()) {
        report.skipped.push_back(decoded[i].problem);
        continue;
      }
      index.push_back({offset, image.height, image.width, begin + static_cast<int64_t>(i)});
      out.write(bytes_of(image.bytes));
      offset += static_cast<int64_t>(image.bytes.size());
    }
  }
  report.pictures = static_cast<int64_t>(index.size());
  if (index.empty())
    user_error(
        "{}: none of {} files could be used{}{}", source.folder.string(), total,
        report.skipped.empty() ? "" : "; the first: ", report.skipped.empty() ? "" : report.skipped.front());
  Trailer trailer{.magic = {},
                  .version = Trailer::kVersion,
                  .pictures = report.pictures,
                  .description_bytes = static_cast<int64_t>(description.size()),
                  .checksum = checksum_of(index, description)};
  std::copy_n(Trailer::kMagic, sizeof(trailer.magic), trailer.magic);
  out.write(bytes_of(index));
  out.write(description);
  out.write(std::as_bytes(std::span(&trailer, 1)));
  out.commit();
  folders.keep();
  return report;
}

}  // namespace inpaint
