// A feature network of four layers, as a file that a test may change before it is written.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/philox.h"
#include "core/file/safetensors.h"
#include "train/features/feature_plan.h"

namespace inpaint::test {

struct FileTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct SmallNetwork {
  nlohmann::json description;
  std::map<std::string, FileTensor> tensors;

  explicit SmallNetwork(int64_t channels = 3) {
    description = {
        {"version", 1},
        {"name", "small"},
        {"input",
         {{"size", 9},
          {"channels", channels},
          {"mean", std::vector<double>{100, 120, 140}},
          {"deviation", std::vector<double>{50, 60, 70}}}},
        {"layers",
         {{{"name", "stem"}, {"type", "conv"}, {"stride", 2}, {"pad", {0, 1}}, {"activation", "relu6"}},
          {{"name", "deep"}, {"type", "depthwise"}, {"pad", {1, 1}}, {"activation", "relu"}},
          {{"name", "sum"}, {"type", "conv"}, {"add", "stem"}, {"compare", true}},
          {{"name", "head"},
           {"type", "conv"},
           {"stride", 2},
           {"pad", {1, 1}},
           {"activation", "relu"},
           {"compare", true}}}}};
    if (channels == 1) {
      description["input"]["mean"] = {100};
      description["input"]["deviation"] = {50};
    }
    put("stem.weight", {4, channels, 3, 3});
    put("stem.bias", {4}, 2);
    put("deep.weight", {4, 1, 3, 3});
    put("deep.bias", {4});
    put("sum.weight", {4, 4, 1, 1});
    put("sum.bias", {4});
    put("head.weight", {5, 4, 3, 3});
    put("head.bias", {5});
  }

  // Random values around `mean`.
  void put(const std::string& name, const std::vector<int64_t>& shape, double mean = 0) {
    FileTensor tensor{shape, {}};
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    const Philox random(7, RandomStream::kProceduralPictures, static_cast<uint32_t>(tensors.size()));
    for (int64_t i = 0; i < count; ++i)
      tensor.values.push_back(static_cast<float>(mean + random.normal(static_cast<uint64_t>(i))));
    tensors[name] = std::move(tensor);
  }

  // `text`: the description, where it is not the one above.
  void write(const std::filesystem::path& path, const std::string* text = nullptr) {
    std::vector<NamedTensor> named;
    for (auto& [name, tensor] : tensors) {
      const std::vector<int64_t>& s = tensor.shape;
      const Shape shape = s.size() == 4   ? Shape{s[0], s[1], s[2], s[3]}
                          : s.size() == 2 ? Shape{s[0], s[1]}
                                          : Shape{s[0]};
      named.push_back({name, {shape, DType::kF32, Device::kCpu, tensor.values.data()}});
    }
    save_safetensors(path, named, {{kFeatureNetworkKey, text != nullptr ? *text : description.dump()}});
  }
};

}  // namespace inpaint::test
