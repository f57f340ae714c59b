# inpaint_add_folder(SOURCES ... CUDA_SOURCES ... KERNELS ... LINK ... PRIVATE ...)
#
# Makes the library of the current folder, named after its path: core/base becomes inpaint_core_base. It links
# only the folders it includes from, so that the linker keeps their order (tests/layout_test.py).
#   SOURCES        C++; below kernels/, *_cpu.cpp are compiled for every level (InpaintLevels.cmake)
#   CUDA_SOURCES   C++ that only programs with CUDA have
#   KERNELS        .cu files
#   LINK, PRIVATE  what it links; a path of ours (core/base) stands for the library of that folder
function(inpaint_add_folder)
  cmake_parse_arguments(PARSE_ARGV 0 folder "" "" "SOURCES;CUDA_SOURCES;KERNELS;LINK;PRIVATE")
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE "/" "_" target inpaint_${path})
  list(TRANSFORM folder_LINK REPLACE "^(core|kernels|nn|train)/" "inpaint_\\1_")
  list(TRANSFORM folder_LINK REPLACE "/" "_")
  if(NOT INPAINT_CUDA)
    set(folder_CUDA_SOURCES "")
    set(folder_KERNELS "")
  endif()
  set(level_sources "")
  if(inpaint_levels AND path MATCHES "^kernels/")
    set(level_sources ${folder_SOURCES})
    list(FILTER level_sources INCLUDE REGEX "_cpu\\.cpp$")
    list(FILTER folder_SOURCES EXCLUDE REGEX "_cpu\\.cpp$")
  endif()
  if(level_sources)
    inpaint_compile_for_levels(${target} "${level_sources}" ${folder_PRIVATE})
    list(APPEND folder_LINK inpaint_kernels_levels)
  endif()
  if(NOT folder_SOURCES)  # all of them are compiled for every level
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE inpaint_options ${folder_LINK})
    return()
  endif()
  add_library(${target} STATIC ${folder_SOURCES} ${folder_CUDA_SOURCES})
  target_link_libraries(${target} PUBLIC inpaint_options ${folder_LINK} PRIVATE ${folder_PRIVATE})
  if(INPAINT_UNITE STREQUAL "ALL" AND NOT path MATCHES "^kernels/")  # theirs have names that other files have too
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
    # GCC takes a source that is included for a header.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
  if(folder_KERNELS)
    inpaint_cuda_sources(${target} ${folder_KERNELS})
  endif()
  if(folder_CUDA_SOURCES OR folder_KERNELS)
    target_link_libraries(${target} PUBLIC inpaint_cuda_runtime PRIVATE ${inpaint_cuda_libraries})
  endif()
endfunction()

# The library of all folders below the current one: inpaint_core links inpaint_core_base and its neighbours.
function(inpaint_join_folders)
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  list(TRANSFORM ARGN PREPEND inpaint_${path}_ OUTPUT_VARIABLE folders)
  list(TRANSFORM folders REPLACE "/" "_")
  add_library(inpaint_${path} INTERFACE)
  target_link_libraries(inpaint_${path} INTERFACE ${folders})
endfunction()
