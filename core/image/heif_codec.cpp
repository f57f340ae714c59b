// HEIF (HEIC, AVIF) through libheif; contract in image_codec.h.
#include <libheif/heif.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/image/heif_sizes.h"
#include "core/image/image_codec.h"
#include "core/image/picture_notes.h"

namespace inpaint {
namespace {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* owned) const {
    kFree(owned);
  }
};
using HeifContext = std::unique_ptr<heif_context, FreeWith<heif_context_free>>;
using HeifHandle = std::unique_ptr<heif_image_handle, FreeWith<heif_image_handle_release>>;
using HeifImage = std::unique_ptr<heif_image, FreeWith<heif_image_release>>;
using HeifOptions = std::unique_ptr<heif_decoding_options, FreeWith<heif_decoding_options_free>>;

void check(const heif_error& error, const std::string& name) {
  if (error.code == heif_error_Ok) return;
  if (error.code == heif_error_Memory_allocation_error)
    throw OutOfMemory(fmt::format("{}: not enough memory", name));
  std::string why = error.message;
  std::ranges::replace(why, '\n', ' ');
  if (error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype)
    user_error(
        "{}: a HEIF picture that this libheif cannot read; convert it to PNG or JPEG first, for instance "
        "with "
        "`heif-convert FILE out.jpg`: {}",
        name, why);
  user_error("{}: damaged HEIF: {}", name, why);
}

// The picture that the file shows; nothing of it is decoded yet.
struct PrimaryPicture {
  PrimaryPicture(std::span<const uint8_t> file, const std::string& name) : context(heif_context_alloc()) {
    if (!context) throw OutOfMemory(fmt::format("{}: not enough memory", name));
    heif_context_set_max_decoding_threads(context.get(), 0);  // whoever reads many pictures has threads
    check(heif_context_read_from_memory_without_copy(context.get(), file.data(), file.size(), nullptr), name);
    heif_image_handle* found = nullptr;
    check(heif_context_get_primary_image_handle(context.get(), &found), name);
    handle.reset(found);
  }

  PictureSize size() const {
    return {heif_image_handle_get_height(handle.get()), heif_image_handle_get_width(handle.get())};
  }

  HeifContext context;
  HeifHandle handle;
};

HeifImage decoded(const PrimaryPicture& picture, bool has_alpha, const std::string& name) {
  const HeifOptions options(heif_decoding_options_alloc());
  if (!options) throw OutOfMemory(fmt::format("{}: not enough memory", name));
  options->convert_hdr_to_8bit = 1;
  heif_image* image = nullptr;
  check(heif_decode_image(picture.handle.get(), &image, heif_colorspace_RGB,
                          has_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                          options.get()),
        name);
  return HeifImage(image);
}

// Colours that were multiplied by alpha.
void divide_by_alpha(StoredPicture& picture) {
  uint8_t* value = picture.colours.bytes.data();
  for (const unsigned alpha : picture.alpha.bytes)
    for (int c = 0; c < 3; ++c, ++value)
      if (alpha > 0) *value = static_cast<uint8_t>(std::min(255u, (*value * 255u + alpha / 2) / alpha));
}

}  // namespace

StoredPicture decode_heif(std::span<const uint8_t> file, const std::string& name) {
  const PrimaryPicture primary(file, name);
  const PictureSize size = primary.size();
  const bool has_alpha = heif_image_handle_has_alpha_channel(primary.handle.get()) != 0;
  const int64_t bytes_each = has_alpha ? 4 : 3;
  check_picture_size(name, size.height, size.width, size.height * size.width * bytes_each,
                     static_cast<int64_t>(file.size()));
  for (const PictureSize& coded : heif_coded_sizes(file))
    check_picture_size(name, coded.height, coded.width, coded.height * coded.width * bytes_each,
                       static_cast<int64_t>(file.size()));
  const HeifImage image = decoded(primary, has_alpha, name);
  const int64_t height = heif_image_get_height(image.get(), heif_channel_interleaved),
                width = heif_image_get_width(image.get(), heif_channel_interleaved);
  if (height != size.height || width != size.width)
    user_error("{}: damaged HEIF: it declares {} x {} pixels and holds {} x {}", name, size.width,
               size.height, width, height);
  int stride = 0;
  const uint8_t* from = heif_image_get_plane_readonly(image.get(), heif_channel_interleaved, &stride);
  if (from == nullptr) user_error("{}: damaged HEIF: no pixels", name);
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * bytes_each));
  for (int64_t row = 0; row < height; ++row)
    std::copy_n(from + row * stride, width * bytes_each, pixels.data() + row * width * bytes_each);

  StoredPicture picture;  // upright: libheif has turned it
  if (has_alpha) {
    picture = split_alpha(pixels, height, width, 3);
    if (heif_image_handle_is_premultiplied_alpha(primary.handle.get()) != 0) divide_by_alpha(picture);
  } else {
    picture.colours.height = height;
    picture.colours.width = width;
    picture.colours.channels = 3;
    picture.colours.bytes = std::move(pixels);
  }
  return picture;
}

PictureSize heif_size(std::span<const uint8_t> head, const std::string& name) {
  return PrimaryPicture(head, name).size();
}

PictureNotes heif_notes(std::span<const uint8_t> file, const std::string& name) {
  const PrimaryPicture primary(file, name);
  PictureNotes notes;
  notes.profile.resize(heif_image_handle_get_raw_color_profile_size(primary.handle.get()));
  if (!notes.profile.empty())
    check(heif_image_handle_get_raw_color_profile(primary.handle.get(), notes.profile.data()), name);
  heif_item_id item = 0;
  if (heif_image_handle_get_list_of_metadata_block_IDs(primary.handle.get(), "Exif", &item, 1) != 1)
    return notes;
  std::vector<uint8_t> exif(heif_image_handle_get_metadata_size(primary.handle.get(), item));
  check(heif_image_handle_get_metadata(primary.handle.get(), item, exif.data()), name);
  // In front of the block stands the number of bytes between that number and the block, big-endian
  // (ISO/IEC 23008-12, A.2.1).
  if (exif.size() < 4) return notes;
  const size_t skipped = size_t{exif[0]} << 24 | size_t{exif[1]} << 16 | size_t{exif[2]} << 8 | exif[3];
  if (skipped < exif.size() - 4)
    notes.exif.assign(exif.begin() + 4 + static_cast<std::ptrdiff_t>(skipped), exif.end());
  return notes;
}

}  // namespace inpaint
