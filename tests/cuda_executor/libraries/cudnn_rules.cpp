// Stand-in for cuDNN's graph API: the attributes that descriptors may have.

#include "tests/cuda_executor/libraries/cudnn_graph.h"

namespace inpaint::executor::cudnn {

const std::map<cudnnBackendAttributeName_t, Rule>& rules() {
  constexpr auto kTensor = CUDNN_BACKEND_TENSOR_DESCRIPTOR,
                 kConvolution = CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR,
                 kForward = CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                 kData = CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                 kFilter = CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                 kGraph = CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, kEngine = CUDNN_BACKEND_ENGINE_DESCRIPTOR,
                 kConfig = CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                 kHeuristics = CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR,
                 kPlan = CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
                 kKnob = CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, kPack = CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;
  constexpr auto kDescriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  static const std::map<cudnnBackendAttributeName_t, Rule> all = {
      {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {kTensor, CUDNN_TYPE_INT64, 1, 1}},
      {CUDNN_ATTR_TENSOR_DATA_TYPE, {kTensor, CUDNN_TYPE_DATA_TYPE, 1, 1}},
      {CUDNN_ATTR_TENSOR_DIMENSIONS, {kTensor, CUDNN_TYPE_INT64, 4, 4}},
      {CUDNN_ATTR_TENSOR_STRIDES, {kTensor, CUDNN_TYPE_INT64, 4, 4}},
      {CUDNN_ATTR_TENSOR_UNIQUE_ID, {kTensor, CUDNN_TYPE_INT64, 1, 1}},
      {CUDNN_ATTR_CONVOLUTION_COMP_TYPE, {kConvolution, CUDNN_TYPE_DATA_TYPE, 1, 1}},
      {CUDNN_ATTR_CONVOLUTION_CONV_MODE, {kConvolution, CUDNN_TYPE_CONVOLUTION_MODE, 1, 1}},
      {CUDNN_ATTR_CONVOLUTION_DILATIONS, {kConvolution, CUDNN_TYPE_INT64, 2, 2}},
      {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {kConvolution, CUDNN_TYPE_INT64, 2, 2}},
      {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {kConvolution, CUDNN_TYPE_INT64, 2, 2}},
      {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {kConvolution, CUDNN_TYPE_INT64, 2, 2}},
      {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {kConvolution, CUDNN_TYPE_INT64, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, {kForward, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, {kForward, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, {kForward, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, {kForward, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, {kForward, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, {kForward, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, {kData, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, {kData, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, {kData, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, {kData, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, {kData, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, {kData, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, {kFilter, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, {kFilter, CUDNN_TYPE_FLOAT, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, {kFilter, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, {kFilter, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, {kFilter, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, {kFilter, kDescriptor, 1, 1}},
      {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, {kGraph, CUDNN_TYPE_HANDLE, 1, 1}},
      {CUDNN_ATTR_OPERATIONGRAPH_OPS, {kGraph, kDescriptor, 1, 1}},
      {CUDNN_ATTR_ENGINEHEUR_MODE, {kHeuristics, CUDNN_TYPE_HEUR_MODE, 1, 1}},
      {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, {kHeuristics, kDescriptor, 1, 1}},
      {CUDNN_ATTR_ENGINE_OPERATION_GRAPH, {kEngine, kDescriptor, 1, 1}},
      {CUDNN_ATTR_ENGINE_GLOBAL_INDEX, {kEngine, CUDNN_TYPE_INT64, 1, 1}},
      {CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, {kKnob, CUDNN_TYPE_KNOB_TYPE, 1, 1}},
      {CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, {kKnob, CUDNN_TYPE_INT64, 1, 1}},
      {CUDNN_ATTR_ENGINECFG_ENGINE, {kConfig, kDescriptor, 1, 1}},
      {CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, {kConfig, kDescriptor, 1, CUDNN_KNOB_TYPE_COUNTS}},
      {CUDNN_ATTR_EXECUTION_PLAN_HANDLE, {kPlan, CUDNN_TYPE_HANDLE, 1, 1}},
      {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, {kPlan, kDescriptor, 1, 1}},
      {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {kPack, CUDNN_TYPE_INT64, 1, 3}},
      {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, {kPack, CUDNN_TYPE_VOID_PTR, 1, 3}},
      {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {kPack, CUDNN_TYPE_VOID_PTR, 1, 1}},
  };
  return all;
}

size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
      return 8;
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return sizeof(void*);
    case CUDNN_TYPE_BOOLEAN:
      return 1;
    default:
      return 4;  // float and enumerations
  }
}

bool is_optional(cudnnBackendAttributeName_t name) {
  return name == CUDNN_ATTR_ENGINECFG_KNOB_CHOICES || name == CUDNN_ATTR_VARIANT_PACK_WORKSPACE;
}

}  // namespace inpaint::executor::cudnn
