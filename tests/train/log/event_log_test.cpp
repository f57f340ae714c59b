#include "train/log/event_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;

namespace {

template <typename T>
T take(std::string_view& bytes) {
  REQUIRE(bytes.size() >= sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

uint32_t masked(std::string_view data) {
  const uint32_t crc = crc32c_boost(std::as_bytes(std::span(data)));
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// The records of an event file; every length and checksum is compared.
std::vector<std::string> records_in(const std::filesystem::path& path) {
  const std::string contents = file_contents(path);
  std::string_view rest = contents;
  std::vector<std::string> records;
  while (!rest.empty()) {
    const std::string_view length_bytes = rest.substr(0, 8);
    const auto length = take<uint64_t>(rest);
    REQUIRE(take<uint32_t>(rest) == masked(length_bytes));
    REQUIRE(rest.size() >= length + 4);
    records.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
    REQUIRE(take<uint32_t>(rest) == masked(records.back()));
  }
  return records;
}

// One field of a message in protobuf's wire format: the number is for varints, the bytes for all other types.
struct Field {
  int id;
  uint64_t number;
  std::string bytes;

  double as_double() const {
    double value;
    REQUIRE(bytes.size() == sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::vector<double> as_doubles() const {
    std::vector<double> values(bytes.size() / sizeof(double));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<uint8_t>(bytes);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
}

std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> fields;
  while (!message.empty()) {
    const uint64_t key = take_varint(message);
    Field field{static_cast<int>(key >> 3), 0, ""};
    size_t size = 0;
    switch (key & 7) {
      case 0:
        field.number = take_varint(message);
        break;
      case 1:
        size = 8;
        break;
      case 2:
        size = take_varint(message);
        break;
      default:
        REQUIRE((key & 7) == 5);
        size = 4;
    }
    REQUIRE(message.size() >= size);
    field.bytes = message.substr(0, size);
    message.remove_prefix(size);
    fields.push_back(field);
  }
  return fields;
}

const Field& only(const std::vector<Field>& fields, int id) {
  const Field* found = nullptr;
  for (const Field& field : fields) {
    if (field.id != id) continue;
    REQUIRE(found == nullptr);
    found = &field;
  }
  REQUIRE(found != nullptr);
  return *found;
}

// The single Summary.Value (tag, and one kind of value) of an event, whose step must be as given.
std::vector<Field> value_of(const std::string& event, uint64_t step) {
  const auto fields = fields_of(event);
  CHECK(only(fields, 1).as_double() > 1.6e9);  // wall_time
  CHECK(only(fields, 2).number == step);
  return fields_of(only(fields_of(only(fields, 5).bytes), 1).bytes);
}

std::vector<Field> histogram_of(std::span<const float> values) {
  const TemporaryFolder folder;
  EventLog log(folder.path(), 0);
  log.histogram(3, "h", values);
  const auto value = value_of(records_in(log.path()).at(2), 3);
  CHECK(only(value, 1).bytes == "h");
  return fields_of(only(value, 5).bytes);
}

}  // namespace

TEST_CASE("event log: version, start of the session, scalars, byte by byte") {
  const TemporaryFolder folder;
  EventLog log(folder / "made/here", 300);
  log.scalar(301, "loss", 1.5);
  // No close and no flush: what has been logged is in the file.
  auto records = records_in(log.path());
  REQUIRE(records.size() == 3);
  for (std::string& record : records) {
    CHECK(record[0] == '\x09');  // wall_time, the only part that time changes
    record.erase(0, 9);
  }
  CHECK(records[0] ==
        "\x1a\x0d"
        "brain.Event:2");
  CHECK(records[1] == "\x10\xac\x02\x3a\x02\x08\x01");  // step 300, session_log { status: START }
  CHECK(records[2] == std::string("\x10\xad\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\xc0\x3f", 18));
  CHECK(log.path().filename().string().starts_with("events.out.tfevents.1"));
}

TEST_CASE("event log: an old file is never written to again") {
  const TemporaryFolder folder;
  std::set<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    EventLog log(folder.path(), i);
    log.scalar(i, "x", i);
    paths.insert(log.path().string());
  }
  CHECK(paths.size() == 4);
  CHECK(folder.names().size() == 4);
  for (const std::string& path : paths) CHECK(records_in(path).size() == 3);
}

TEST_CASE("event log: a file's name comes after all that are there, whatever the clock and the machine say") {
  const TemporaryFolder folder;
  // TensorBoard reads files in the order of their names, and at a START drops the later steps it has read.
  for (const char* earlier : {"events.out.tfevents.4000000000.other", "events.out.tfevents.0000000007.other",
                              "events.out.tfevents.zzz", "events.out.tfevents.123", "train_log.jsonl"})
    put_file(folder / earlier, "");
  std::vector<std::string> names = {"events.out.tfevents.4000000000.other"};
  for (int i = 0; i < 12; ++i) names.push_back(EventLog(folder.path(), i).path().filename().string());
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(names.back().starts_with("events.out.tfevents.4000000012."));
}

TEST_CASE("event log: where the clock was set back, the points' times go on behind those that are there") {
  const TemporaryFolder folder;
  const auto hours = [](int count) {
    return std::filesystem::file_time_type::clock::now() + std::chrono::hours(count);
  };
  const auto first_time = [&] {
    EventLog log(folder.path(), 0);
    log.scalar(1, "x", 1);
    const double time = only(fields_of(records_in(log.path()).at(2)), 1).as_double();
    std::filesystem::remove(log.path());
    return time;
  };
  const double now = first_time();
  put_file(folder / "train_log.jsonl", "");
  std::filesystem::last_write_time(folder / "train_log.jsonl", hours(9));
  put_file(folder / "events.out.tfevents.1000000000.old", "");
  std::filesystem::last_write_time(folder / "events.out.tfevents.1000000000.old", hours(-9));
  CHECK(std::abs(first_time() - now) < 60);
  // The run before was written by a clock three hours ahead of this one.
  std::filesystem::last_write_time(folder / "events.out.tfevents.1000000000.old", hours(3));
  const double later = first_time();
  CHECK(later - now >= 3 * 3600);
  CHECK(later - now < 3 * 3600 + 60);
}

TEST_CASE("event log: a picture") {
  const TemporaryFolder folder;
  EventLog log(folder.path(), 0);
  const std::string png = "not really a PNG \x01\xff";
  log.image(7, "sample", 20, 300, 3, std::as_bytes(std::span(png)));
  const auto value = value_of(records_in(log.path()).at(2), 7);
  CHECK(only(value, 1).bytes == "sample");
  const auto image = fields_of(only(value, 4).bytes);
  CHECK(only(image, 1).number == 20);
  CHECK(only(image, 2).number == 300);
  CHECK(only(image, 3).number == 3);
  CHECK(only(image, 4).bytes == png);
}

TEST_CASE("event log: histograms have TensorFlow's buckets") {
  std::vector<float> values = {0.0f, 1.0f, 1.0f, 1.05f, -2.0f, 3e30f, -3e30f, 1e-13f};
  for (const float bad : {NAN, INFINITY, -INFINITY}) values.push_back(bad);
  const auto histogram = histogram_of(values);
  CHECK(only(histogram, 1).as_double() == double{-3e30f});
  CHECK(only(histogram, 2).as_double() == double{3e30f});
  CHECK(only(histogram, 3).as_double() == 8);
  const auto limits = only(histogram, 6).as_doubles(), counts = only(histogram, 7).as_doubles();
  REQUIRE(limits.size() == counts.size());
  CHECK(std::accumulate(counts.begin(), counts.end(), 0.0) == 8);
  for (size_t i = 1; i < limits.size(); ++i) {
    CHECK(limits[i - 1] < limits[i]);
    CHECK((counts[i - 1] > 0 || counts[i] > 0));  // runs of empty buckets are one
  }
  // Every value lies in [limit before, limit) of a bucket that is not empty.
  for (const float value : {0.0f, 1.0f, 1.05f, -2.0f, 3e30f, -3e30f, 1e-13f}) {
    CAPTURE(value);
    const auto upper = std::upper_bound(limits.begin(), limits.end(), double{value});
    REQUIRE(upper != limits.end());
    CHECK(counts[static_cast<size_t>(upper - limits.begin())] > 0);
    // The bucket is as narrow as TensorFlow's: a tenth wide, but for the outermost and the two at zero.
    if (std::abs(value) >= 1 && std::abs(value) < 1e20) CHECK(std::abs(*upper / *(upper - 1) - 1) < 0.11);
  }
  CHECK(std::count(limits.begin(), limits.end(), 1e-12) == 1);  // [0, 1e-12) took 0 and 1e-13
  CHECK(counts[static_cast<size_t>(std::find(limits.begin(), limits.end(), 1e-12) - limits.begin())] == 2);
  CHECK(limits.back() == std::numeric_limits<double>::max());
  const std::vector<float> around_zero = {-1e-13f, 0.0f};
  CHECK(only(histogram_of(around_zero), 7).as_doubles() == std::vector<double>{0, 1, 1, 0});
  CHECK(only(histogram_of(around_zero), 6).as_doubles()[1] == 0);
}

TEST_CASE("event log: sums of a histogram") {
  const std::vector<float> values = {1, 2, NAN, -0.5f};
  const auto histogram = histogram_of(values);
  CHECK(only(histogram, 1).as_double() == -0.5);
  CHECK(only(histogram, 2).as_double() == 2);
  CHECK(only(histogram, 3).as_double() == 3);
  CHECK(only(histogram, 4).as_double() == 2.5);
  CHECK(only(histogram, 5).as_double() == 5.25);
}

TEST_CASE("event log: a histogram of nothing") {
  const float bad = NAN;
  const std::vector<std::span<const float>> empty = {{}, {&bad, 1}};
  for (const auto values : empty) {
    const auto histogram = histogram_of(values);
    CHECK(only(histogram, 6).as_doubles() == std::vector<double>{std::numeric_limits<double>::max()});
    CHECK(only(histogram, 7).as_doubles() == std::vector<double>{0});
    for (const Field& field : histogram)
      CHECK(field.id >= 6);  // min, max, num, sums are 0, which is not stored
  }
}

TEST_CASE("event log: a refused record leaves none of its bytes, and later ones are taken") {
  const TemporaryFolder folder;
  EventLog log(folder.path(), 0);
  log.scalar(1, "x", 1);
  {
    const Injection injection(Injection::What::kTearWrite, 1, ENOSPC);  // half of it, then no space
    CHECK_THROWS_WITH_AS(log.scalar(2, "x", 2), doctest::Contains("No space left on device"), UserError);
  }
  CHECK(records_in(log.path()).size() == 3);
  log.scalar(3, "x", 3);
  const auto records = records_in(log.path());
  REQUIRE(records.size() == 4);
  CHECK(only(fields_of(records[3]), 2).number == 3);
}
