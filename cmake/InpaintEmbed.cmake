# inpaint_embed(FUNCTION FILES...)
#
# Embeds files of the current folder into the program: writes FUNCTION.cpp into the build folder, and names it
# in FUNCTION_SOURCE. It defines
#   std::string_view inpaint::FUNCTION(std::string_view name)
# which gives the bytes of the file of that name (without its folder), and throws where there is none. A
# header of the folder declares it. When a file has changed, the next build embeds it anew.
function(inpaint_embed name)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -Dname=${name} -Dsource=${source} "-Dfiles=${files}"
            -P ${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake
    COMMENT "Embedding ${ARGN}" VERBATIM)
  set(${name}_SOURCE ${source} PARENT_SCOPE)
endfunction()
