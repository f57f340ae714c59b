#include "core/file/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "core/file/replace_file.h"

namespace inpaint {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and so is this code");

constexpr const char* kChecksumName = "crc32c";
constexpr int64_t kChecksumBytes = 4, kLengthBytes = 8;

struct Layout {
  std::vector<const NamedTensor*> order;
  std::string header;
  int64_t file_bytes;
};

Layout lay_out(std::span<const NamedTensor> tensors, const Metadata& metadata) {
  Layout layout;
  for (const NamedTensor& tensor : tensors) layout.order.push_back(&tensor);
  std::stable_sort(layout.order.begin(), layout.order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return size_of(a->tensor.dtype) > size_of(b->tensor.dtype);
  });
  std::vector<SafetensorsEntry> entries;
  int64_t end = 0;
  const auto add = [&](const std::string& name, DType dtype, std::vector<int64_t> shape, int64_t bytes) {
    entries.push_back({name, safetensors_dtype(dtype), std::move(shape), end, end + bytes});
    end += bytes;
  };
  for (const NamedTensor* named : layout.order) {
    const Tensor& tensor = named->tensor;
    std::vector<int64_t> shape;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) shape.push_back(tensor.shape[axis]);
    add(named->name, tensor.dtype, std::move(shape), tensor.bytes());
  }
  add(kChecksumName, DType::kU8, {kChecksumBytes}, kChecksumBytes);
  layout.header = render_safetensors_header(entries, metadata);
  layout.file_bytes = kLengthBytes + static_cast<int64_t>(layout.header.size()) + end;
  return layout;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

int64_t safetensors_bytes(std::span<const NamedTensor> tensors, const Metadata& metadata) {
  return lay_out(tensors, metadata).file_bytes;
}

void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const Metadata& metadata) {
  const Layout layout = lay_out(tensors, metadata);
  ReplaceFile file(path);
  uint32_t crc = 0;
  const auto put = [&](std::span<const std::byte> bytes) {
    crc = crc32c(bytes, crc);
    file.write(bytes);
  };
  const uint64_t length = layout.header.size();
  put(std::as_bytes(std::span(&length, 1)));
  put(std::as_bytes(std::span(layout.header)));
  for (const NamedTensor* named : layout.order)
    put({static_cast<const std::byte*>(named->tensor.data), static_cast<size_t>(named->tensor.bytes())});
  file.write(std::as_bytes(std::span(&crc, 1)));
  file.commit([](const std::filesystem::path& temporary) {
    SafetensorsFile(temporary, SafetensorsFile::Checksum::kRequired);
  });
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, Checksum checksum)
    : SafetensorsFile(File(path, O_RDONLY), checksum) {}

SafetensorsFile::SafetensorsFile(File file, Checksum checksum) : file_(std::move(file)) {
  const std::string name = path().string();
  const int64_t size = file_.size();
  uint64_t length = 0;
  file_.read_at(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > static_cast<uint64_t>(std::min(size - kLengthBytes, kMaxSafetensorsHeader)))
    user_error(
        "{}: not a valid safetensors file: a header of {} bytes in a file of {}, and at most {} are allowed",
        name, length, size, kMaxSafetensorsHeader);
  std::string text(length, '\0');
  file_.read_at(kLengthBytes, std::as_writable_bytes(std::span(text)));
  data_start_ = kLengthBytes + static_cast<int64_t>(length);
  header_ = parse_safetensors_header(text, size - data_start_, name);

  const auto stored = std::find_if(header_.tensors.begin(), header_.tensors.end(), [&](const auto& tensor) {
    return tensor.name == kChecksumName && tensor.dtype == "U8" &&
           tensor.shape == std::vector{kChecksumBytes} && data_start_ + tensor.end == size;
  });
  if (stored != header_.tensors.end()) {
    verify(*stored);
    header_.tensors.erase(stored);
  } else if (checksum == Checksum::kRequired) {
    user_error("{}: no checksum at byte {}: not a checkpoint of this program, or damaged", name,
               std::max<int64_t>(0, size - kChecksumBytes));
  }
}

void SafetensorsFile::verify(const SafetensorsEntry& stored) const {
  uint32_t expected = 0;
  read(stored, std::as_writable_bytes(std::span(&expected, 1)));
  constexpr int64_t kPiece = int64_t{1} << 20;
  const int64_t end = data_start_ + stored.begin;
  std::vector<std::byte> piece(static_cast<size_t>(std::min(kPiece, end)));
  uint32_t crc = 0;
  for (int64_t offset = 0; offset < end; offset += kPiece) {
    const auto part = std::span(piece).first(static_cast<size_t>(std::min(kPiece, end - offset)));
    file_.read_at(offset, part);
    crc = crc32c(part, crc);
  }
  if (crc != expected)
    user_error(
        "{}: damaged: bytes 0 to {} have the checksum {:08x}, and {:08x} is stored at byte {}; take another "
        "copy",
        path().string(), end, crc, expected, end);
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors().begin(), tensors().end(),
                                  [&](const SafetensorsEntry& tensor) { return tensor.name == name; });
  return found == tensors().end() ? nullptr : &*found;
}

void SafetensorsFile::read(std::string_view name, const Tensor& destination) const {
  const SafetensorsEntry* tensor = find(name);
  if (tensor == nullptr) user_error("{}: there is no tensor '{}' in it", path().string(), name);
  const Shape& wanted = destination.shape;
  const bool widened = tensor->dtype == safetensors_dtype(DType::kBF16) && destination.dtype == DType::kF32;
  bool equal = (widened || tensor->dtype == safetensors_dtype(destination.dtype)) &&
               tensor->shape.size() == static_cast<size_t>(wanted.rank());
  for (int axis = 0; equal && axis < wanted.rank(); ++axis)
    equal = tensor->shape[static_cast<size_t>(axis)] == wanted[axis];
  if (!equal)
    user_error("{}: tensor '{}' is {} {}, and {} {} is needed: it comes from a run with other settings",
               path().string(), name, tensor->dtype, shape_text(tensor->shape),
               safetensors_dtype(destination.dtype), to_string(wanted));
  auto* bytes = static_cast<std::byte*>(destination.data);
  if (!widened) return read(*tensor, {bytes, static_cast<size_t>(destination.bytes())});
  std::vector<uint16_t> stored(static_cast<size_t>(destination.elements()));
  read(*tensor, std::as_writable_bytes(std::span(stored)));
  std::transform(stored.begin(), stored.end(), destination.as<float>(),
                 [](uint16_t half) { return std::bit_cast<float>(uint32_t{half} << 16); });
}

void SafetensorsFile::read(const SafetensorsEntry& tensor, std::span<std::byte> destination) const {
  INPAINT_CHECK(static_cast<int64_t>(destination.size()) == tensor.bytes(), "{}: {} bytes for {}",
                tensor.name, destination.size(), tensor.bytes());
  file_.read_at(data_start_ + tensor.begin, destination);
}

}  // namespace inpaint
