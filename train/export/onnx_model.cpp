#include "train/export/onnx_model.h"

#include <onnx.pb.h>

#include <limits>

#include "train/export/harmonic_graph.h"
#include "train/export/network_graph.h"
#include "train/step/run_options.h"

namespace inpaint {
namespace {

using OnnxValue = OnnxGraph::Value;
using Ints = OnnxGraph::Ints;

const char* const kImage = "image";
const char* const kMask = "mask";

// What every model begins with, [N, channels, rows, columns].
struct Given {
  OnnxValue image;    // u8 [N, rows, columns, channels]
  OnnxValue picture;  // f32, in [-1, 1]
  OnnxValue missing;  // f32 [N, 1, rows, columns], 1 = missing
};

OnnxValue channels_first(OnnxGraph& g, const OnnxValue& a) {
  return g.op("Transpose", {a}, {{"perm", Ints{0, 3, 1, 2}}});
}
OnnxValue channels_last(OnnxGraph& g, const OnnxValue& a) {
  return g.op("Transpose", {a}, {{"perm", Ints{0, 2, 3, 1}}});
}

Given add_inputs(OnnxGraph& g, const OnnxGraph::Extents& image, const std::string& colours) {
  OnnxGraph::Extents mask = image;
  mask.back() = int64_t{1};
  Given given;
  given.image = g.input(kImage, OnnxGraph::kUint8, image,
                        "pictures, " + colours + "; what lies under the hole is not read");
  const OnnxValue hole = g.input(kMask, OnnxGraph::kUint8, mask, "the hole: 255 is missing, 0 is known");
  const OnnxValue middle = g.number(127.5f),
                  floats = g.cast(channels_first(g, given.image), OnnxGraph::kFloat);
  given.picture = g.div(g.sub(floats, middle), middle);
  given.missing = g.cast(g.cast(channels_first(g, hole), OnnxGraph::kBool), OnnxGraph::kFloat);
  return given;
}

// painted f32 in [-1, 1]; chosen f32 [N, 1, rows, columns]: 1 where it takes the place of the picture.
void add_output(OnnxGraph& g, const Given& given, const OnnxValue& painted, const OnnxValue& chosen,
                const OnnxGraph::Extents& extents) {
  const OnnxValue middle = g.number(127.5f);
  const OnnxValue scaled = g.add(g.mul(painted, middle), middle);
  const OnnxValue bytes = g.cast(g.op("Clip", {scaled, g.number(0), g.number(255)}), OnnxGraph::kUint8);
  const OnnxValue choice = g.cast(channels_last(g, chosen), OnnxGraph::kBool);
  g.output("filled", g.op("Where", {choice, channels_last(g, bytes), given.image}), OnnxGraph::kUint8,
           extents, "the pictures with the hole painted; known pixels are those of the image");
}

OnnxValue without_missing(OnnxGraph& g, const OnnxValue& picture, const OnnxValue& missing) {
  return g.mul(picture, g.sub(g.number(1), missing));
}

// The rows and columns as indices, mirrored beyond the last to a multiple; end pixels are not repeated.
OnnxValue mirrored(OnnxGraph& g, const OnnxValue& a, const OnnxValue& extent, int64_t axis,
                   int64_t multiple) {
  const OnnxValue one = g.whole(1), two = g.whole(2), step = g.whole(multiple);
  const OnnxValue steps = g.div(g.add(extent, g.whole(multiple - 1)), step);
  const OnnxValue places = g.op("Range", {g.whole(0), g.mul(steps, step), one});
  const OnnxValue period = g.op("Max", {g.mul(two, g.sub(extent, one)), one});
  const OnnxValue place = g.op("Mod", {places, period});
  return g.op("Gather", {a, g.op("Min", {place, g.sub(period, place)})}, {{"axis", axis}});
}

void add_whole_picture_model(OnnxGraph& g, const Context& ctx, const TrainedGenerator& generator,
                             const Given& given, const OnnxGraph::Extents& extents) {
  const TrainSettings& s = generator.settings;
  const int64_t multiple = model_options(s).harmonic_unet.multiple();
  const OnnxValue known = without_missing(g, given.picture, given.missing);
  const OnnxValue harmonic = add_harmonic_fill(g, known, given.missing, s.image_channel);
  OnnxValue x = g.op("Concat", {harmonic, given.missing}, {{"axis", int64_t{1}}});
  const OnnxValue shape = g.op("Shape", {x});
  for (const int64_t axis : {2, 3})
    x = mirrored(g, x, g.op("Gather", {shape, g.whole(axis)}), axis, multiple);
  const OnnxValue residual = add_network(g, ctx, generator.network, generator.parameters, x);
  const OnnxValue inside =
      g.slice(residual, g.ints({0, 0}), g.slice(shape, g.ints({2}), g.ints({4}), {0}), {2, 3});
  add_output(g, given, g.add(harmonic, inside), given.missing, extents);
}

// Where the square begins along an axis, i64 [N, 1, 1, 1].
OnnxValue square_begin(OnnxGraph& g, const OnnxValue& missing, int64_t axis, int64_t side) {
  const int64_t other = 5 - axis;
  const OnnxValue any = g.op("ReduceMax", {missing}, {{"axes", Ints{other}}, {"keepdims", int64_t{1}}});
  const auto end = [&](int64_t last) {
    return g.op("ArgMax", {any}, {{"axis", axis}, {"keepdims", int64_t{1}}, {"select_last_index", last}});
  };
  const OnnxValue first = end(0), extent = g.add(g.sub(end(1), first), g.whole(1));
  const OnnxValue begin = g.sub(g.add(first, g.div(extent, g.whole(2))), g.whole(side / 4));
  return g.op("Max", {g.op("Min", {begin, g.whole(side / 2)}), g.whole(0)});
}

Ints counted(int64_t count) {
  Ints values;
  for (int64_t i = 0; i < count; ++i) values.push_back(i);
  return values;
}

void add_context_encoder(OnnxGraph& g, const Context& ctx, const TrainedGenerator& generator,
                         const Given& given, const OnnxGraph::Extents& extents) {
  const int64_t side = generator.settings.image_size, half = side / 2;
  const OnnxValue top = square_begin(g, given.missing, 2, side),
                  left = square_begin(g, given.missing, 3, side);
  // 1 where a row (column) of the picture is this one of the square. So a product with them moves the square
  // to its place, exactly.
  const OnnxValue rows =
      g.cast(g.op("Equal", {g.ints(counted(side), {side, 1}), g.add(top, g.ints(counted(half), {1, half}))}),
             OnnxGraph::kFloat);
  const OnnxValue columns =
      g.cast(g.op("Equal", {g.ints(counted(side), {1, side}), g.add(left, g.ints(counted(half), {half, 1}))}),
             OnnxGraph::kFloat);
  const auto any = [&](const OnnxValue& a, int64_t axis) {
    return g.op("ReduceMax", {a}, {{"axes", Ints{axis}}, {"keepdims", int64_t{1}}});
  };
  const OnnxValue square = g.mul(any(rows, 3), any(columns, 2));
  const OnnxValue unseen = g.op("Max", {square, given.missing});
  const OnnxValue painted =
      add_network(g, ctx, generator.network, generator.parameters, without_missing(g, given.picture, unseen));
  const OnnxValue placed = g.op("MatMul", {g.op("MatMul", {rows, painted}), columns});
  add_output(g, given, placed, g.mul(square, given.missing), extents);
}

}  // namespace

std::string onnx_model(const Context& ctx, const TrainedGenerator& generator) {
  const TrainSettings& s = generator.settings;
  const bool any_size = s.model == ModelKind::kHarmonicUnet;
  onnx::ModelProto model;
  model.set_ir_version(OnnxGraph::kIrVersion);
  model.set_producer_name("inpaint");
  onnx::OperatorSetIdProto& operators = *model.add_opset_import();
  operators.set_domain("");
  operators.set_version(OnnxGraph::kOpset);
  const auto note = [&model](const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  };
  note("model", to_string(s.model));
  note("step", std::to_string(generator.step));
  note("image_size", std::to_string(s.image_size));
  note("checkpoint", generator.file.filename().string());

  model.mutable_graph()->set_name(to_string(s.model));
  OnnxGraph graph(*model.mutable_graph());
  OnnxGraph::Extents extents{"batch", "height", "width", int64_t{s.image_channel}};
  if (!any_size) extents[1] = extents[2] = int64_t{s.image_size};
  const Given given = add_inputs(graph, extents, s.image_channel == 1 ? "grey" : "RGB");
  if (any_size)
    add_whole_picture_model(graph, ctx, generator, given, extents);
  else
    add_context_encoder(graph, ctx, generator, given, extents);

  const size_t bytes = model.ByteSizeLong();
  if (bytes > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    user_error("{}: this model takes {} bytes, and an ONNX file holds at most 2 GiB", generator.file.string(),
               bytes);
  return model.SerializeAsString();
}

}  // namespace inpaint
