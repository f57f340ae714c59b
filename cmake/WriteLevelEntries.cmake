# Writes the entries of the CPU kernels (core/cpu/level.h): under each function's own name, a jump to the one
# of the level in use. Takes lists and suffixes, of all levels, and source.
#
# A function that only one level's compiler wrote out, and the others put where it is called, is no entry: it
# is a template or inline, and whoever calls it from elsewhere has it too. Such functions may be among the
# entries as well, which is why weak functions have weak entries.
cmake_minimum_required(VERSION 3.25)
foreach(list IN LISTS lists)
  file(STRINGS ${list} found)
  if(NOT DEFINED entries)
    set(entries ${found})
  endif()
  set(common "")
  foreach(entry IN LISTS entries)
    if(entry IN_LIST found)
      list(APPEND common ${entry})
    elseif(entry MATCHES "^strong ")
      message(FATAL_ERROR "${list}: lacks ${entry}")
    endif()
  endforeach()
  set(entries ${common})
endforeach()

set(jumps "")
set(tables "")
set(index 0)
foreach(entry IN LISTS entries)
  string(REGEX REPLACE "^[a-z]+ " "" name ${entry})
  set(binding .globl)
  if(entry MATCHES "^weak")
    set(binding .weak)
  endif()
  math(EXPR offset "8 * ${index}")
  string(APPEND jumps "entry ${binding}, ${name}, ${offset}\n")
  math(EXPR index "${index} + 1")
endforeach()
foreach(suffix IN LISTS suffixes)
  string(APPEND tables ".globl inpaint_kernels_${suffix}\n.hidden inpaint_kernels_${suffix}\n.balign 8\ninpaint_kernels_${suffix}:\n")
  foreach(entry IN LISTS entries)
    string(REGEX REPLACE "^[a-z]+ " "" name ${entry})
    string(APPEND tables ".quad ${name}.${suffix}\n")
  endforeach()
endforeach()
file(WRITE ${source} "// Written by WriteLevelEntries.cmake. A jump changes no register that an argument may be in.
asm(R\"(
.macro entry binding, name, offset
\\binding \\name
.hidden \\name
.type \\name, @function
.p2align 4
\\name:
.cfi_startproc
endbr64
movq inpaint_kernels_in_use(%rip), %r11
jmp *\\offset(%r11)
.cfi_endproc
.size \\name, . - \\name
.endm
.text
${jumps}
.section .data.rel.ro, \"aw\"
${tables}
.previous
)\");
")
