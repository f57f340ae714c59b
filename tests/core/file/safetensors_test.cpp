#include "core/file/safetensors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <limits>

#include "core/base/error.h"
#include "core/device/buffer.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using Checksum = SafetensorsFile::Checksum;

namespace {

struct Example {
  Example() {
    for (Buffer* buffer : {&weights, &mask, &sums}) {
      auto* bytes = static_cast<uint8_t*>(buffer->data());
      for (int64_t i = 0; i < buffer->bytes(); ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 11);
    }
  }
  Buffer weights{24}, mask{5}, sums{16};
  std::vector<NamedTensor> tensors = {{"mask", mask.tensor({5}, DType::kU8)},
                                      {"layer.weight", weights.tensor({2, 3}, DType::kF32)},
                                      {"sums", sums.tensor({2, 1, 1, 1}, DType::kF64)}};
  Metadata metadata = {{"step", "5"}};
};

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

bool refused(const std::filesystem::path& path, std::string* message) {
  try {
    SafetensorsFile file(path);
  } catch (const UserError& e) {
    *message = e.what();
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("safetensors: what is saved is read back, to the byte") {
  const TemporaryFolder folder;
  const Example example;
  save_safetensors(folder / "a", example.tensors, example.metadata);
  CHECK(folder.names() == std::set<std::string>{"a"});
  CHECK(static_cast<int64_t>(file_contents(folder / "a").size()) ==
        safetensors_bytes(example.tensors, example.metadata));
  const SafetensorsFile file(folder / "a");
  CHECK(file.metadata() == example.metadata);
  REQUIRE(file.tensors().size() == 3);  // the larger the element the earlier; the checksum is not among them
  CHECK(file.tensors()[0].name == "sums");
  CHECK(file.tensors()[1].name == "layer.weight");
  CHECK(file.tensors()[2].name == "mask");
  for (const NamedTensor& saved : example.tensors) {
    Buffer buffer(saved.tensor.bytes());
    file.read(saved.name, buffer.tensor(saved.tensor.shape, saved.tensor.dtype));
    CHECK(std::memcmp(buffer.data(), saved.tensor.data, static_cast<size_t>(saved.tensor.bytes())) == 0);
  }
  CHECK(file.find("none") == nullptr);
}

TEST_CASE("safetensors: the file, byte by byte") {
  const TemporaryFolder folder;
  Buffer buffer(4);
  *buffer.tensor({1}, DType::kF32).as<float>() = 1.5f;
  const std::vector<NamedTensor> tensors = {{"x", buffer.tensor({1}, DType::kF32)}};
  save_safetensors(folder / "a", tensors, {{"k", "v"}});
  // The checksum was computed by Python code of its own.
  const std::string header =
      R"({"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("crc32c":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})";
  std::string padded = header;
  while (padded.size() % 8 != 0) padded += ' ';
  const std::string expected = file_of(padded, std::string("\0\0\xc0\x3f", 4));
  const std::string contents = file_contents(folder / "a");
  REQUIRE(contents.size() == expected.size() + 4);
  CHECK(contents.substr(0, expected.size()) == expected);
  CHECK(contents.substr(expected.size()) == std::string("\x26\x25\xaa\x2e", 4));
}

TEST_CASE("safetensors: another shape or type, or no tensor of the name, is the user's fault") {
  const TemporaryFolder folder;
  const Example example;
  save_safetensors(folder / "a", example.tensors, {});
  const SafetensorsFile file(folder / "a");
  Buffer buffer(64);
  CHECK_THROWS_WITH_AS(file.read("layer.weight", buffer.tensor({3, 2}, DType::kF32)),
                       doctest::Contains("'layer.weight' is F32 [2, 3], and F32 [3, 2] is needed"),
                       UserError);
  CHECK_THROWS_AS(file.read("layer.weight", buffer.tensor({6}, DType::kF32)), UserError);
  CHECK_THROWS_AS(file.read("layer.weight", buffer.tensor({2, 3}, DType::kI32)), UserError);
  CHECK_THROWS_WITH_AS(file.read("none", buffer.tensor({1}, DType::kF32)),
                       doctest::Contains("no tensor 'none'"), UserError);
}

TEST_CASE("safetensors: stored bf16 fills f32 with the same values, and nothing else") {
  const TemporaryFolder folder;
  const float values[] = {0.0f, -1.5f, 3.390625f, -0.0f, 0x1p-126f, std::numeric_limits<float>::infinity()};
  Buffer stored(sizeof values / 2), read(sizeof values);
  auto* halves = static_cast<uint16_t*>(stored.data());
  for (size_t i = 0; i < std::size(values); ++i)
    halves[i] = static_cast<uint16_t>(std::bit_cast<uint32_t>(values[i]) >> 16);
  const NamedTensor weight{"weight", stored.tensor({2, 3}, DType::kBF16)};
  save_safetensors(folder / "a", std::span(&weight, 1), {});
  const SafetensorsFile file(folder / "a");
  file.read("weight", read.tensor({2, 3}, DType::kF32));
  CHECK(std::memcmp(read.data(), values, sizeof values) == 0);
  Buffer wide(48);
  CHECK_THROWS_WITH_AS(file.read("weight", wide.tensor({2, 3}, DType::kF64)),
                       doctest::Contains("is BF16 [2, 3], and F64"), UserError);
}

TEST_CASE("safetensors: a file in memory is read as one on a disk") {
  const TemporaryFolder folder;
  const Example example;
  save_safetensors(folder / "a", example.tensors, example.metadata);
  std::string bytes = file_contents(folder / "a");
  const SafetensorsFile file(File::in_memory(std::as_bytes(std::span(bytes)), "built in"));
  CHECK(file.metadata() == example.metadata);
  Buffer mask(5);
  file.read("mask", mask.tensor({5}, DType::kU8));
  CHECK(std::memcmp(mask.data(), example.mask.data(), 5) == 0);
  bytes.back() ^= 1;
  CHECK_THROWS_WITH_AS(SafetensorsFile(File::in_memory(std::as_bytes(std::span(bytes)), "built in")),
                       doctest::Contains("built in: damaged"), UserError);
}

TEST_CASE("safetensors: every flipped bit is found") {
  const TemporaryFolder folder;
  const Example example;
  save_safetensors(folder / "a", example.tensors, example.metadata);
  std::string contents = file_contents(folder / "a");
  File file(folder / "a", O_WRONLY);
  std::string message;
  size_t found = 0;
  for (size_t bit = 0; bit < contents.size() * 8; ++bit) {
    char byte = static_cast<char>(contents[bit / 8] ^ (1 << bit % 8));
    REQUIRE(pwrite(file.fd(), &byte, 1, static_cast<off_t>(bit / 8)) == 1);
    found += refused(folder / "a", &message);
    CHECK(message.starts_with((folder / "a").string() + ": "));
    REQUIRE(pwrite(file.fd(), &contents[bit / 8], 1, static_cast<off_t>(bit / 8)) == 1);
  }
  CHECK(found == contents.size() * 8);
  CHECK_FALSE(refused(folder / "a", &message));
}

TEST_CASE("safetensors: every truncation, and a byte too many, is found") {
  const TemporaryFolder folder;
  const Example example;
  save_safetensors(folder / "a", example.tensors, example.metadata);
  const std::string contents = file_contents(folder / "a");
  std::string message;
  for (size_t size = 0; size < contents.size(); ++size) {
    CAPTURE(size);
    put_file(folder / "b", contents.substr(0, size));
    CHECK(refused(folder / "b", &message));
  }
  put_file(folder / "b", contents + '\0');
  CHECK(refused(folder / "b", &message));
}

TEST_CASE("safetensors: a file of several megabytes, and a flipped bit in each of them") {
  const TemporaryFolder folder;
  Buffer buffer(3500000);
  auto* bytes = static_cast<uint8_t*>(buffer.data());
  for (int64_t i = 0; i < buffer.bytes(); ++i) bytes[i] = static_cast<uint8_t>(i * i >> 7);
  const std::vector<NamedTensor> tensors = {{"x", buffer.tensor({3500000}, DType::kU8)}};
  save_safetensors(folder / "a", tensors, {});
  std::string message;
  CHECK_FALSE(refused(folder / "a", &message));
  File file(folder / "a", O_RDWR);
  for (const off_t offset : {1000000, 2000000, 3000000, 3500000}) {
    std::byte byte;
    file.read_at(offset, {&byte, 1});
    const std::byte flipped = byte ^ std::byte{16};
    REQUIRE(pwrite(file.fd(), &flipped, 1, offset) == 1);
    CHECK(refused(folder / "a", &message));
    CHECK(message.find("damaged: bytes 0 to 3500") != std::string::npos);
    REQUIRE(pwrite(file.fd(), &byte, 1, offset) == 1);
  }
}

TEST_CASE("safetensors: hostile header lengths") {
  const TemporaryFolder folder;
  for (const uint64_t length :
       {uint64_t{0}, uint64_t{3}, uint64_t{100'000'001}, uint64_t{1} << 63, ~uint64_t{0}}) {
    CAPTURE(length);
    std::string contents(8, '\0');
    std::memcpy(contents.data(), &length, 8);
    put_file(folder / "a", contents + "{}");
    std::string message;
    CHECK(refused(folder / "a", &message));
    CHECK(message.find("not a valid safetensors file") != std::string::npos);
  }
  // A sparse file that is as large as its header says: nothing of that size may be asked for.
  const uint64_t length = 99'999'992;
  put_file(folder / "a", std::string(reinterpret_cast<const char*>(&length), 8));
  std::filesystem::resize_file(folder / "a", 100'000'000);
  std::string message;
  CHECK(refused(folder / "a", &message));
  CHECK(message.find("a header of 99999992 bytes in a file of 100000000") != std::string::npos);
}

TEST_CASE("safetensors: files of others have no checksum, and pass only where that is asked for") {
  const TemporaryFolder folder;
  put_file(folder / "a", file_of(R"({"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "12345678"));
  CHECK_THROWS_WITH_AS(SafetensorsFile(folder / "a"), doctest::Contains("no checksum at byte"), UserError);
  const SafetensorsFile file(folder / "a", Checksum::kIfPresent);
  std::string data(8, ' ');
  file.read(*file.find("n"), std::as_writable_bytes(std::span(data)));
  CHECK(data == "12345678");
  // With a checksum it counts in either case.
  const Example example;
  save_safetensors(folder / "b", example.tensors, {});
  std::string contents = file_contents(folder / "b");
  contents[contents.size() - 6] ^= 1;
  put_file(folder / "b", contents);
  CHECK_THROWS_WITH_AS(SafetensorsFile(folder / "b", Checksum::kIfPresent),
                       doctest::Contains("damaged: bytes 0 to"), UserError);
}

TEST_CASE("safetensors: what reaches the disk damaged never takes the old file's place") {
  const TemporaryFolder folder;
  const Example example;
  put_file(folder / "a", "old");
  for (const int nth : {1, 2, 3, 4, 5, 6}) {  // length, header, three tensors, checksum
    CAPTURE(nth);
    const faults::Injection injection(faults::Injection::What::kSpoilWrite, nth);
    CHECK_THROWS_AS(save_safetensors(folder / "a", example.tensors, {}), UserError);
    CHECK(injection.calls() == 6);
  }
  CHECK(file_contents(folder / "a") == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
}
