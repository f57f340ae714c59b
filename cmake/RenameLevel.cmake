# Gives the functions of a level's kernels the level's suffix: OBJECT.plain becomes OBJECT, and OBJECT.entries
# names the functions that others may call, a line each: `strong` or `weak`, and the name. Takes nm, objcopy,
# object and suffix.
#
# What keeps its name, and so is one in a program: variables, constants, and the names of types, by which
# exceptions are caught. What holds addresses of functions (vtables) goes with them. Refused is what would run
# on a processor of a lower level: initializers; and variables that would be there once for each level.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${nm} --defined-only --format=sysv ${object}.plain OUTPUT_FILE ${object}.symbols
                COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${object}.symbols lines REGEX "\\|.*\\|")
set(renamed "")
set(entries "")
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([^ |]+) *\\|[^|]*\\| *([A-Za-z]) *\\| *([A-Z_]*) *\\|[^|]*\\|[^|]*\\|(.*)$")
    continue()  # the table's head
  endif()
  set(name ${CMAKE_MATCH_1})
  set(class ${CMAKE_MATCH_2})
  set(type ${CMAKE_MATCH_3})
  set(section ${CMAKE_MATCH_4})
  if(name MATCHES "^_GLOBAL__sub_I")
    message(FATAL_ERROR "${object}: ${name} is an initializer, which would run on every processor")
  elseif((class STREQUAL "t" AND type STREQUAL "FUNC") OR (class STREQUAL "n" AND section STREQUAL ".group"))
    # A local function, or what a group of a weak one's sections goes by.
    string(APPEND renamed "${name} ${name}.${suffix}\n")
  elseif(class MATCHES "^[a-tv-z]$" OR name MATCHES "^(_ZTI|_ZTS|DW\\.ref\\.)")
    continue()  # local data; a type's name
  elseif(type STREQUAL "FUNC")
    string(APPEND renamed "${name} ${name}.${suffix}\n")
    if(class STREQUAL "T")
      string(APPEND entries "strong ${name}\n")
    elseif(name MATCHES "^_ZNK?7inpaint3cpu")
      string(APPEND entries "weak ${name}\n")
    endif()
  elseif(NOT class MATCHES "^[VWu]$")
    message(FATAL_ERROR "${object}: the variable ${name} would be there once for each level")
  elseif(section MATCHES "^\\.data\\.rel\\.ro")
    string(APPEND renamed "${name} ${name}.${suffix}\n")
  elseif(section MATCHES "^\\.data\\.rel")
    message(FATAL_ERROR "${object}: the variable ${name} holds addresses of one level's functions")
  endif()
endforeach()
file(WRITE ${object}.names "${renamed}")
file(WRITE ${object}.entries "${entries}")
execute_process(COMMAND ${objcopy} --redefine-syms=${object}.names ${object}.plain ${object}
                COMMAND_ERROR_IS_FATAL ANY)
