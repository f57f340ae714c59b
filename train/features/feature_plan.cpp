#include "train/features/feature_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"

namespace inpaint {
namespace {

using Json = nlohmann::json;

// No network that judges pictures comes near these.
constexpr size_t kMostLayers = 1000;
constexpr int64_t kMostSize = 1024, kMostChannels = 8192, kMostKernel = 31, kMostStride = 16;
// Values of a picture's maps in all layers, with their padding; of those compared, which a batch keeps of
// all its pictures; multiplications for a picture.
constexpr int64_t kMostMapValues = int64_t{1} << 27, kMostComparedValues = int64_t{1} << 23;
constexpr double kMostMultiplications = 1e12;

class Reader {
 public:
  explicit Reader(const SafetensorsFile& file) : file_(file) {}

  FeaturePlan read() {
    const auto text = file_.metadata().find(kFeatureNetworkKey);
    if (text == file_.metadata().end())
      refuse("its metadata has no \"{}\", the description of its layers", kFeatureNetworkKey);
    const Json json = Json::parse(text->second, nullptr, false);
    if (!json.is_object()) refuse("its \"{}\" is not a JSON object", kFeatureNetworkKey);
    where_ = "the description";
    expect_keys(json, {"version", "name", "input", "layers"});
    if (whole(json, "version", 1, std::numeric_limits<int32_t>::max()) != 1)
      refuse("version {} of the format; this program reads version 1", json["version"].get<int64_t>());
    plan_.name = word(json, "name");
    read_input(field(json, "input"));
    const Json& layers = field(json, "layers");
    if (!layers.is_array() || layers.empty() || layers.size() > kMostLayers)
      refuse("\"layers\" is no list of 1 to {} layers", kMostLayers);
    for (const Json& layer : layers) read_layer(layer);
    if (std::ranges::none_of(plan_.layers, &FeatureLayer::is_compared))
      refuse("no layer has \"compare\": true; the perceptual distance needs one");
    if (file_.tensors().size() != 2 * plan_.layers.size()) refuse_unused();
    return std::move(plan_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    user_error("{}: no feature network: {} (docs/file-formats.md has the format)", file_.path().string(),
               fmt::format(format, std::forward<Args>(args)...));
  }

  [[noreturn]] void refuse_unused() const {
    std::set<std::string> known;
    for (const FeatureLayer& layer : plan_.layers) known.insert({layer.weight(), layer.bias()});
    for (const SafetensorsEntry& tensor : file_.tensors())
      if (!known.contains(tensor.name)) refuse("no layer has the tensor {}", printable(tensor.name));
    refuse("its tensors are not those of its layers");
  }

  void expect_keys(const Json& object, const std::set<std::string>& known) const {
    if (!object.is_object()) refuse("{} is not a JSON object", where_);
    for (const auto& entry : object.items())
      if (!known.contains(entry.key())) refuse("{}: unknown key \"{}\"", where_, printable(entry.key()));
  }

  const Json& field(const Json& object, const char* key) const {
    const auto found = object.find(key);
    if (found == object.end()) refuse("{}: \"{}\" is missing", where_, key);
    return *found;
  }

  int64_t in_range(const Json& value, const char* key, int64_t least, int64_t most) const {
    if (!value.is_number_integer() || value < least || value > most)
      refuse("{}: \"{}\" is no whole number of {} to {}", where_, key, least, most);
    return value.get<int64_t>();
  }

  int64_t whole(const Json& object, const char* key, int64_t least, int64_t most) const {
    return in_range(field(object, key), key, least, most);
  }

  std::string word(const Json& object, const char* key) const {
    const Json& value = field(object, key);
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    if (text.empty() || text.size() > 100 || printable(text) != text)
      refuse("{}: \"{}\" is no text of 1 to 100 printable characters", where_, key);
    return text;
  }

  std::vector<double> numbers(const Json& object, const char* key, bool positive) const {
    const Json& list = field(object, key);
    const auto is_number = [&](const Json& value) {
      return value.is_number() && std::isfinite(value.get<double>()) && (!positive || value > 0);
    };
    if (!list.is_array() || static_cast<int64_t>(list.size()) != plan_.channels ||
        !std::ranges::all_of(list, is_number))
      refuse("{}: \"{}\" is no list of {} {}number{}", where_, key, plan_.channels,
             positive ? "positive " : "", plan_.channels == 1 ? "" : "s");
    return list.get<std::vector<double>>();
  }

  void read_input(const Json& input) {
    where_ = "\"input\"";
    expect_keys(input, {"size", "channels", "mean", "deviation"});
    plan_.size = whole(input, "size", 1, kMostSize);
    plan_.channels = whole(input, "channels", 1, 3);
    if (plan_.channels == 2) refuse("{}: \"channels\" is 2; pictures are grey (1) or RGB (3)", where_);
    plan_.mean = numbers(input, "mean", false);
    plan_.deviation = numbers(input, "deviation", true);
    where_ = "the description";
  }

  void read_layer(const Json& json) {
    where_ = fmt::format("layer {}", plan_.layers.size());
    expect_keys(json, {"name", "type", "stride", "pad", "activation", "add", "compare"});
    FeatureLayer layer;
    layer.name = word(json, "name");
    where_ = fmt::format("layer {}", layer.name);
    if (!places_.emplace(layer.name, plan_.layers.size()).second) refuse("{} is there twice", where_);
    const std::string type = word(json, "type");
    if (type != "conv" && type != "depthwise")
      refuse("{}: unknown type \"{}\"; there are conv and depthwise", where_, type);
    layer.is_depthwise = type == "depthwise";
    const bool is_first = plan_.layers.empty();
    layer.in_size = is_first ? plan_.size : plan_.layers.back().size;
    layer.in_channels = is_first ? plan_.channels : plan_.layers.back().channels;
    read_weight(layer);
    layer.stride = json.contains("stride") ? whole(json, "stride", 1, kMostStride) : 1;
    if (json.contains("pad")) read_pad(json["pad"], layer);
    read_activation(json, layer);
    measure(layer);
    if (json.contains("add")) layer.addend = addend(word(json, "add"), layer);
    if (json.contains("compare")) {
      if (!json["compare"].is_boolean()) refuse("{}: \"compare\" is neither true nor false", where_);
      layer.is_compared = json["compare"].get<bool>();
    }
    if (layer.is_compared) compared_values_ += layer.size * layer.size * layer.channels;
    if (compared_values_ > kMostComparedValues)
      refuse("{}: the compared maps of a picture have more than {} values", where_, kMostComparedValues);
    plan_.layers.push_back(std::move(layer));
  }

  const SafetensorsEntry& tensor(const std::string& name) const {
    const SafetensorsEntry* entry = file_.find(name);
    if (entry == nullptr) refuse("{}: the tensor {} is missing", where_, name);
    return *entry;
  }

  void read_weight(FeatureLayer& layer) const {
    const std::vector<int64_t>& shape = tensor(layer.weight()).shape;
    if (shape.size() != 4 || shape[2] != shape[3] || shape[2] < 1 || shape[2] > kMostKernel || shape[0] < 1 ||
        shape[0] > kMostChannels)
      refuse("{}: {} has the shape [{}]; [out, in, k, k] is needed, k up to {}, out up to {}", where_,
             layer.weight(), fmt::join(shape, ", "), kMostKernel, kMostChannels);
    layer.channels = shape[0];
    layer.kernel = shape[2];
    const int64_t taken = layer.is_depthwise ? 1 : layer.in_channels;
    if (shape[1] != taken || (layer.is_depthwise && layer.channels != layer.in_channels))
      refuse("{}: {} has the shape [{}], which does not fit the {} channels before it", where_,
             layer.weight(), fmt::join(shape, ", "), layer.in_channels);
    if (tensor(layer.bias()).shape != std::vector<int64_t>{layer.channels})
      refuse("{}: {} has the shape [{}], not [{}]", where_, layer.bias(),
             fmt::join(tensor(layer.bias()).shape, ", "), layer.channels);
  }

  void read_pad(const Json& pad, FeatureLayer& layer) const {
    if (!pad.is_array() || pad.size() != 2) refuse("{}: \"pad\" is no list [before, behind]", where_);
    layer.pad_before = in_range(pad[0], "pad", 0, layer.kernel - 1);
    layer.pad_behind = in_range(pad[1], "pad", 0, layer.kernel - 1);
  }

  void read_activation(const Json& json, FeatureLayer& layer) const {
    if (!json.contains("activation")) return;
    const std::string name = word(json, "activation");
    if (name == "relu")
      layer.activation = FeatureActivation::kRelu;
    else if (name == "relu6")
      layer.activation = FeatureActivation::kRelu6;
    else if (name != "none")
      refuse("{}: unknown activation \"{}\"; there are none, relu and relu6", where_, name);
  }

  // The size of the output, and whether it can be computed.
  void measure(FeatureLayer& layer) {
    const int64_t padded = layer.in_size + layer.pad_before + layer.pad_behind;
    if (padded < layer.kernel)
      refuse("{}: a {} x {} kernel is larger than its input, {} x {} with padding", where_, layer.kernel,
             layer.kernel, padded, padded);
    layer.size = (padded - layer.kernel) / layer.stride + 1;
    const int64_t output = layer.size * layer.size * layer.channels;
    map_values_ += padded * padded * layer.in_channels + output;
    if (map_values_ > kMostMapValues)
      refuse("{}: the maps of a picture have more than {} values", where_, kMostMapValues);
    const auto taken = static_cast<double>(layer.is_depthwise ? 1 : layer.in_channels);
    multiplications_ += static_cast<double>(layer.size * layer.size * layer.channels) *
                        static_cast<double>(layer.kernel * layer.kernel) * taken;
    if (multiplications_ > kMostMultiplications)
      refuse("{}: a picture needs more than {:.0e} multiplications", where_, kMostMultiplications);
  }

  size_t addend(const std::string& name, const FeatureLayer& layer) const {
    const auto found = places_.find(name);
    if (found == places_.end() || found->second >= plan_.layers.size())
      refuse("{}: adds \"{}\", which is no layer before it", where_, name);
    const FeatureLayer& added = plan_.layers[found->second];
    if (added.size != layer.size || added.channels != layer.channels)
      refuse("{}: adds {} of {} x {} x {} to {} x {} x {}", where_, name, added.size, added.size,
             added.channels, layer.size, layer.size, layer.channels);
    return found->second;
  }

  const SafetensorsFile& file_;
  FeaturePlan plan_;
  std::map<std::string, size_t> places_;
  std::string where_;
  int64_t map_values_ = 0, compared_values_ = 0;
  double multiplications_ = 0;
};

}  // namespace

FeaturePlan read_feature_plan(const SafetensorsFile& file) { return Reader(file).read(); }

}  // namespace inpaint
