# find_package(inpaint): the library inpaint::inpaint with its header inpaint.h.
include(${CMAKE_CURRENT_LIST_DIR}/inpaint-targets.cmake)
