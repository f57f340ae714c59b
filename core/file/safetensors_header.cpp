#include "core/file/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/error.h"
#include "core/base/json_text.h"

namespace inpaint {
namespace {

constexpr size_t kMaxTensors = 65536, kMaxRank = 8, kMaxMetadata = 65536;
constexpr std::ptrdiff_t kMaxLineBreaks = 65536;
constexpr const char* kMetadataKey = "__metadata__";

constexpr std::pair<std::string_view, int64_t> kElementBytes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
    {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"I64", 8},     {"U64", 8}, {"F64", 8},
};

// Takes the JSON apart as it is read: nothing is built that the format does not have, so a hostile text is
// refused at its first wrong token.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool start_object(std::size_t) override {
    if (place_ == Place::kOutside) return enter(Place::kTop);
    if (place_ != Place::kTop) fail("an object where none belongs");
    if (key_ == kMetadataKey) return enter(Place::kMetadata);
    if (header_.tensors.size() == kMaxTensors) fail("more than {} tensors", kMaxTensors);
    header_.tensors.emplace_back().name = key_;
    fields_.clear();
    numbers_.clear();
    return enter(Place::kTensor);
  }

  bool key(string_t& key) override {
    if (place_ == Place::kTop) {
      if (!names_.insert(key).second) fail("the key '{}' comes twice", printable(key));
      key_ = std::move(key);
    } else if (place_ == Place::kMetadata) {
      if (header_.metadata.size() == kMaxMetadata) fail("more than {} entries of metadata", kMaxMetadata);
      const auto [entry, fresh] = header_.metadata.try_emplace(key);
      if (!fresh) fail("the metadata key '{}' comes twice", printable(key));
      metadata_value_ = &entry->second;
    } else {
      if (key != "dtype" && key != "shape" && key != "data_offsets")
        fail("{}: unknown key '{}'", tensor(), printable(key));
      if (!fields_.insert(key).second) fail("{}: the key '{}' comes twice", tensor(), key);
      field_ = std::move(key);
    }
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) {
      *metadata_value_ = std::move(text);
    } else if (place_ == Place::kTensor && field_ == "dtype") {
      header_.tensors.back().dtype = std::move(text);
    } else {
      fail("{}: a string where none belongs", where());
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor || field_ == "dtype") fail("{}: an array where none belongs", where());
    numbers_.clear();
    return enter(Place::kArray);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kArray) fail("{}: a number where none belongs", where());
    const size_t most = field_ == "shape" ? kMaxRank : 2;
    if (numbers_.size() == most) fail("{}: more than {} numbers in {}", tensor(), most, field_);
    if (value > uint64_t{INT64_MAX}) fail("{}: the number {} is too large", tensor(), value);
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool end_array() override {
    if (field_ == "shape") {
      header_.tensors.back().shape = numbers_;
    } else {
      if (numbers_.size() != 2)
        fail("{}: data_offsets has {} numbers instead of 2", tensor(), numbers_.size());
      header_.tensors.back().begin = numbers_[0];
      header_.tensors.back().end = numbers_[1];
    }
    return enter(Place::kTensor);
  }

  bool end_object() override {
    if (place_ == Place::kTop) return enter(Place::kOutside);
    if (place_ == Place::kTensor && fields_.size() != 3)
      fail("{}: dtype, shape or data_offsets is missing", tensor());
    return enter(Place::kTop);
  }

  bool number_integer(number_integer_t value) override {
    fail("{}: the number {} is negative", where(), value);
  }
  bool number_float(number_float_t, const string_t& text) override {
    fail("{}: the number {} is not a whole one", where(), printable(text));
  }
  bool null() override { fail("{}: null where none belongs", where()); }
  bool boolean(bool) override { fail("{}: a boolean where none belongs", where()); }
  bool binary(binary_t&) override { fail("{}: binary data where none belongs", where()); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("no valid JSON at byte {} of the header", position);
  }

 private:
  enum class Place { kOutside, kTop, kMetadata, kTensor, kArray };

  bool enter(Place place) {
    place_ = place;
    return true;
  }

  std::string tensor() const { return fmt::format("tensor '{}'", printable(header_.tensors.back().name)); }
  std::string where() const {
    if (place_ == Place::kTensor || place_ == Place::kArray) return tensor();
    return place_ == Place::kOutside ? "the header" : fmt::format("'{}'", printable(key_));
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    user_error("{}: not a valid safetensors file: {}", file_,
               fmt::format(format, std::forward<Args>(args)...));
  }

  const std::string& file_;
  SafetensorsHeader& header_;
  Place place_ = Place::kOutside;
  std::string key_, field_;
  std::set<std::string> names_, fields_;  // keys seen at the top, and in this tensor
  std::string* metadata_value_ = nullptr;
  std::vector<int64_t> numbers_;
};

// The bytes a tensor needs; nothing when the type is unknown or the product overflows.
std::optional<int64_t> bytes_needed(const SafetensorsEntry& tensor) {
  const auto* type = std::find_if(std::begin(kElementBytes), std::end(kElementBytes),
                                  [&](const auto& known) { return known.first == tensor.dtype; });
  if (type == std::end(kElementBytes)) return std::nullopt;
  int64_t bytes = type->second;
  for (const int64_t extent : tensor.shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes,
                                           const std::string& file) {
  const auto fail = [&](const std::string& what) {
    user_error("{}: not a valid safetensors file: {}", file, what);
  };
  if (static_cast<int64_t>(text.size()) > kMaxSafetensorsHeader)
    fail(fmt::format("the header has {} bytes, more than {}", text.size(), kMaxSafetensorsHeader));
  if (!text.starts_with('{')) fail("the header does not start with '{'");
  // The JSON reader would take it for the end of the text, and not look at what follows.
  if (text.find('\0') != std::string_view::npos) fail("a zero byte in the header");
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  // The JSON reader quotes the white space it has passed in its message, eight bytes for each of these.
  if (std::count_if(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }) > kMaxLineBreaks)
    fail("the header is full of line breaks or control characters");

  SafetensorsHeader header;
  HeaderReader reader(file, header);
  nlohmann::json::sax_parse(text, &reader);

  std::vector<SafetensorsEntry>& tensors = header.tensors;
  std::sort(tensors.begin(), tensors.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  int64_t reached = 0;
  for (const SafetensorsEntry& tensor : tensors) {
    const std::string name = printable(tensor.name);
    const auto needed = bytes_needed(tensor);
    if (!needed)
      fail(fmt::format("tensor '{}': unknown type '{}' or a shape beyond all bounds", name,
                       printable(tensor.dtype)));
    if (tensor.begin != reached)
      fail(
          fmt::format("tensor '{}' starts at byte {} of the data, where {} is expected: a hole or an overlap",
                      name, tensor.begin, reached));
    if (tensor.end < tensor.begin || tensor.bytes() != *needed)
      fail(fmt::format("tensor '{}' has {} bytes, where its shape and type need {}", name, tensor.bytes(),
                       *needed));
    reached = tensor.end;
  }
  if (reached != data_bytes)
    fail(fmt::format("the tensors need {} bytes behind the header and there are {}: the file is not whole",
                     reached, data_bytes));
  return header;
}

std::string render_safetensors_header(const std::vector<SafetensorsEntry>& tensors,
                                      const Metadata& metadata) {
  JsonObject json;
  if (!metadata.empty()) {
    JsonObject entries;
    for (const auto& [key, value] : metadata) entries.add(key, value);
    json.add_json(kMetadataKey, entries.text());
  }
  std::set<std::string_view> names = {kMetadataKey};
  for (const SafetensorsEntry& tensor : tensors) {
    INPAINT_CHECK(names.insert(tensor.name).second, "tensor name '{}'", tensor.name);
    json.add_json(tensor.name, JsonObject()
                                   .add("dtype", tensor.dtype)
                                   .add_json("shape", fmt::format("[{}]", fmt::join(tensor.shape, ",")))
                                   .add_json("data_offsets", fmt::format("[{},{}]", tensor.begin, tensor.end))
                                   .text());
  }
  std::string text = json.text();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  INPAINT_CHECK(static_cast<int64_t>(text.size()) <= kMaxSafetensorsHeader, "a header of {} bytes",
                text.size());
  return text;
}

const char* safetensors_dtype(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return "U8";
    case DType::kI32:
      return "I32";
    case DType::kBF16:
      return "BF16";
    case DType::kF32:
      return "F32";
    case DType::kF64:
      return "F64";
  }
  throw Error("unknown DType");
}

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 100;
  std::string line(text.substr(0, kLongest));
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  return text.size() > kLongest ? line + "..." : line;
}

}  // namespace inpaint
