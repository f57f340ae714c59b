# What CUDA code is compiled by and linked with: target inpaint_cuda_runtime, the libraries of
# products in inpaint_cuda_libraries (the executor contains stand-ins), and inpaint_cuda_sources() for the .cu
# files of a target. Nothing without INPAINT_CUDA.
if(INPAINT_CUDA STREQUAL "EXECUTOR")
  add_subdirectory(tests/cuda_executor)
  add_library(inpaint_cuda_runtime ALIAS cuda_executor)
elseif(INPAINT_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "75;80;90")
  endif()
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  find_package(CUDAToolkit REQUIRED)
  find_package(cuDNN 9 REQUIRED)
  add_library(inpaint_cuda_runtime INTERFACE)
  target_link_libraries(inpaint_cuda_runtime INTERFACE CUDA::cudart_static)
  set(inpaint_cuda_libraries cuDNN::cuDNN CUDA::cublasLt)
endif()

# Adds .cu files of the current folder to a target.
function(inpaint_cuda_sources target)
  target_sources(${target} PRIVATE ${ARGN})
  if(INPAINT_CUDA STREQUAL "EXECUTOR")
    get_property(options GLOBAL PROPERTY INPAINT_EXECUTOR_KERNEL_OPTIONS)
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${options}")
  else()
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "--expt-relaxed-constexpr;-lineinfo")
  endif()
endfunction()
