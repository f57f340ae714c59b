// An ONNX graph under construction: nodes are added one behind the other, and each gives the name of its
// value. Operators, their inputs and attributes are those of opset 17 (onnx/docs/Operators.md).
//
// Constants are initializers of the outermost graph; equal ones are kept once. The body of a loop sees all
// values that were made before the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace inpaint {

namespace onnx {
class GraphProto;
}

class OnnxGraph {
 public:
  using Value = std::string;
  using Ints = std::vector<int64_t>;
  using Attribute = std::pair<std::string, std::variant<int64_t, double, std::string, Ints>>;

  static constexpr int64_t kOpset = 17, kIrVersion = 8;
  // Element types as attributes and declarations name them.
  static constexpr int64_t kFloat = 1, kUint8 = 2, kInt64 = 7, kBool = 9;

  // Adds to `proto`, which has to outlive this object.
  explicit OnnxGraph(onnx::GraphProto& proto);

  // Adds a node with one output. "" stands for an optional input that is left out.
  Value op(const std::string& type, const std::vector<Value>& inputs,
           const std::vector<Attribute>& attributes = {});
  Value add(const Value& a, const Value& b) { return op("Add", {a, b}); }
  Value sub(const Value& a, const Value& b) { return op("Sub", {a, b}); }
  Value mul(const Value& a, const Value& b) { return op("Mul", {a, b}); }
  Value div(const Value& a, const Value& b) { return op("Div", {a, b}); }
  Value cast(const Value& a, int64_t type) { return op("Cast", {a}, {{"to", type}}); }
  // Elements [starts, ends) of some axes; a negative end counts from the back.
  Value slice(const Value& a, const Value& starts, const Value& ends, const Ints& axes) {
    return op("Slice", {a, starts, ends, ints(axes)});
  }

  Value number(float value);       // f32, rank 0
  Value ints(const Ints& values);  // i64, rank 1
  Value ints(const Ints& values, const Ints& extents);
  Value whole(int64_t value);  // i64, rank 0
  Value floats(const std::vector<float>& values, const Ints& extents);
  // An initializer under its own name: a weight.
  Value weight(const std::string& name, const std::vector<float>& values, const Ints& extents);

  // A tensor that the graph takes or gives. extents: a number, or the name of one that is not fixed.
  using Extents = std::vector<std::variant<int64_t, std::string>>;
  Value input(const std::string& name, int64_t type, const Extents& extents, const std::string& doc);
  // The value is given out under `name`.
  void output(const std::string& name, const Value& value, int64_t type, const Extents& extents,
              const std::string& doc);

  // Repeats a body that makes f32 values from those of the round before, as long as it says so, at most
  // `most` times. Returns the values of the last round.
  struct Round {
    Value go_on;  // bool, rank 0
    std::vector<Value> next;
  };
  using Body = std::function<Round(OnnxGraph& body, const std::vector<Value>& values)>;
  std::vector<Value> loop(int64_t most, const std::vector<Value>& first, const Body& body);

 private:
  struct Shared;  // between a graph and the bodies in it

  OnnxGraph(onnx::GraphProto& proto, std::shared_ptr<Shared> shared);
  std::string unused(const std::string& stem);
  Value constant(int64_t type, const Ints& extents, std::string bytes);

  onnx::GraphProto& proto_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace inpaint
