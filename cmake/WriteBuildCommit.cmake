# Writes the header that names the commit; runs in every build, and touches the file only when the commit
# changed. Takes source_dir, template and header.
execute_process(
  COMMAND git -C ${source_dir} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE build_commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR build_commit STREQUAL "")
  set(build_commit unknown)  # no git, or not a repository
endif()
configure_file(${template} ${header} @ONLY)
