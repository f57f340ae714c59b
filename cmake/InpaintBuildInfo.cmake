# The library behind --version. It is one of its own, so that a new commit relinks programs and nothing else.
function(inpaint_library_version name version)
  if(version)
    list(APPEND build_libraries "${name} ${version}")
  else()
    list(APPEND build_libraries "without ${name}")
  endif()
  set(build_libraries "${build_libraries}" PARENT_SCOPE)
endfunction()

set(build_compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, ${CMAKE_BUILD_TYPE}")
if(INPAINT_SANITIZE)
  string(APPEND build_compiler ", sanitizers ${INPAINT_SANITIZE}")
endif()

set(build_libraries "")
inpaint_library_version(CUDA "${CUDAToolkit_VERSION}")
inpaint_library_version(MPI "${MPI_CXX_VERSION}")
inpaint_library_version(oneDNN "${OneDNN_VERSION}")
inpaint_library_version(Eigen "${Eigen3_VERSION}")
inpaint_library_version(fmt "${fmt_VERSION}")
inpaint_library_version(libpng "${PNG_VERSION_STRING}")
inpaint_library_version(libjpeg-turbo "${TURBOJPEG_VERSION}")
inpaint_library_version(libexif "${EXIF_VERSION}")
inpaint_library_version(libwebp "${WEBP_libwebp_VERSION}")
inpaint_library_version(libheif "${HEIF_VERSION}")
inpaint_library_version(nlohmann-json "${nlohmann_json_VERSION}")
inpaint_library_version(protobuf "${Protobuf_VERSION}")
inpaint_library_version(CLI11 "${CLI11_VERSION}")
inpaint_library_version(ISA-L "${ISAL_VERSION}")
inpaint_library_version(Boost "${Boost_VERSION_STRING}")
list(JOIN build_libraries ", " build_libraries)

set(build_info_dir ${CMAKE_BINARY_DIR}/generated)
configure_file(${CMAKE_SOURCE_DIR}/core/base/build_values.h.in ${build_info_dir}/build_values.h @ONLY)
add_custom_target(inpaint_build_commit
  COMMAND ${CMAKE_COMMAND} -Dsource_dir=${CMAKE_SOURCE_DIR} -Dtemplate=${CMAKE_SOURCE_DIR}/core/base/build_commit.h.in
          -Dheader=${build_info_dir}/build_commit.h -P ${CMAKE_SOURCE_DIR}/cmake/WriteBuildCommit.cmake
  BYPRODUCTS ${build_info_dir}/build_commit.h
  COMMENT "Looking up the commit" VERBATIM)
add_library(inpaint_build_info ${CMAKE_SOURCE_DIR}/core/base/build_info.cpp)
add_dependencies(inpaint_build_info inpaint_build_commit)
target_include_directories(inpaint_build_info PRIVATE ${build_info_dir})
target_link_libraries(inpaint_build_info PUBLIC inpaint_options PRIVATE inpaint_core_cpu fmt::fmt)
