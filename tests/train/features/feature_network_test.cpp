#include "train/features/feature_network.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/data/noise_pictures.h"
#include "tests/train/features/small_network.h"

using namespace inpaint;
using inpaint::test::FileTensor;
using inpaint::test::SmallNetwork;

namespace {

// Rows, columns, channels.
struct Map {
  int64_t size, channels;
  std::vector<double> values;

  double at(int64_t i, int64_t j, int64_t c) const {
    if (i < 0 || j < 0 || i >= size || j >= size) return 0;
    return values[static_cast<size_t>((i * size + j) * channels + c)];
  }
};

Map convolve(const Map& x, const SmallNetwork& network, const std::string& name, int64_t stride,
             int64_t before, int64_t size, const std::function<double(double)>& activate,
             const Map* addend = nullptr) {
  const FileTensor &w = network.tensors.at(name + ".weight"), &bias = network.tensors.at(name + ".bias");
  const int64_t out = w.shape[0], in = w.shape[1], k = w.shape[2];
  Map y{size, out, {}};
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      for (int64_t o = 0; o < out; ++o) {
        double sum = static_cast<double>(bias.values[static_cast<size_t>(o)]);
        for (int64_t c = 0; c < in; ++c)
          for (int64_t ky = 0; ky < k; ++ky)
            for (int64_t kx = 0; kx < k; ++kx)
              sum += x.at(stride * i + ky - before, stride * j + kx - before, in == 1 ? o : c) *
                     static_cast<double>(w.values[static_cast<size_t>(((o * in + c) * k + ky) * k + kx)]);
        if (addend != nullptr) sum += addend->at(i, j, o);
        y.values.push_back(activate(sum));
      }
  return y;
}

// What the description of SmallNetwork says, written out for its size of 9.
std::vector<Map> run(const SmallNetwork& network, const Map& x) {
  const auto relu = [](double z) { return std::max(z, 0.0); };
  const Map stem = convolve(x, network, "stem", 2, 0, 4, [](double z) { return std::clamp(z, 0.0, 6.0); });
  const Map deep = convolve(stem, network, "deep", 1, 1, 4, relu);
  Map sum = convolve(
      deep, network, "sum", 1, 0, 4, [](double z) { return z; }, &stem);
  Map head = convolve(sum, network, "head", 2, 1, 2, relu);
  return {std::move(sum), std::move(head)};
}

Tensor tensor_of(Image& image) {
  return {{1, image.height, image.width, image.channels}, DType::kU8, Device::kCpu, image.bytes.data()};
}

// The picture scaled as the input is; the picture has the network's size.
Map scaled(const Image& image) {
  Map x{image.height, 3, {}};
  for (int64_t i = 0; i < x.size * x.size; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      const auto byte = static_cast<double>(
          image.bytes[static_cast<size_t>(i * image.channels + (image.channels == 1 ? 0 : c))]);
      x.values.push_back((byte - (100 + 20 * static_cast<double>(c))) / (50 + 10 * static_cast<double>(c)));
    }
  return x;
}

void check_features(const PictureFeatures& found, const std::vector<Map>& want) {
  REQUIRE(found.compared.size() == want.size());
  for (size_t layer = 0; layer < want.size(); ++layer) {
    const FeatureMap& map = found.compared[layer];
    REQUIRE(map.channels == want[layer].channels);
    REQUIRE(map.pixels == want[layer].size * want[layer].size);
    for (int64_t pixel = 0; pixel < map.pixels; ++pixel) {
      const double* vector = want[layer].values.data() + pixel * map.channels;
      double squares = 0;
      for (int64_t c = 0; c < map.channels; ++c) squares += vector[c] * vector[c];
      for (int64_t c = 0; c < map.channels; ++c) {
        const double expected = squares > 0 ? vector[c] / std::sqrt(squares) : 0,
                     got = static_cast<double>(map.values[static_cast<size_t>(pixel * map.channels + c)]);
        CHECK(std::abs(got - expected) < 1e-5);
      }
    }
  }
  const Map& last = want.back();
  REQUIRE(static_cast<int64_t>(found.pooled.size()) == last.channels);
  for (int64_t c = 0; c < last.channels; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < last.size * last.size; ++i)
      sum += last.values[static_cast<size_t>(i * last.channels + c)];
    CHECK(found.pooled[static_cast<size_t>(c)] ==
          doctest::Approx(sum / static_cast<double>(last.size * last.size)).epsilon(1e-5));
  }
}

std::string complaint(SmallNetwork& network, const std::string* text = nullptr) {
  const TemporaryFolder folder;
  network.write(folder / "n.safetensors", text);
  Context ctx(1);
  const std::string message = error_message([&] { FeatureNetwork(ctx, folder / "n.safetensors"); });
  CHECK(contains(message, "n.safetensors: "));
  return message;
}

}  // namespace

TEST_CASE("feature network: its layers are computed as the file describes them") {
  const TemporaryFolder folder;
  SmallNetwork small;
  small.write(folder / "n.safetensors");
  Context ctx(2);
  const FeatureNetwork network(ctx, folder / "n.safetensors");
  CHECK(network.name() == "small");
  CHECK(network.channels() == 3);
  CHECK(network.dimension() == 5);
  for (const int channels : {3, 1})  // grey is repeated
    for (const uint64_t seed : {1u, 2u, 3u}) {
      Image image = noise_image(9, 9, channels, seed);
      check_features(network.features(tensor_of(image)), run(small, scaled(image)));
    }
}

TEST_CASE("feature network: pictures of another size are resized, bilinear between the pixels' centres") {
  const TemporaryFolder folder;
  SmallNetwork small;
  small.write(folder / "n.safetensors");
  Context ctx(2);
  const FeatureNetwork network(ctx, folder / "n.safetensors");
  Image image = noise_image(5, 5, 3, 4);
  Map x{9, 3, {}};
  for (int64_t i = 0; i < 9; ++i)
    for (int64_t j = 0; j < 9; ++j)
      for (int64_t c = 0; c < 3; ++c) {
        const auto place = [](int64_t k) {
          return std::clamp((static_cast<double>(k) + 0.5) * 5 / 9 - 0.5, 0.0, 4.0);
        };
        const double row = place(i), column = place(j);
        const auto top = std::min<int64_t>(3, static_cast<int64_t>(row)),
                   left = std::min<int64_t>(3, static_cast<int64_t>(column));
        const double down = row - static_cast<double>(top), right = column - static_cast<double>(left);
        const auto byte = [&](int64_t y, int64_t z) { return static_cast<double>(image.pixel(y, z)[c]); };
        const double value = (1 - down) * ((1 - right) * byte(top, left) + right * byte(top, left + 1)) +
                             down * ((1 - right) * byte(top + 1, left) + right * byte(top + 1, left + 1));
        x.values.push_back((value - (100 + 20 * static_cast<double>(c))) /
                           (50 + 10 * static_cast<double>(c)));
      }
  check_features(network.features(tensor_of(image)), run(small, x));

  // Twice the size: a pixel is made of four of a row, with the weights 1, 3, 3, 1 (at the border 3, 3, 1).
  Image large = noise_image(18, 18, 3, 5);
  const auto weight = [](int64_t k, int64_t from) {
    const int64_t at = from - (2 * k - 1);
    const double weights[] = {1, 3, 3, 1}, sum = k == 0 || k == 8 ? 7 : 8;
    return at < 0 || at > 3 ? 0 : weights[at] / sum;
  };
  Map y{9, 3, {}};
  for (int64_t i = 0; i < 9; ++i)
    for (int64_t j = 0; j < 9; ++j)
      for (int64_t c = 0; c < 3; ++c) {
        double value = 0;
        for (int64_t row = 0; row < 18; ++row)
          for (int64_t column = 0; column < 18; ++column)
            value += weight(i, row) * weight(j, column) * static_cast<double>(large.pixel(row, column)[c]);
        y.values.push_back((value - (100 + 20 * static_cast<double>(c))) /
                           (50 + 10 * static_cast<double>(c)));
      }
  check_features(network.features(tensor_of(large)), run(small, y));
}

TEST_CASE("feature network: same bits for any number of threads") {
  const TemporaryFolder folder;
  SmallNetwork().write(folder / "n.safetensors");
  Image image = noise_image(21, 21, 3, 6);
  std::vector<PictureFeatures> all;
  for (const int threads : {1, 2, 5}) {
    Context ctx(threads);
    all.push_back(FeatureNetwork(ctx, folder / "n.safetensors").features(tensor_of(image)));
    CHECK(all.back().pooled == all.front().pooled);
    for (size_t layer = 0; layer < 2; ++layer)
      CHECK(all.back().compared[layer].values == all.front().compared[layer].values);
  }
}

TEST_CASE("feature network: a description that is wrong is refused, with the layer") {
  using Json = nlohmann::json;
  const Json::json_pointer stem("/layers/0");
  const auto refused = [](const std::function<void(Json&)>& change, const std::string& part) {
    SmallNetwork network;
    change(network.description);
    const std::string message = complaint(network);
    CHECK_MESSAGE(contains(message, part), message, " does not say ", part);
  };
  const auto replaced = [&](const char* path, const Json& value, const std::string& part) {
    refused([&](Json& json) { json[Json::json_pointer(path)] = value; }, part);
  };
  refused([](Json& json) { json = Json::array(); }, "not a JSON object");
  refused([](Json& json) { json.erase("name"); }, "\"name\" is missing");
  refused([](Json& json) { json["more"] = 1; }, "unknown key \"more\"");
  refused([&](Json& json) { json[stem].erase("type"); }, "layer stem: \"type\" is missing");
  replaced("/version", 2, "version 2");
  replaced("/version", "1", "\"version\"");
  replaced("/name", "", "\"name\"");
  replaced("/name", "a\nb", "\"name\"");
  replaced("/input", 7, "\"input\" is not a JSON object");
  replaced("/input/size", 0, "\"size\"");
  replaced("/input/size", 1e9, "\"size\"");
  replaced("/input/size", 9.5, "\"size\"");
  replaced("/input/size", 1025, "1024");
  replaced("/input/channels", 2, "grey (1) or RGB (3)");
  replaced("/input/mean", {1, 2}, "\"mean\" is no list of 3 numbers");
  replaced("/input/mean", {1, 2, "x"}, "\"mean\"");
  replaced("/input/deviation", {1, 2, 0}, "positive");
  replaced("/layers", Json::array(), "1 to 1000 layers");
  replaced("/layers", Json(Json::array_t(1001, Json::object())), "1 to 1000 layers");
  replaced("/layers/0", 3, "layer 0 is not a JSON object");
  replaced("/layers/0/name", std::string(101, 'x'), "\"name\"");
  replaced("/layers/1/name", "stem", "layer stem is there twice");
  replaced("/layers/0/name", "trunk", "layer trunk: the tensor trunk.weight is missing");
  replaced("/layers/0/type", "attention", "unknown type \"attention\"");
  replaced("/layers/0/type", "depthwise", "does not fit the 3 channels");
  replaced("/layers/0/stride", 0, "layer stem: \"stride\"");
  replaced("/layers/0/stride", -1, "\"stride\"");
  replaced("/layers/0/pad", 1, "[before, behind]");
  replaced("/layers/0/pad", {0, 3}, "\"pad\" is no whole number of 0 to 2");
  replaced("/layers/0/pad", {-1, 0}, "\"pad\"");
  replaced("/layers/0/activation", "gelu", "unknown activation \"gelu\"");
  replaced("/layers/0/activation", 6, "\"activation\"");
  replaced("/layers/0/dilation", 2, "unknown key \"dilation\"");
  replaced("/layers/2/add", "head", "no layer before it");
  replaced("/layers/2/add", "sum", "no layer before it");
  replaced("/layers/3/add", "stem", "adds stem of 4 x 4 x 4 to 2 x 2 x 5");
  replaced("/layers/2/compare", 1, "neither true nor false");
  refused(
      [](Json& json) {
        for (Json& layer : json["layers"]) layer.erase("compare");
      },
      "the perceptual distance needs one");
  refused([](Json& json) { json["layers"].erase(3); }, "no layer has the tensor head.");
  replaced("/input/size", 1, "larger than its input");
}

TEST_CASE("feature network: text that is no JSON, and files without a description") {
  for (const std::string& text :
       {std::string("{"), std::string(), std::string(200'000, '['), std::string("\xff")}) {
    SmallNetwork network;
    CHECK(contains(complaint(network, &text), "not a JSON object"));
  }
  const TemporaryFolder folder;
  Context ctx(1);
  save_safetensors(folder / "other", {}, {});
  CHECK(contains(error_message([&] { FeatureNetwork(ctx, folder / "other"); }), "no \"feature_network\""));
  CHECK(contains(error_message([&] { FeatureNetwork(ctx, folder / "none"); }), "none"));
}

TEST_CASE("feature network: tensors that do not fit, and what cannot be computed") {
  const auto refused = [](const std::function<void(SmallNetwork&)>& change, const std::string& part) {
    SmallNetwork network;
    change(network);
    const std::string message = complaint(network);
    CHECK_MESSAGE(contains(message, part), message, " does not say ", part);
  };
  refused(
      [](SmallNetwork& n) {
        n.put("stem.weight", {4, 2, 3, 3});
      },
      "[4, 2, 3, 3], which does not fit the 3");
  refused([](SmallNetwork& n) { n.put("stem.weight", {4, 27}); }, "[out, in, k, k] is needed");
  refused([](SmallNetwork& n) { n.put("stem.weight", {4, 3, 3, 2}); }, "[out, in, k, k] is needed");
  refused([](SmallNetwork& n) { n.put("stem.weight", {0, 3, 3, 3}); }, "[out, in, k, k] is needed");
  refused([](SmallNetwork& n) { n.put("stem.weight", {1, 3, 32, 32}); }, "k up to 31");
  refused([](SmallNetwork& n) { n.put("deep.weight", {5, 1, 3, 3}); }, "layer deep");
  refused([](SmallNetwork& n) { n.put("stem.bias", {3}); }, "stem.bias has the shape [3], not [4]");
  refused([](SmallNetwork& n) { n.tensors.erase("head.bias"); }, "head.bias is missing");
  refused([](SmallNetwork& n) { n.put("tail.bias", {3}); }, "no layer has the tensor tail.bias");
  refused([](SmallNetwork& n) { n.tensors["sum.bias"].values[2] = std::numeric_limits<float>::infinity(); },
          "layer sum has a weight that is not finite");
  // 1,024 x 1,024 pixels of 130 channels: no memory is taken for them.
  const auto wide = [](SmallNetwork& n, int64_t size, int64_t channels) {
    n.description["input"]["size"] = size;
    n.description["layers"][0] = {{"name", "stem"}, {"type", "conv"}};
    n.put("stem.weight", {channels, 3, 1, 1});
    n.put("stem.bias", {channels});
  };
  refused([&](SmallNetwork& n) { wide(n, 1024, 130); },
          "layer stem: the maps of a picture have more than 134217728 values");
  refused(
      [&](SmallNetwork& n) {
        wide(n, 400, 60);
        n.description["layers"][0]["compare"] = true;
      },
      "layer stem: the compared maps");
  // At each of 550 x 550 pixels 31 x 31 x 60 x 60 products.
  refused(
      [&](SmallNetwork& n) {
        wide(n, 550, 60);
        n.description["layers"][1] = {{"name", "deep"}, {"type", "conv"}, {"pad", {15, 15}}};
        n.put("deep.weight", {60, 60, 31, 31});
        n.put("deep.bias", {60});
      },
      "multiplications");
}

TEST_CASE("feature network: features that are not finite are refused") {
  const TemporaryFolder folder;
  SmallNetwork small;
  for (const char* name : {"stem.weight", "deep.weight", "sum.weight", "head.weight"})
    for (float& value : small.tensors[name].values) value = 1e38f;
  small.description["layers"][0]["activation"] = "relu";
  small.write(folder / "n.safetensors");
  Context ctx(1);
  const FeatureNetwork network(ctx, folder / "n.safetensors");
  Image image = noise_image(9, 9, 3, 1);
  CHECK(contains(error_message([&] { network.features(tensor_of(image)); }), "not finite"));
}
