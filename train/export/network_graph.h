// A network with its weights as nodes of an ONNX graph, in use (no statistics of batches). Features lie as
// [N, channels, rows, columns] there. Weights are initializers in f32, under the names of a checkpoint.
#pragma once

#include "nn/network.h"
#include "train/export/onnx_graph.h"

namespace inpaint {

// x: f32 [N, channels, rows, columns]. Returns the network's output, laid out alike. params: on the CPU.
OnnxGraph::Value add_network(OnnxGraph& graph, const Context& ctx, const Network& network,
                             const Parameters& params, const OnnxGraph::Value& x);

}  // namespace inpaint
