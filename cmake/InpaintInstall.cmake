# What `cmake --install` puts beside the programs, the library and the pages, and what `cpack -G DEB` packs.
include(CMakePackageConfigHelpers)

# find_package(inpaint) gives inpaint::inpaint.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/inpaint)
install(EXPORT inpaint NAMESPACE inpaint:: FILE inpaint-targets.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/inpaint-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_SOURCE_DIR}/cmake/inpaint-config.cmake
              ${CMAKE_BINARY_DIR}/generated/inpaint-config-version.cmake DESTINATION ${package_dir})

# pkg-config inpaint. The folder may be moved: its own place is where the paths begin.
file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_SOURCE_DIR}/cmake/inpaint.pc.in ${CMAKE_BINARY_DIR}/generated/inpaint.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/inpaint.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# In a Debian package the licence has a name of its own.
install(CODE [[
  set(inpaint_licence LICENSE)
  if(CMAKE_INSTALL_PREFIX MATCHES "/usr$" AND EXISTS /etc/debian_version)
    set(inpaint_licence copyright)
  endif()]])
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME \${inpaint_licence})
install(FILES README.md docs/embedding.md docs/serve.md docs/CHANGELOG.md docs/SECURITY.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_PACKAGE_NAME inpaint)
set(CPACK_PACKAGE_VENDOR "The inpaint authors")
set(CPACK_PACKAGE_CONTACT "The inpaint authors <inpaint@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Trains models that paint the missing part of a picture, and fills pictures")
set(CPACK_PACKAGE_DESCRIPTION
"Programs that make data sets, train, score and use hole-filling models,
a local page to mark and fill pictures, and a shared library with a
C interface.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_INSTALL_DIRECTORY inpaint)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
include(CPack)
