#include "train/log/event_log.h"

#include <event.pb.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/error.h"

namespace inpaint {
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The highest seconds in the names of a folder's event files; 0 where there is none.
int64_t latest_in(const std::filesystem::path& folder) {
  int64_t latest = 0;
  for (const std::string& name : names_in_folder(folder)) {
    if (!name.starts_with(kPrefix)) continue;
    constexpr size_t kDigits = 10;
    const std::string digits = name.substr(kPrefix.size(), kDigits);
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (error == std::errc{} && end == digits.data() + kDigits && digits.size() == kDigits)
      latest = std::max(latest, seconds);
  }
  return latest;
}

File new_file(const std::filesystem::path& folder) {
  char host[256] = "localhost";
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const int64_t seconds = std::max(static_cast<int64_t>(seconds_since_1970()), latest_in(folder) + 1);
  std::string name = fmt::format("{}{:010}.{}", kPrefix, seconds, host);
  std::replace(name.begin(), name.end(), '/', '_');
  return File(folder / name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
}

uint32_t masked_crc(std::string_view data) {
  return std::rotr(crc32c(std::as_bytes(std::span(data))), 15) + 0xa282ead8u;
}

template <typename T>
void put(std::string& record, T value) {
  record.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// By how many seconds the clock is behind the last change of the folder's event files; 0 where it is not.
double seconds_behind(const std::filesystem::path& folder) {
  double behind = 0;
  for (const std::string& name : names_in_folder(folder)) {
    struct stat status {};
    if (!name.starts_with(kPrefix) || ::stat((folder / name).c_str(), &status) != 0) continue;
    const double changed =
        static_cast<double>(status.st_mtim.tv_sec) + 1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
    behind = std::max(behind, changed - seconds_since_1970());
  }
  return behind;
}

// TensorFlow's: 0, and from 1e-12 to 1e20 in steps of a tenth, both signs; the last one takes the rest.
std::vector<double> make_bucket_limits() {
  std::vector<double> positive;
  for (double limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push_back(limit);
  positive.push_back(std::numeric_limits<double>::max());
  std::vector<double> limits;
  for (auto limit = positive.rbegin(); limit != positive.rend(); ++limit) limits.push_back(-*limit);
  limits.push_back(0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

void fill_histogram(event::Histogram& histogram, std::span<const float> values) {
  static const std::vector<double> limits = make_bucket_limits();
  std::vector<int64_t> counts(limits.size());
  double least = std::numeric_limits<double>::max(), most = -least, number = 0, sum = 0, sum_squares = 0;
  for (const float stored : values) {
    if (!std::isfinite(stored)) continue;
    const double value = stored;
    ++counts[static_cast<size_t>(std::upper_bound(limits.begin(), limits.end(), value) - limits.begin())];
    least = std::min(least, value);
    most = std::max(most, value);
    ++number;
    sum += value;
    sum_squares += value * value;
  }
  histogram.set_min(number > 0 ? least : 0);
  histogram.set_max(number > 0 ? most : 0);
  histogram.set_num(number);
  histogram.set_sum(sum);
  histogram.set_sum_squares(sum_squares);
  // A run of empty buckets is one bucket, as TensorFlow writes it.
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t count = counts[i];
    while (count == 0 && i + 1 < counts.size() && counts[i + 1] == 0) ++i;
    histogram.add_bucket_limit(limits[i]);
    histogram.add_bucket(static_cast<double>(count));
  }
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& folder, int64_t first_step)
    : file_((make_folders(folder), new_file(folder))), ahead_(seconds_behind(folder)) {
  event::Event version = make_event(0);
  version.set_file_version("brain.Event:2");
  append(version.SerializeAsString());
  event::Event start = make_event(first_step);
  start.mutable_session_log()->set_status(event::SessionLog::START);
  append(start.SerializeAsString());
}

event::Event EventLog::make_event(int64_t step) const {
  event::Event event;
  event.set_wall_time(now());
  event.set_step(step);
  return event;
}

double EventLog::now() const { return seconds_since_1970() + ahead_; }

void EventLog::append(std::string_view event) {
  std::string record;
  put(record, static_cast<uint64_t>(event.size()));
  put(record, masked_crc(record));
  record += event;
  put(record, masked_crc(event));
  try {
    file_.write(record);
  } catch (const UserError&) {
    file_.truncate(bytes_);  // half a record would spoil all that follow
    throw;
  }
  bytes_ += static_cast<int64_t>(record.size());
}

void EventLog::scalar(int64_t step, std::string_view tag, double value) {
  event::Event event = make_event(step);
  event::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  entry.set_simple_value(static_cast<float>(value));
  append(event.SerializeAsString());
}

void EventLog::histogram(int64_t step, std::string_view tag, std::span<const float> values) {
  event::Event event = make_event(step);
  event::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  fill_histogram(*entry.mutable_histo(), values);
  append(event.SerializeAsString());
}

void EventLog::image(int64_t step, std::string_view tag, int64_t height, int64_t width, int64_t channels,
                     std::span<const std::byte> png) {
  event::Event event = make_event(step);
  event::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  event::Summary::Image& image = *entry.mutable_image();
  image.set_height(static_cast<int32_t>(height));
  image.set_width(static_cast<int32_t>(width));
  image.set_colorspace(static_cast<int32_t>(channels));
  image.set_encoded_image_string(png.data(), png.size());
  append(event.SerializeAsString());
}

void EventLog::text(int64_t step, std::string_view tag, std::string_view markdown) {
  event::Event event = make_event(step);
  event::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  entry.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  event::Tensor& tensor = *entry.mutable_tensor();
  tensor.set_dtype(event::Tensor::STRING);
  tensor.mutable_tensor_shape();
  tensor.add_string_val(std::string(markdown));
  append(event.SerializeAsString());
}

void EventLog::plugin(int64_t step, std::string_view tag, std::string_view name, std::string_view content) {
  event::Event event = make_event(step);
  event::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(std::string(tag));
  event::Summary::Metadata::Plugin& plugin = *entry.mutable_metadata()->mutable_plugin_data();
  plugin.set_plugin_name(std::string(name));
  plugin.set_content(std::string(content));
  entry.mutable_tensor()->set_dtype(event::Tensor::FLOAT);
  entry.mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(0);
  append(event.SerializeAsString());
}

}  // namespace inpaint
