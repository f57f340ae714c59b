#include "core/file/safetensors_header.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include "core/base/error.h"
#include "tests/harness/nightly.h"

using namespace inpaint;

namespace {

constexpr double kSlowdown = kSanitized ? 10 : 1;  // instrumented code takes its time

// The CPU time of this process, so that a busy machine does not count.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string repeated(const std::string& text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

// One tensor of the given fields.
std::string one(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }

const std::string kGood = R"("dtype":"F32","shape":[2,1],"data_offsets":[0,8])";

struct Hostile {
  std::string what, text, message;  // a part of it
  int64_t data_bytes = 8;
};

std::vector<Hostile> hostile_headers() {
  constexpr size_t kMiB = size_t{1} << 20;
  const std::string full(8 * kMiB, ' ');
  const std::string many_dims = repeated("1,", 10000) + "1";
  const std::string two = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8",)";
  std::string many_tensors = "{", many_metadata = R"({"__metadata__":{)";
  for (int i = 0; i < 65537; ++i) {
    many_tensors +=
        fmt::format(R"({}"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i ? "," : "", i);
    many_metadata += fmt::format(R"({}"{}":"")", i ? "," : "", i);
  }
  const auto shape = [](const std::string& numbers) {
    return one(R"("dtype":"F32","data_offsets":[0,8],"shape":[)" + numbers + "]");
  };
  const auto offsets = [](const std::string& numbers) {
    return one(R"("dtype":"F32","shape":[2,1],"data_offsets":[)" + numbers + "]");
  };
  return {
      {"empty", "", "does not start with '{'"},
      {"spaces only", "        ", "does not start with '{'"},
      {"space first", " {}", "does not start with '{'"},
      {"byte order mark", "\xef\xbb\xbf{}", "does not start with '{'"},
      {"array", "[]", "does not start with '{'"},
      {"open object", "{", "byte 2"},
      {"cut in a key", "{\"a", "no valid JSON at byte"},
      {"cut in a tensor", one(kGood).substr(0, 30), "no valid JSON at byte"},
      {"trailing garbage", one(kGood) + "x", "no valid JSON at byte"},
      {"two objects", one(kGood) + one(kGood), "no valid JSON at byte"},
      {"zero byte behind", one(kGood) + std::string(1, '\0'), "a zero byte"},
      {"comment", "{/**/}", "no valid JSON at byte"},
      {"bad UTF-8 in a name", "{\"\xff\":{" + kGood + "}}", "no valid JSON at byte"},
      {"control character in a name", "{\"a\n\":{" + kGood + "}}", "no valid JSON at byte"},
      {"half a surrogate", "{\"\\ud800\":{" + kGood + "}}", "no valid JSON at byte"},
      {"tensor twice", "{\"a\":{" + kGood + "},\"a\":{" + kGood + "}}", "'a' comes twice"},
      {"tensor twice, escaped", "{\"a\":{" + kGood + "},\"\\u0061\":{" + kGood + "}}", "'a' comes twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", "'__metadata__' comes twice"},
      {"metadata key twice", R"({"__metadata__":{"k":"1","k":"2"}})", "metadata key 'k' comes twice"},
      {"dtype twice", one(kGood + R"(,"dtype":"F32")"), "'dtype' comes twice"},
      {"shape twice", one(kGood + R"(,"shape":[2,1])"), "'shape' comes twice"},
      {"unknown key", one(kGood + R"(,"strides":[1])"), "unknown key 'strides'"},
      {"no dtype", one(R"("shape":[2],"data_offsets":[0,8])"), "is missing"},
      {"no shape", one(R"("dtype":"F32","data_offsets":[0,8])"), "is missing"},
      {"no offsets", one(R"("dtype":"F32","shape":[2])"), "is missing"},
      {"empty tensor object", "{\"a\":{}}", "is missing"},
      {"tensor is a number", "{\"a\":1}", "a number where none belongs"},
      {"tensor is null", "{\"a\":null}", "null where none belongs"},
      {"tensor is a string", "{\"a\":\"F32\"}", "a string where none belongs"},
      {"tensor is a boolean", "{\"a\":true}", "a boolean where none belongs"},
      {"tensor is an array", "{\"a\":[]}", "an array where none belongs"},
      {"object in a tensor", one(R"("dtype":{})"), "an object where none belongs"},
      {"metadata is a string", R"({"__metadata__":"x"})", "a string where none belongs"},
      {"metadata holds a number", R"({"__metadata__":{"k":1}})", "a number where none belongs"},
      {"metadata holds an object", R"({"__metadata__":{"k":{}}})", "an object where none belongs"},
      {"metadata holds an array", R"({"__metadata__":{"k":[]}})", "an array where none belongs"},
      {"unknown type", one(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), "unknown type 'F31'"},
      {"type is an array", one(R"("dtype":["F32"],"shape":[2],"data_offsets":[0,8])"), "an array where none"},
      {"shape is a number", one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), "a number where none"},
      {"shape is a string", one(R"("dtype":"F32","shape":"2","data_offsets":[0,8])"), "a string where none"},
      {"shape nested", shape("[2]"), "an array where none belongs"},
      {"shape holds a string", shape("\"2\""), "a string where none belongs"},
      {"negative extent", shape("-2,-1"), "-2 is negative"},
      {"fractional extent", shape("2.0"), "2.0 is not a whole one"},
      {"extent 2^63", shape("9223372036854775808"), "is too large"},
      {"extent 2^64", shape("18446744073709551616"), "is not a whole one"},
      {"extent 1e400", shape("1e400"), "no valid JSON at byte"},
      {"product overflows to 8", shape("4611686018427387904,2,2"), "beyond all bounds"},
      {"product overflows to 0", shape("4294967296,4294967296"), "beyond all bounds"},
      {"rank 9", shape("2,1,1,1,1,1,1,1,1"), "more than 8 numbers"},
      {"rank 10,001", shape(many_dims), "more than 8 numbers"},
      {"one offset", offsets("8"), "1 numbers instead of 2"},
      {"three offsets", offsets("0,8,8"), "more than 2 numbers"},
      {"negative offset", offsets("-8,0"), "-8 is negative"},
      {"offsets reversed", offsets("8,0"), "starts at byte 8"},
      {"end before begin", two + R"("shape":[1],"data_offsets":[4,3]}})", "has -1 bytes", 3},
      {"a hole first", offsets("1,9"), "starts at byte 1 of the data, where 0", 9},
      {"too small for the shape", offsets("0,4"), "has 4 bytes, where its shape and type need 8", 4},
      {"too large for the shape", offsets("0,16"), "has 16 bytes", 16},
      {"offsets 2^63 - 1", offsets("0,9223372036854775807"), "has 9223372036854775807 bytes"},
      {"data cut off", one(kGood), "need 8 bytes behind the header and there are 7", 7},
      {"data behind", one(kGood), "need 8 bytes behind the header and there are 9", 9},
      {"no tensors, some data", "{}", "need 0 bytes"},
      {"a hole", two + R"("shape":[3],"data_offsets":[5,8]}})", "starts at byte 5 of the data, where 4"},
      {"an overlap", two + R"("shape":[5],"data_offsets":[3,8]}})", "starts at byte 3 of the data, where 4"},
      {"the same bytes", two + R"("shape":[4],"data_offsets":[0,4]}})",
       "starts at byte 0 of the data, where 4", 4},
      {"deep in a key", "{\"a\":" + repeated("{\"a\":", 1000000), "unknown key 'a'"},
      {"deep in arrays", "{\"a\":" + repeated("[", 1000000), "an array where none belongs"},
      {"deep in metadata", R"({"__metadata__":{"a":)" + repeated("[", 1000000),
       "an array where none belongs"},
      {"65,537 tensors", many_tensors + "}", "more than 65536 tensors"},
      {"65,537 entries of metadata", many_metadata + "}}", "more than 65536 entries"},
      {"longer than allowed", "{}" + full, "the header has 8388610 bytes"},
      {"8 MiB of white space", "{" + full.substr(2) + "x", "no valid JSON at byte"},
      {"8 MiB of line breaks", "{" + std::string(8 * kMiB - 1, '\n'), "line breaks or control characters"},
      {"8 MiB of line breaks in a string", "{\"" + std::string(8 * kMiB - 2, '\n'), "line breaks"},
      {"8 MiB of a name", "{\"" + std::string(8 * kMiB - 2, 'x'), "no valid JSON at byte"},
      {"8 MiB of escapes", "{\"" + repeated("\\u20ac", 8 * kMiB / 6 - 1), "no valid JSON at byte"},
      {"8 MiB of a type", "{\"a\":{\"dtype\":\"" + std::string(7 * kMiB, 'F') + "\"}}", "is missing"},
      {"8 MiB of digits", "{\"a\":{\"shape\":[" + std::string(7 * kMiB, '9') + "]}}",
       "no valid JSON at byte"},
      {"8 MiB of fraction", "{\"a\":{\"shape\":[0." + std::string(7 * kMiB, '1') + "]}}",
       "is not a whole one"},
      {"8 MiB of commas", "{\"a\":{\"shape\":[" + std::string(7 * kMiB, ',') + "]}}",
       "no valid JSON at byte"},
  };
}

}  // namespace

TEST_CASE("safetensors header: what the format allows is read") {
  const std::string text =
      R"({"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"__metadata__":{"k":"\u00e9\n","":"x"},)"
      R"("a":{"shape":[2,1],"data_offsets":[0,8],"dtype":"F32"},"none":{"dtype":"BF16","shape":[0,7],)"
      R"("data_offsets":[8,8]}}      )";
  const SafetensorsHeader header = parse_safetensors_header(text, 16, "file");
  CHECK(header.metadata == Metadata{{"k", "\xc3\xa9\n"}, {"", "x"}});
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[0].dtype == "F32");
  CHECK(header.tensors[0].shape == std::vector<int64_t>{2, 1});
  CHECK(header.tensors[0].begin == 0);
  CHECK(header.tensors[0].end == 8);
  CHECK(header.tensors[1].name == "none");
  CHECK(header.tensors[1].shape == std::vector<int64_t>{0, 7});
  CHECK(header.tensors[2].name == "b");
  CHECK(header.tensors[2].shape.empty());
  CHECK(parse_safetensors_header("{}", 0, "file").tensors.empty());
}

TEST_CASE("safetensors header: what is written is read back") {
  const std::vector<SafetensorsEntry> tensors = {{"x", "F32", {3, 2}, 0, 24},
                                                 {"\"\\\xc3\xa9", "U8", {5}, 24, 29}};
  const Metadata metadata = {{"step", "7"}, {"text", "a\n\"b\" \x01"}, {"path", "not \xff UTF-8"}};
  const std::string text = render_safetensors_header(tensors, metadata);
  CHECK(text.size() % 8 == 0);
  const SafetensorsHeader header = parse_safetensors_header(text, 29, "file");
  REQUIRE(header.tensors.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(header.tensors[i].name == tensors[i].name);
    CHECK(header.tensors[i].dtype == tensors[i].dtype);
    CHECK(header.tensors[i].shape == tensors[i].shape);
    CHECK(header.tensors[i].begin == tensors[i].begin);
    CHECK(header.tensors[i].end == tensors[i].end);
  }
  CHECK(header.metadata.at("text") == metadata.at("text"));
  CHECK(header.metadata.at("path") == "not \xef\xbf\xbd UTF-8");
  for (size_t length = 0; length < 8; ++length)
    CHECK(render_safetensors_header(tensors, {{"k", std::string(length, 'x')}}).size() % 8 == 0);
  CHECK_THROWS_AS(render_safetensors_header({tensors[0], tensors[0]}, {}), Error);
  CHECK_THROWS_AS(render_safetensors_header({{"__metadata__", "U8", {0}, 0, 0}}, {}), Error);
}

TEST_CASE("safetensors header: hostile texts are refused in time, in bounded memory, with one line") {
  const auto headers = hostile_headers();
  CHECK(headers.size() >= 40);
  for (const Hostile& hostile : headers) {
    CAPTURE(hostile.what);
    const auto refuse = [&] {
      try {
        parse_safetensors_header(hostile.text, hostile.data_bytes, "some/file");
      } catch (const UserError& e) {
        return std::string(e.what());
      }
      return std::string("accepted");
    };
    const double start = processor_seconds();
    const std::string message = refuse();
    CHECK(processor_seconds() - start < kSlowdown * 1.0);
    CAPTURE(message);
    CHECK(message.starts_with("some/file: not a valid safetensors file: "));
    CHECK(message.find(hostile.message) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.size() < 400);
    // The same in a process of its own, which tells how much memory it took at most.
    if (kSanitized || hostile.text.size() < 100000) continue;
    const pid_t child = fork();
    if (child == 0) {
      rusage before{}, after{};
      getrusage(RUSAGE_SELF, &before);
      refuse();
      getrusage(RUSAGE_SELF, &after);
      _exit(after.ru_maxrss - before.ru_maxrss > 64 * 1024 ? 1 : 0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}
