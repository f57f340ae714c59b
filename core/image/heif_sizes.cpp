#include "core/image/heif_sizes.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace inpaint {
namespace {

using Bytes = std::span<const uint8_t>;

// Thrown, and caught below, where bytes end before what they should hold.
struct TooShort {};

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  Bytes take(uint64_t count) {
    if (count > rest_.size()) throw TooShort();
    const Bytes taken = rest_.first(static_cast<size_t>(count));
    rest_ = rest_.subspan(static_cast<size_t>(count));
    return taken;
  }
  uint64_t number(uint64_t bytes) {
    uint64_t value = 0;
    for (const uint8_t byte : take(bytes)) value = value << 8 | byte;
    return value;
  }
  // Seven bits a byte, the lowest first (AV1, 4.10.5).
  uint64_t leb128() {
    uint64_t value = 0;
    for (int shift = 0; shift < 56; shift += 7) {
      const uint64_t byte = number(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  void skip(size_t bits) { at_ += bits; }
  uint64_t bits(size_t count) {
    uint64_t value = 0;
    for (; count > 0; --count, ++at_) {
      if (at_ / 8 >= bytes_.size()) throw TooShort();
      value = value << 1 | (bytes_[at_ / 8] >> (7 - at_ % 8) & 1u);
    }
    return value;
  }
  // As many bits as there are zeros in front, behind a one, plus 2^zeros - 1 (H.265, 9.2; AV1, 4.10.3).
  uint64_t exp_golomb() {
    size_t zeros = 0;
    while (bits(1) == 0)
      if (++zeros > 32) throw TooShort();
    return bits(zeros) + (uint64_t{1} << zeros) - 1;
  }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

struct Box {
  std::string_view type;
  Bytes body;
};

// Calls `found` with each box, up to the first that is not whole: its beginning still counts.
template <typename Found>
void for_each_box(Bytes bytes, Found&& found) {
  ByteReader reader(bytes);
  while (!reader.at_end()) {
    uint64_t size = reader.number(4), head = 8;
    const Bytes type = reader.take(4);
    if (size == 1) {
      size = reader.number(8);
      head = 16;
    }
    const uint64_t left = reader.rest().size();
    const uint64_t body = size == 0 ? left : size < head ? 0 : std::min(size - head, left);
    found(Box{{reinterpret_cast<const char*>(type.data()), 4}, reader.take(body)});
  }
}

PictureSize hevc_size(Bytes unit) {
  std::vector<uint8_t> plain;  // without the bytes 3 that stand behind two zeros
  for (size_t i = 2; i < unit.size(); ++i)
    if (!(unit[i] == 3 && i >= 4 && unit[i - 1] == 0 && unit[i - 2] == 0)) plain.push_back(unit[i]);
  constexpr size_t kProfile = 88, kLevel = 8;  // bits
  BitReader reader(plain);
  reader.skip(4);
  const size_t layers = reader.bits(3);
  reader.skip(1 + kProfile + kLevel);
  size_t skipped = 0;
  for (size_t i = 0; i < layers; ++i) skipped += kProfile * reader.bits(1) + kLevel * reader.bits(1);
  if (layers > 0) reader.skip(2 * (8 - layers));
  reader.skip(skipped);
  reader.exp_golomb();                           // its number
  if (reader.exp_golomb() == 3) reader.skip(1);  // colours at full resolution: coded apart or not
  const auto width = static_cast<int64_t>(reader.exp_golomb());
  return {static_cast<int64_t>(reader.exp_golomb()), width};
}

PictureSize av1_size(Bytes header) {
  BitReader reader(header);
  reader.skip(4);
  if (reader.bits(1) == 1) {  // a short header
    reader.skip(5);
  } else {
    size_t delay_bits = 0;
    bool has_model = false;
    if (reader.bits(1) == 1) {
      reader.skip(64);
      if (reader.bits(1) == 1) reader.exp_golomb();
      has_model = reader.bits(1) == 1;
      if (has_model) {
        delay_bits = reader.bits(5) + 1;
        reader.skip(42);
      }
    }
    const bool has_delay = reader.bits(1) == 1;
    for (size_t points = reader.bits(5) + 1; points > 0; --points) {
      reader.skip(12);
      if (reader.bits(5) > 7) reader.skip(1);
      if (has_model && reader.bits(1) == 1) reader.skip(2 * delay_bits + 1);
      if (has_delay && reader.bits(1) == 1) reader.skip(4);
    }
  }
  const size_t width_bits = reader.bits(4) + 1, height_bits = reader.bits(4) + 1;
  const auto width = static_cast<int64_t>(reader.bits(width_bits)) + 1;
  return {static_cast<int64_t>(reader.bits(height_bits)) + 1, width};
}

class CodedSizes {
 public:
  explicit CodedSizes(Bytes file) : file_(file) {
    passing_over([&] {
      for_each_box(file, [&](const Box& box) {
        if (box.type == "meta" && box.body.size() > 4) read_meta(box.body.subspan(4));
      });
    });
  }

  std::vector<PictureSize> take() { return std::move(sizes_); }

 private:
  template <typename F>
  static void passing_over(F&& read) {
    try {
      read();
    } catch (const TooShort&) {
    }
  }

  void read_meta(Bytes meta) {
    Bytes places, data, kinds;
    passing_over([&] {
      for_each_box(meta, [&](const Box& box) {
        if (box.type == "iloc") places = box.body;
        if (box.type == "idat") data = box.body;
        if (box.type == "iinf") kinds = box.body;
        if (box.type == "iprp")
          passing_over([&] { for_each_box(box.body, [&](const Box& b) { read_properties(b); }); });
      });
    });
    passing_over([&] { read_kinds(kinds); });
    passing_over([&] { read_items(places, data); });
  }

  void read_properties(const Box& container) {
    if (container.type != "ipco") return;
    for_each_box(container.body, [&](const Box& box) {
      if (box.type == "hvcC") passing_over([&] { read_hevc_configuration(box.body); });
      if (box.type == "av1C" && box.body.size() > 4) read_av1(box.body.subspan(4));
    });
  }

  void read_hevc_configuration(Bytes configuration) {
    ByteReader reader(configuration);
    reader.take(22);
    for (uint64_t arrays = reader.number(1); arrays > 0; --arrays) {
      reader.take(1);
      for (uint64_t units = reader.number(2); units > 0; --units)
        read_hevc_unit(reader.take(reader.number(2)));
    }
  }

  void read_kinds(Bytes kinds) {
    ByteReader reader(kinds);
    reader.take(reader.number(1) == 0 ? 3 + 2 : 3 + 4);
    for_each_box(reader.rest(), [&](const Box& box) {
      if (box.type != "infe") return;
      passing_over([&] {
        ByteReader entry(box.body);
        const uint64_t version = entry.number(1);
        if (version < 2) return;
        entry.take(3);
        const uint64_t item = entry.number(version == 2 ? 2 : 4);
        entry.take(2);
        const Bytes kind = entry.take(4);
        kinds_.emplace_back(item, std::string_view(reinterpret_cast<const char*>(kind.data()), 4));
      });
    });
  }

  bool is_of_kind(uint64_t item, std::initializer_list<std::string_view> wanted) const {
    return std::ranges::any_of(kinds_, [&](const auto& entry) {
      return entry.first == item && std::ranges::find(wanted, entry.second) != wanted.end();
    });
  }

  void read_items(Bytes places, Bytes data) {
    ByteReader reader(places);
    const uint64_t version = reader.number(1);
    reader.take(3);
    const uint64_t sizes = reader.number(2), offset_size = sizes >> 12, length_size = sizes >> 8 & 15,
                   base_size = sizes >> 4 & 15, index_size = version > 0 ? sizes & 15 : 0;
    for (uint64_t items = reader.number(version < 2 ? 2 : 4); items > 0; --items) {
      const uint64_t item = reader.number(version < 2 ? 2 : 4);
      const uint64_t method = version > 0 ? reader.number(2) & 15 : 0;
      reader.take(2);
      const uint64_t base = reader.number(base_size);
      std::vector<uint8_t> stream;
      for (uint64_t extents = reader.number(2); extents > 0; --extents) {
        reader.take(index_size);
        const uint64_t offset = base + reader.number(offset_size), length = reader.number(length_size);
        const Bytes from = method == 1 ? data : file_;
        if (offset >= from.size()) continue;
        const uint64_t most = from.size() - offset;
        const Bytes part = from.subspan(static_cast<size_t>(offset),
                                        static_cast<size_t>(length == 0 ? most : std::min(length, most)));
        if (part.size() > left_) {
          sizes_.push_back({kMostHeifSide, kMostHeifSide});
          return;
        }
        left_ -= part.size();
        stream.insert(stream.end(), part.begin(), part.end());
      }
      if (is_of_kind(item, {"hvc1", "hev1"})) read_hevc(stream);
      if (is_of_kind(item, {"av01"})) read_av1(stream);
    }
  }

  void read_hevc(Bytes stream) {
    passing_over([&] {
      for (ByteReader reader(stream); !reader.at_end();) {
        const uint64_t length = reader.number(4);
        read_hevc_unit(reader.take(std::min<uint64_t>(length, reader.rest().size())));
      }
    });
  }

  void read_hevc_unit(Bytes unit) {
    constexpr int kSequenceParameters = 33;
    if (unit.size() > 2 && (unit[0] >> 1 & 63) == kSequenceParameters)
      passing_over([&] { sizes_.push_back(hevc_size(unit)); });
  }

  void read_av1(Bytes stream) {
    constexpr int kSequenceHeader = 1;
    passing_over([&] {
      for (ByteReader reader(stream); !reader.at_end();) {
        const uint64_t head = reader.number(1);
        if ((head & 4) != 0) reader.take(1);
        const uint64_t left = reader.rest().size();
        const uint64_t length = (head & 2) != 0 ? reader.leb128() : left;
        const Bytes body = reader.take(std::min<uint64_t>(length, reader.rest().size()));
        if ((head >> 3 & 15) == kSequenceHeader) passing_over([&] { sizes_.push_back(av1_size(body)); });
      }
    });
  }

  Bytes file_;
  uint64_t left_ = 2 * file_.size() + 1024;  // bytes of items: in a file that is no bomb they hardly overlap
  std::vector<std::pair<uint64_t, std::string_view>> kinds_;  // of items
  std::vector<PictureSize> sizes_;
};

}  // namespace

std::vector<PictureSize> heif_coded_sizes(std::span<const uint8_t> file) {
  std::vector<PictureSize> sizes = CodedSizes(file).take();
  for (PictureSize& size : sizes)
    size = {std::clamp(size.height, int64_t{1}, kMostHeifSide),
            std::clamp(size.width, int64_t{1}, kMostHeifSide)};
  return sizes;
}

}  // namespace inpaint
