#include "train/data/dataset_description.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/json_text.h"
#include "core/file/file.h"

namespace inpaint {
namespace {

constexpr std::string_view kMark = "{\"inpaint_dataset\":";
constexpr int64_t kVersion = 1;
constexpr int64_t kMaxBytes = 1 << 16;

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view why) {
  user_error(
      "{}: a damaged description of a data set: {}; make the data set again, or remove this file and let "
      "inpaint_data describe write it",
      file.string(), why);
}

int64_t number(const nlohmann::json& json, const char* key, int64_t least, int64_t most,
               const std::filesystem::path& file) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer() ||
      (found->is_number_unsigned() && found->get<uint64_t>() > uint64_t{INT64_MAX}) ||
      found->get<int64_t>() < least || found->get<int64_t>() > most)
    refuse(file, fmt::format("'{}' is missing or no whole number from {} to {}", key, least, most));
  return found->get<int64_t>();
}

std::string text(const nlohmann::json& json, const char* key, const std::filesystem::path& file) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string())
    refuse(file, fmt::format("'{}' is missing or no text", key));
  return found->get<std::string>();
}

}  // namespace

std::filesystem::path description_file(const std::filesystem::path& dataset) {
  return std::filesystem::path(dataset).replace_extension("json");
}

std::string crc_text(uint32_t crc) { return fmt::format("{:08x}", crc); }

std::string to_json(const DatasetDescription& d) {
  return JsonObject()
             .add("inpaint_dataset", kVersion)
             .add("image_size", d.image_size)
             .add("image_channel", d.image_channel)
             .add("count", d.count)
             .add("source", std::string_view(d.source))
             .add("seed", static_cast<int64_t>(d.seed))
             .add("crc32c", std::string_view(crc_text(d.crc32c)))
             .text() +
         '\n';
}

std::optional<DatasetDescription> read_description(const std::filesystem::path& dataset) {
  const std::filesystem::path file = description_file(dataset);
  std::error_code error;
  if (file == dataset || !std::filesystem::is_regular_file(file, error)) return std::nullopt;
  if (std::filesystem::file_size(file, error) > kMaxBytes || error) return std::nullopt;
  const std::string contents = read_text_file(file, kMaxBytes);
  if (!contents.starts_with(kMark)) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(contents, nullptr, false);
  if (!json.is_object()) refuse(file, "no valid JSON");
  if (const int64_t version = number(json, "inpaint_dataset", 1, INT64_MAX, file); version != kVersion)
    user_error("{}: version {} of the description of a data set; this program reads version {}",
               file.string(), version, kVersion);
  DatasetDescription d;
  d.image_size = number(json, "image_size", 1, 1 << 14, file);
  d.image_channel = number(json, "image_channel", 1, 3, file);
  if (d.image_channel == 2) refuse(file, "'image_channel' is neither 1 nor 3");
  d.count = number(json, "count", 1, INT64_MAX, file);
  d.seed = static_cast<uint64_t>(number(json, "seed", 0, INT64_MAX, file));
  d.source = text(json, "source", file);
  const std::string crc = text(json, "crc32c", file);
  const auto [end, wrong] = std::from_chars(crc.data(), crc.data() + crc.size(), d.crc32c, 16);
  if (wrong != std::errc{} || end != crc.data() + crc.size() || crc.size() != crc_text(0).size())
    refuse(file, "'crc32c' is not eight hexadecimal digits");
  return d;
}

void check_description(const std::filesystem::path& dataset, const DatasetDescription& d, int64_t image_size,
                       int64_t image_channel, int64_t bytes) {
  const std::string file = description_file(dataset).string();
  if (d.image_size != image_size || d.image_channel != image_channel) {
    std::string flags;
    if (d.image_size != image_size) flags += fmt::format(" --image_size={}", d.image_size);
    if (d.image_channel != image_channel) flags += fmt::format(" --image_channel={}", d.image_channel);
    user_error(
        "{}: holds images with image_size {} and image_channel {} ({} says so), not {} and {}; give{}, or "
        "another data set",
        dataset.string(), d.image_size, d.image_channel, file, image_size, image_channel, flags);
  }
  const int64_t image_bytes = image_size * image_size * image_channel;  // image_size: at most 2^14
  if (bytes % image_bytes != 0 || bytes / image_bytes != d.count)
    user_error(
        "{}: {} bytes, but {} speaks of {} images of {} bytes: it is another file, or not whole; make it "
        "again, or, if it is right as it is, remove {}",
        dataset.string(), bytes, file, d.count, image_bytes, file);
}

}  // namespace inpaint
