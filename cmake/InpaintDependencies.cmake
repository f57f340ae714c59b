# Libraries the program is built with; tools/install_dependencies.sh names their packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(Boost REQUIRED)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)  # the tests and benches write JPEG with it
pkg_check_modules(EXIF REQUIRED IMPORTED_TARGET libexif)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(ISAL IMPORTED_TARGET libisal)  # amd64 and arm64; Boost.CRC otherwise
find_path(STB_INCLUDE_DIR stb_image_resize.h PATH_SUFFIXES stb REQUIRED)
if(INPAINT_WEBP)
  pkg_check_modules(WEBP QUIET IMPORTED_TARGET libwebp libwebpdemux)  # optional: WebP pictures
  pkg_check_modules(WEBP_WRITING QUIET IMPORTED_TARGET libwebp libwebpmux)  # which the tests write
endif()
if(INPAINT_HEIF)
  pkg_check_modules(HEIF QUIET IMPORTED_TARGET libheif>=1.12)  # optional: HEIC and AVIF pictures
endif()
find_package(OneDNN QUIET)  # optional: the fast matrix products

if(OneDNN_FOUND)
  message(STATUS "Matrix products: oneDNN ${OneDNN_VERSION}, with Eigen as the readable definition")
else()
  message(STATUS "Matrix products: Eigen (install oneDNN for faster training)")
endif()
set(formats "PNG, JPEG, PNM")
if(WEBP_FOUND)
  string(APPEND formats ", WebP")
endif()
if(HEIF_FOUND)
  string(APPEND formats ", HEIF")
endif()
message(STATUS "Pictures that can be read: ${formats}")
