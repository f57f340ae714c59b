# The CPU kernels come compiled for several levels of the x86-64 instruction set (core/cpu/level.h):
#
#   every *_cpu.cpp below kernels/ is compiled once for each level, from one and the same source;
#   the objects of a level become one, and all its functions get the level's suffix (RenameLevel.cmake). No
#   function of a level can then take the place of another's, whatever templates both have;
#   under the functions' own names stand jumps to those of the level in use (WriteLevelEntries.cmake).
#
# One level only, compiled as all else is: with INPAINT_NATIVE, sanitizers, coverage, or an -march of the
# builder's; on other processors; and without GNU binutils.
set(INPAINT_LEVELS "x86-64;x86-64-v3;x86-64-v4" CACHE STRING "The levels, lowest first; begins with x86-64")
set(inpaint_levels "")
if(NOT INPAINT_NATIVE AND NOT INPAINT_SANITIZE AND NOT INPAINT_COVERAGE AND NOT CMAKE_CXX_FLAGS MATCHES "-march="
   AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  execute_process(COMMAND ${CMAKE_OBJCOPY} --version OUTPUT_VARIABLE objcopy_version ERROR_QUIET)
  execute_process(COMMAND ${CMAKE_NM} --version OUTPUT_VARIABLE nm_version ERROR_QUIET)
  if(objcopy_version MATCHES "^GNU" AND nm_version MATCHES "^GNU")
    set(inpaint_levels ${INPAINT_LEVELS})
  else()
    message(STATUS "CPU kernels: for x86-64 alone, which is slow (GNU objcopy and nm were not found)")
  endif()
endif()
if(inpaint_levels)
  list(JOIN inpaint_levels ", " text)
  message(STATUS "CPU kernels: for ${text}; the program chooses when it runs")
endif()

# The suffix of a level's functions: v1 for x86-64, v3 for x86-64-v3.
function(inpaint_level_suffix level result)
  string(REGEX REPLACE "^x86-64-?" "" suffix ${level})
  if(NOT suffix)
    set(suffix v1)
  endif()
  set(${result} ${suffix} PARENT_SCOPE)
endfunction()

# Compiles sources of the current folder for every level, with what core/device needs and ARGN. No other
# kernels are named, nor need be: those wait for the library of all levels.
function(inpaint_compile_for_levels target sources)
  foreach(level IN LISTS inpaint_levels)
    inpaint_level_suffix(${level} suffix)
    add_library(${target}_${suffix} OBJECT ${sources})
    target_compile_options(${target}_${suffix} PRIVATE -march=${level})
    target_link_libraries(${target}_${suffix} PRIVATE inpaint_options inpaint_core_device ${ARGN})
    inpaint_make_shareable(${target}_${suffix})
    set_property(GLOBAL APPEND PROPERTY INPAINT_LEVEL_${suffix} ${target}_${suffix})
  endforeach()
endfunction()

# The library of all levels' kernels, with the entries that choose among them. ARGN: what the kernels link.
function(inpaint_join_levels target)
  foreach(level IN LISTS inpaint_levels)
    inpaint_level_suffix(${level} suffix)
    get_property(libraries GLOBAL PROPERTY INPAINT_LEVEL_${suffix})
    list(TRANSFORM libraries REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
    set(joined ${CMAKE_CURRENT_BINARY_DIR}/kernels_${suffix}.o)
    add_custom_command(
      OUTPUT ${joined} ${joined}.entries
      COMMAND ${CMAKE_LINKER} -r -o ${joined}.plain ${objects}
      COMMAND ${CMAKE_COMMAND} -Dnm=${CMAKE_NM} -Dobjcopy=${CMAKE_OBJCOPY} -Dobject=${joined} -Dsuffix=${suffix}
              -P ${CMAKE_SOURCE_DIR}/cmake/RenameLevel.cmake
      DEPENDS ${objects} ${CMAKE_SOURCE_DIR}/cmake/RenameLevel.cmake
      COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining the CPU kernels for ${level}")
    list(APPEND joined_objects ${joined})
    list(APPEND suffixes ${suffix})
  endforeach()
  set(entries ${CMAKE_CURRENT_BINARY_DIR}/level_entries.cpp)
  list(TRANSFORM joined_objects APPEND .entries OUTPUT_VARIABLE entry_lists)
  add_custom_command(
    OUTPUT ${entries}
    COMMAND ${CMAKE_COMMAND} "-Dlists=${entry_lists}" "-Dsuffixes=${suffixes}" -Dsource=${entries}
            -P ${CMAKE_SOURCE_DIR}/cmake/WriteLevelEntries.cmake
    DEPENDS ${entry_lists} ${CMAKE_SOURCE_DIR}/cmake/WriteLevelEntries.cmake
    VERBATIM COMMENT "Writing the entries of the CPU kernels")
  set_source_files_properties(${joined_objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_library(${target} STATIC ${entries} ${joined_objects})
  target_link_libraries(${target} PUBLIC inpaint_options ${ARGN})
  inpaint_make_shareable(${target})
endfunction()
