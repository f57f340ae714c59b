#include "train/export/onnx_graph.h"

#include <fmt/format.h>
#include <onnx.pb.h>

#include <map>
#include <tuple>

#include "core/base/error.h"

namespace inpaint {
namespace {

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

void fill(onnx::TensorProto& tensor, const std::string& name, int64_t type, const OnnxGraph::Ints& extents,
          std::string bytes) {
  tensor.set_name(name);
  tensor.set_data_type(static_cast<int32_t>(type));
  for (const int64_t extent : extents) tensor.add_dims(extent);
  tensor.set_raw_data(std::move(bytes));
}

void set(onnx::AttributeProto& to, const OnnxGraph::Attribute& attribute) {
  to.set_name(attribute.first);
  if (const auto* const whole = std::get_if<int64_t>(&attribute.second)) {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(*whole);
  } else if (const auto* const real = std::get_if<double>(&attribute.second)) {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(static_cast<float>(*real));
  } else if (const auto* const text = std::get_if<std::string>(&attribute.second)) {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(*text);
  } else {
    to.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : std::get<OnnxGraph::Ints>(attribute.second)) to.add_ints(value);
  }
}

void declare(onnx::ValueInfoProto& info, const std::string& name, int64_t type,
             const OnnxGraph::Extents& extents, const std::string& doc) {
  info.set_name(name);
  info.set_doc_string(doc);
  onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<int32_t>(type));
  for (const auto& extent : extents) {
    onnx::TensorShapeProto::Dimension& dim = *tensor.mutable_shape()->add_dim();
    if (const auto* const number = std::get_if<int64_t>(&extent))
      dim.set_dim_value(*number);
    else
      dim.set_dim_param(std::get<std::string>(extent));
  }
}

// The values of a loop's body are of any shape; its counter and condition have rank 0.
void declare_any(onnx::ValueInfoProto& info, const std::string& name, int64_t type) {
  info.set_name(name);
  info.mutable_type()->mutable_tensor_type()->set_elem_type(static_cast<int32_t>(type));
}
void declare_scalar(onnx::ValueInfoProto& info, const std::string& name, int64_t type) {
  declare_any(info, name, type);
  info.mutable_type()->mutable_tensor_type()->mutable_shape();
}

}  // namespace

struct OnnxGraph::Shared {
  onnx::GraphProto& outermost;
  int64_t names = 0;
  std::map<std::tuple<int64_t, Ints, std::string>, Value> constants = {};
};

OnnxGraph::OnnxGraph(onnx::GraphProto& proto) : OnnxGraph(proto, std::make_shared<Shared>(Shared{proto})) {}

OnnxGraph::OnnxGraph(onnx::GraphProto& proto, std::shared_ptr<Shared> shared)
    : proto_(proto), shared_(std::move(shared)) {}

std::string OnnxGraph::unused(const std::string& stem) {
  return fmt::format("{}_{}", stem, ++shared_->names);
}

OnnxGraph::Value OnnxGraph::op(const std::string& type, const std::vector<Value>& inputs,
                               const std::vector<Attribute>& attributes) {
  onnx::NodeProto& node = *proto_.add_node();
  const std::string name = unused(type);
  node.set_name(name);
  node.set_op_type(type);
  for (const Value& input : inputs) node.add_input(input);
  for (const Attribute& attribute : attributes) set(*node.add_attribute(), attribute);
  node.add_output(name);
  return name;
}

OnnxGraph::Value OnnxGraph::constant(int64_t type, const Ints& extents, std::string bytes) {
  Value& name = shared_->constants[{type, extents, bytes}];
  if (!name.empty()) return name;
  name = unused("constant");
  fill(*shared_->outermost.add_initializer(), name, type, extents, std::move(bytes));
  return name;
}

OnnxGraph::Value OnnxGraph::number(float value) { return floats({value}, {}); }

OnnxGraph::Value OnnxGraph::ints(const Ints& values) {
  return ints(values, {static_cast<int64_t>(values.size())});
}

OnnxGraph::Value OnnxGraph::ints(const Ints& values, const Ints& extents) {
  return constant(kInt64, extents, bytes_of(values));
}

OnnxGraph::Value OnnxGraph::whole(int64_t value) { return ints({value}, {}); }

OnnxGraph::Value OnnxGraph::floats(const std::vector<float>& values, const Ints& extents) {
  return constant(kFloat, extents, bytes_of(values));
}

OnnxGraph::Value OnnxGraph::weight(const std::string& name, const std::vector<float>& values,
                                   const Ints& extents) {
  fill(*shared_->outermost.add_initializer(), name, kFloat, extents, bytes_of(values));
  return name;
}

OnnxGraph::Value OnnxGraph::input(const std::string& name, int64_t type, const Extents& extents,
                                  const std::string& doc) {
  declare(*proto_.add_input(), name, type, extents, doc);
  return name;
}

void OnnxGraph::output(const std::string& name, const Value& value, int64_t type, const Extents& extents,
                       const std::string& doc) {
  onnx::NodeProto& node = *proto_.add_node();
  node.set_name(unused("Identity"));
  node.set_op_type("Identity");
  node.add_input(value);
  node.add_output(name);
  declare(*proto_.add_output(), name, type, extents, doc);
}

std::vector<OnnxGraph::Value> OnnxGraph::loop(int64_t most, const std::vector<Value>& first,
                                              const Body& body) {
  const Value rounds = whole(most), begin = constant(kBool, {}, std::string(1, '\1'));
  onnx::NodeProto& node = *proto_.add_node();
  node.set_name(unused("Loop"));
  node.set_op_type("Loop");
  node.add_input(rounds);
  node.add_input(begin);
  for (const Value& value : first) node.add_input(value);

  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("body");
  attribute.set_type(onnx::AttributeProto::GRAPH);
  onnx::GraphProto& inner = *attribute.mutable_g();
  inner.set_name(unused("body"));
  OnnxGraph graph(inner, shared_);
  declare_scalar(*inner.add_input(), unused("round"), kInt64);
  declare_scalar(*inner.add_input(), unused("condition"), kBool);
  std::vector<Value> values;
  for (size_t i = 0; i < first.size(); ++i) {
    values.push_back(unused("before"));
    declare_any(*inner.add_input(), values.back(), kFloat);
  }
  const Round round = body(graph, values);
  INPAINT_CHECK(round.next.size() == first.size(), "{} values of a loop become {}", first.size(),
                round.next.size());
  declare_scalar(*inner.add_output(), round.go_on, kBool);
  for (const Value& value : round.next) declare_any(*inner.add_output(), value, kFloat);

  std::vector<Value> last;
  for (size_t i = 0; i < first.size(); ++i) {
    last.push_back(unused("Loop"));
    node.add_output(last.back());
  }
  return last;
}

}  // namespace inpaint
