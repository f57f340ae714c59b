// Small files that ask for much: time and memory stay bounded.
#include <doctest/doctest.h>
#include <png.h>
#include <sys/wait.h>
#include <turbojpeg.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "core/image/image_codec.h"
#include "tests/harness/nightly.h"
#ifdef INPAINT_WEBP
#include "tests/harness/webp_writing.h"
#endif
#ifdef INPAINT_HEIF
#include "tests/harness/heif_writing.h"
#endif

using namespace inpaint;

namespace {

using Bytes = std::vector<uint8_t>;

void put_big_endian(Bytes& to, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

void put_chunk(Bytes& to, const std::string& type, const Bytes& data) {
  put_big_endian(to, static_cast<uint32_t>(data.size()));
  Bytes body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  to.insert(to.end(), body.begin(), body.end());
  put_big_endian(to, static_cast<uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size()))));
}

Bytes deflated_zeros(size_t count) {
  const Bytes zeros(count);
  uLongf size = compressBound(count);
  Bytes packed(size);
  REQUIRE(compress2(packed.data(), &size, zeros.data(), count, 9) == Z_OK);
  packed.resize(size);
  return packed;
}

struct PngShape {
  uint32_t width, height;
  uint8_t depth = 8, colour_type = 2, interlace = 0;
};

// `before` goes between header and pixels, `padding` bytes of a comment behind them.
Bytes png_bomb(const PngShape& shape, const Bytes& pixels, const Bytes& before = {}, size_t padding = 0) {
  Bytes file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header;
  put_big_endian(header, shape.width);
  put_big_endian(header, shape.height);
  for (const uint8_t byte : {shape.depth, shape.colour_type, uint8_t{0}, uint8_t{0}, shape.interlace})
    header.push_back(byte);
  put_chunk(file, "IHDR", header);
  file.insert(file.end(), before.begin(), before.end());
  put_chunk(file, "IDAT", pixels);
  if (padding > 0) {
    Bytes comment(padding, 'y');
    comment[1] = 0;  // ends its keyword
    put_chunk(file, "tEXt", comment);
  }
  put_chunk(file, "IEND", {});
  return file;
}

Bytes zeros_png(const PngShape& shape, size_t row_bytes, size_t padding = 0, const Bytes& before = {}) {
  return png_bomb(shape, deflated_zeros((row_bytes + 1) * shape.height), before, padding);
}

Bytes text_chunk(const std::string& type, const std::string& head, const Bytes& packed) {
  Bytes data(head.begin(), head.end()), chunk;
  data.insert(data.end(), packed.begin(), packed.end());
  put_chunk(chunk, type, data);
  return chunk;
}

// A progressive JPEG of `height` x `width` with its pixels missing, and its last scan `scans` times.
Bytes jpeg_bomb(uint16_t height, uint16_t width, int format, int scans, size_t padding = 0) {
  const int channels = format == TJPF_CMYK ? 4 : format == TJPF_GRAY ? 1 : 3;
  const Bytes pixels(static_cast<size_t>(16 * 16 * channels), 128);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  REQUIRE(tjCompress2(handle, pixels.data(), 16, 0, 16, format, &bytes, &size,
                      format == TJPF_GRAY ? TJSAMP_GRAY : TJSAMP_444, 90, TJFLAG_PROGRESSIVE) == 0);
  Bytes file(bytes, bytes + size);
  tjFree(bytes);
  tjDestroy(handle);
  const auto find = [&](uint8_t marker, bool last) {
    const Bytes wanted = {0xff, marker};
    return last ? std::find_end(file.begin(), file.end(), wanted.begin(), wanted.end())
                : std::search(file.begin(), file.end(), wanted.begin(), wanted.end());
  };
  const auto frame = find(0xc2, false);
  REQUIRE(frame != file.end());
  frame[5] = static_cast<uint8_t>(height >> 8), frame[6] = static_cast<uint8_t>(height);
  frame[7] = static_cast<uint8_t>(width >> 8), frame[8] = static_cast<uint8_t>(width);
  const auto end = file.end() - 2;  // the marker of the end
  const Bytes scan(find(0xda, true), end);
  file.erase(end, file.end());
  for (int i = 1; i < scans; ++i) file.insert(file.end(), scan.begin(), scan.end());
  file.push_back(0xff);
  file.push_back(0xd9);
  file.resize(file.size() + padding, 0x33);  // libjpeg does not look behind the end
  return file;
}

#ifdef INPAINT_WEBP
// A lossless picture of one colour: width and height stand as 14 bits each behind the signature (0x2f).
Bytes webp_bomb(uint32_t height, uint32_t width, bool whole) {
  Bytes file = webp_file(Image(whole ? height : 8, whole ? width : 8, 3));
  if (whole) return file;
  const uint32_t sides = (width - 1) | (height - 1) << 14;
  for (size_t k = 0; k < 4; ++k) {
    const uint32_t kept = k == 3 ? file[21 + k] & 0xf0u : 0;  // whether there is alpha, the version
    file[21 + k] = static_cast<uint8_t>(sides >> (8 * k) | kept);
  }
  return file;
}
#endif

#ifdef INPAINT_HEIF
// `height` and `width` are declared (ispe); the coded picture is a square of `side`.
Bytes heif_bomb(uint32_t height, uint32_t width, heif_compression_format compression, int64_t side = 64) {
  Bytes file = heif_file(Image(side, side, 3), {.compression = compression});
  const std::string type = "ispe";
  const auto found = std::search(file.begin(), file.end(), type.begin(), type.end());
  REQUIRE(found != file.end());
  Bytes sides;
  put_big_endian(sides, width);
  put_big_endian(sides, height);
  std::copy(sides.begin(), sides.end(), found + 8);
  return file;
}
#endif

struct Bomb {
  std::string what;
  Bytes file;
};

std::vector<Bomb> bombs() {
  std::vector<Bomb> list = {
      {"png: 2^31 - 1 pixels on both sides", png_bomb({0x7fffffff, 0x7fffffff}, deflated_zeros(100))},
      {"png: 20,000 x 20,000", png_bomb({20000, 20000}, deflated_zeros(100))},
      {"png: the limit, 16,384 x 16,384", png_bomb({16384, 16384}, deflated_zeros(100))},
      {"png: 4,096 x 4,096, all there, RGBA of 16 bits", zeros_png({4096, 4096, 16, 6}, 4096 * 8)},
      {"png: 4,096 x 4,096, all there, RGB", zeros_png({4096, 4096, 8, 2}, 4096 * 3)},
      {"png: 2,048 x 2,048, all there, RGBA of 16 bits", zeros_png({2048, 2048, 16, 6}, 2048 * 8)},
      {"png: 2,048 x 2,048, all there, RGBA, cut off", png_bomb({2048, 2048, 8, 6}, deflated_zeros(2048))},
      {"png: 2,048 x 2,048, interlaced, pixels missing",
       png_bomb({2048, 2048, 8, 6, 1}, deflated_zeros(2048))},
      {"png: more pixels than rows", png_bomb({64, 64}, deflated_zeros(size_t{1} << 26))},
      {"png: one bit a pixel, 16,384 x 16,384, padded", zeros_png({16384, 16384, 1, 0}, 2048, 140000)},
      {"png: a comment of 128 MiB",
       zeros_png({8, 8}, 24, 0,
                 text_chunk("zTXt", std::string("c\0\0", 3), deflated_zeros(size_t{1} << 27)))},
      {"png: a colour profile of 128 MiB",
       zeros_png({8, 8}, 24, 0,
                 text_chunk("iCCP", std::string("p\0\0", 3), deflated_zeros(size_t{1} << 27)))},
      {"jpeg: 65,500 x 65,500", jpeg_bomb(65500, 65500, TJPF_RGB, 1)},
      {"jpeg: the limit, 16,384 x 16,384", jpeg_bomb(16384, 16384, TJPF_RGB, 1)},
      {"jpeg: 4,096 x 4,096", jpeg_bomb(4096, 4096, TJPF_RGB, 1)},
      {"jpeg: 4,096 x 4,096, four colours", jpeg_bomb(4096, 4096, TJPF_CMYK, 1)},
      {"jpeg: 2,048 x 2,048, four colours", jpeg_bomb(2048, 2048, TJPF_CMYK, 1)},
      {"jpeg: 2,048 x 2,048, 5,000 scans", jpeg_bomb(2048, 2048, TJPF_GRAY, 5000)},
      {"jpeg: 4,096 x 4,096, 400 scans", jpeg_bomb(4096, 4096, TJPF_GRAY, 400)},
      {"jpeg: 2,048 x 2,048, 400 scans", jpeg_bomb(2048, 2048, TJPF_RGB, 400)},
  };
#ifdef INPAINT_WEBP
  list.push_back({"webp: 16,383 x 16,383, pixels missing", webp_bomb(16383, 16383, false)});
  list.push_back({"webp: 4,096 x 4,096, all there", webp_bomb(4096, 4096, true)});
  list.push_back({"webp: 2,048 x 2,048, all there", webp_bomb(2048, 2048, true)});
#endif
#ifdef INPAINT_HEIF
  for (const heif_compression_format compression : {heif_compression_HEVC, heif_compression_AV1}) {
    list.push_back({"heif: 2^31 - 1 pixels on both sides", heif_bomb(0x7fffffff, 0x7fffffff, compression)});
    list.push_back({"heif: 16,384 x 16,384", heif_bomb(16384, 16384, compression)});
    list.push_back({"heif: 2,048 x 2,048", heif_bomb(2048, 2048, compression)});
    list.push_back({"heif: 64 x 64, and 4,096 x 4,096 in truth", heif_bomb(64, 64, compression, 4096)});
  }
#endif
  const Bytes exif = {0x70, 0, 0, 0, 'e', 'X', 'I', 'f', 'M', 'M', 0, 42};
  list.push_back({"png: an EXIF chunk said to have 1.75 GiB", zeros_png({8, 8}, 24, 0, exif)});
  Bytes many;
  const Bytes comment = {'k', 0, 'v'};
  for (int i = 0; i < 100000; ++i) put_chunk(many, "tEXt", comment);
  list.push_back({"png: 100,000 comments", zeros_png({8, 8}, 24, 0, many)});
  for (const char* head :
       {"P5 16384 16384 255\n", "P6 268435456 1 65535\n", "P2 9999 9999 255\n", "P3 1 1 1\n"})
    list.push_back({head, Bytes(head, head + std::string_view(head).size())});
  const std::string endless = "P2 4096 1024 255\n" + std::string(8 << 20, '#');
  list.push_back({"pnm: a comment of 8 MiB", Bytes(endless.begin(), endless.end())});
  return list;
}

// The most that this process has had so far, in bytes. What it asked for and never touched counts: a limit
// may refuse it.
int64_t most_address_space() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmPeak:")) return std::stoll(line.substr(7)) * 1024;
  FAIL("no VmPeak in /proc/self/status");
  return 0;
}

}  // namespace

TEST_CASE("picture bombs: each ends within a second, in memory no more than the file and 64 MiB") {
  for (const Bomb& bomb : bombs()) {
    CAPTURE(bomb.what);
    // In a process of its own, which tells how long it took and how much memory at most.
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const int64_t before = most_address_space();
      const std::clock_t start = std::clock();
      try {
        decode_image(bomb.file, "bomb");
      } catch (const UserError&) {
      }
      const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
      const int64_t taken = most_address_space() - before;
      const bool slow = seconds > (kSanitized ? 10 : 1);
      const bool large = !kSanitized && taken > static_cast<int64_t>(bomb.file.size()) + (int64_t{64} << 20);
      _exit(slow + 2 * large);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}
