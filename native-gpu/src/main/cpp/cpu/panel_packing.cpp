// Rows of a file become panels: four columns at a time, a 32-bit word of each in one vector. A line
// of a panel holds four inputs of a column in a word, as a file's rows mostly do, so packing is a
// transposition of words and a few shifts, on any processor.
#include <cstring>

#include "formats.hpp"

namespace cairn {
namespace {

using Words = uint32_t __attribute__((vector_size(16)));
using Bytes = uint8_t __attribute__((vector_size(16)));

// Stands for the blocks of a column that the matrix does not have.
constexpr uint8_t kAbsent[256] = {};

constexpr Words all(uint32_t word) { return Words{word, word, word, word}; }

constexpr Words kLowNibbles = all(0x0f0f0f0f), kHighNibbles = all(0xf0f0f0f0);

// The same block, or the same elements, of four columns.
struct Columns {
  const uint8_t* at[4];

  // w[i]: word i of the 16 bytes from `offset` on of each column
  void words(size_t offset, Words* w) const {
    Words r[4];
    for (size_t i = 0; i < 4; i++) std::memcpy(&r[i], at[i] + offset, 16);
    const Words a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
    const Words b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    const Words c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    const Words d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    w[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    w[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    w[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    w[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  }
  // the word at `offset` of each column
  Words word(size_t offset) const {
    uint32_t w[4];
    for (size_t i = 0; i < 4; i++) std::memcpy(&w[i], at[i] + offset, 4);
    return Words{w[0], w[1], w[2], w[3]};
  }
  void halves(size_t offset, uint8_t* out) const {
    for (size_t i = 0; i < 4; i++) std::memcpy(out + 2 * i, at[i] + offset, 2);
  }
};

// word i: byte i of each column
Words by_byte(Words columns) {
  const Bytes x = reinterpret_cast<Bytes>(columns);
  const Bytes y =
      __builtin_shufflevector(x, x, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  return reinterpret_cast<Words>(
      __builtin_shufflevector(y, y, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
}

// bits `shift` and `shift` + 1 of the bytes of w[0..4), side by side
Words two_bits(const Words* w, int shift) {
  const Words mask = all(0x03030303);
  return (w[0] >> shift & mask) | (w[1] >> shift & mask) << 2 | (w[2] >> shift & mask) << 4 |
         (w[3] >> shift & mask) << 6;
}

// bit `shift` of the bytes of w[0..8), side by side
Words one_bit(const Words* w, int shift) {
  Words sum = all(0);
  for (int g = 0; g < 8; g++) sum |= (w[g] >> shift & all(0x01010101)) << g;
  return sum;
}

// bit 4g + j of 32 becomes bit g of byte j
Words spread(Words bits) {
  Words sum = all(0);
  for (int j = 0; j < 4; j++) {
    Words x = bits >> j & all(0x11111111);
    x = (x | x >> 3) & all(0x03030303);
    x = (x | x >> 6) & all(0x000f000f);
    sum |= ((x | x >> 12) & all(0xff)) << (8 * j);
  }
  return sum;
}

// Columns c to c + 3 of one K-block of a panel.
template <WeightType T>
struct Target {
  uint8_t* block;
  size_t c;

  void low(size_t line, Words w) const {
    std::memcpy(block + c / 16 * (low_plane_bytes(T) / 2) + line * 64 + c % 16 * 4, &w, 16);
  }
  void high(size_t line, Words w) const {
    constexpr size_t half = 64 * static_cast<size_t>(high_bits(T));
    std::memcpy(block + low_plane_bytes(T) + c / 16 * half + line * 64 + c % 16 * 4, &w, 16);
  }
  // lines of nibbles: of words that hold inputs 0..15 and words that hold 16..31 of the K-block
  void low_nibbles(const Words* w) const {
    for (size_t g = 0; g < 4; g++) low(g, (w[g] & kLowNibbles) | (w[g + 4] & kLowNibbles) << 4);
  }
  void high_nibbles(const Words* w) const {
    for (size_t g = 0; g < 4; g++) low(g, (w[g] >> 4 & kLowNibbles) | (w[g + 4] & kHighNibbles));
  }
};

// Types in blocks of 32.
template <WeightType T>
void pack_block(const Columns& from, size_t c, uint8_t* out) {
  const Target<T> to{out, c};
  uint8_t* scales = out + scales_at(T);
  from.halves(0, scales + 2 * c);
  size_t at = 2;
  if constexpr (has_minimum(T)) {
    from.halves(at, scales + 64 + 2 * c);
    at += 2;
  }
  if constexpr (high_bits(T) == 1) {
    to.high(0, spread(from.word(at)));
    at += 4;
  }
  Words w[8];
  from.words(at, w);
  if constexpr (T == WeightType::Q8_0) from.words(at + 16, w + 4);
  for (size_t g = 0; g < (T == WeightType::Q8_0 ? 8 : 4); g++) to.low(g, w[g]);
}

// Scales and minimums of K-blocks, a byte each, from the words of Q4_K's and Q5_K's 12 bytes.
template <WeightType T>
void put_six_bits(const Columns& from, const Target<T>* to) {
  const Words s = from.word(4), m = from.word(8), rest = from.word(12);
  const Words six = all(0x3f3f3f3f), top = all(0x30303030);
  const Words by[4] = {by_byte(s & six), by_byte(m & six),
                       by_byte((rest & kLowNibbles) | (s >> 2 & top)),
                       by_byte((rest >> 4 & kLowNibbles) | (m >> 2 & top))};
  for (size_t b = 0; b < 8; b++)
    for (size_t i = 0; i < 2; i++) {
      const uint32_t word = by[b / 4 * 2 + i][b % 4];
      std::memcpy(to[b].block + scales_at(T) + i * 32 + to[b].c, &word, 4);
    }
}

// The same of inputs 0..15 and 16..31 of K-blocks, from 16 bytes: w[i] has those of two K-blocks.
template <WeightType T>
void put_halves(const Words* w, const Target<T>* to) {
  for (size_t i = 0; i < 16; i++) {
    const uint32_t word = by_byte(w[i / 4])[i % 4];
    std::memcpy(to[i / 2].block + scales_at(T) + i % 2 * 32 + to[i / 2].c, &word, 4);
  }
}

// Q3_K's sixteen 6-bit scales, less 32, as int8
void take_signed_six_bits(const Columns& from, Words* w) {
  const Words low[2] = {from.word(96), from.word(100)}, high = from.word(104);
  for (int i = 0; i < 4; i++) {
    const Words x = (low[i % 2] >> (i / 2 * 4) & kLowNibbles) |
                    (high >> (2 * i) & all(0x03030303)) << 4;
    const Words flipped = x ^ all(0x20202020), sign = flipped & all(0x20202020);
    w[i] = flipped | sign << 1 | sign << 2;
  }
}

template <WeightType T>
void put_weights(const Columns& from, const Target<T>* to) {
  Words w[16], h[8];
  if constexpr (T == WeightType::Q4_K || T == WeightType::Q5_K) {
    if constexpr (T == WeightType::Q5_K)
      for (size_t i = 0; i < 2; i++) from.words(16 + 16 * i, h + 4 * i);
    for (size_t b = 0; b < 8; b += 2) {
      const size_t at = (T == WeightType::Q5_K ? 48 : 16) + 16 * b;
      from.words(at, w);
      from.words(at + 16, w + 4);
      to[b].low_nibbles(w);
      to[b + 1].high_nibbles(w);
    }
    if constexpr (T == WeightType::Q5_K)
      for (int b = 0; b < 8; b++) to[b].high(0, one_bit(h, b));
  } else if constexpr (T == WeightType::Q6_K) {
    for (size_t part = 0; part < 2; part++) {
      for (size_t i = 0; i < 4; i++) from.words(part * 64 + 16 * i, w + 4 * i);
      for (size_t i = 0; i < 2; i++) from.words(128 + part * 32 + 16 * i, h + 4 * i);
      for (size_t group = 0; group < 4; group++) {
        const Target<T>& block = to[part * 4 + group];
        if (group < 2)
          block.low_nibbles(w + group * 8);
        else
          block.high_nibbles(w + (group - 2) * 8);
        for (size_t line = 0; line < 2; line++)
          block.high(line, two_bits(h + 4 * line, static_cast<int>(2 * group)));
      }
    }
  } else {
    for (size_t part = 0; part < 2; part++) {
      const size_t at = (T == WeightType::Q2_K ? 16 : 32) + part * 32;
      for (size_t i = 0; i < 2; i++) from.words(at + 16 * i, w + 4 * i);
      for (size_t group = 0; group < 4; group++)
        for (size_t line = 0; line < 2; line++)
          to[part * 4 + group].low(line, two_bits(w + 4 * line, static_cast<int>(2 * group)));
    }
    if constexpr (T == WeightType::Q3_K) {
      for (size_t i = 0; i < 2; i++) from.words(16 * i, h + 4 * i);
      for (int b = 0; b < 8; b++) to[b].high(0, one_bit(h, b));
    }
  }
}

// Types in super-blocks.
template <WeightType T>
void pack_super_block(const Columns& from, size_t c, uint8_t* out) {
  from.halves(scale_place(T), out + 2 * c);
  if constexpr (has_minimum(T)) from.halves(scale_place(T) + 2, out + 64 + 2 * c);
  Target<T> to[8];
  for (size_t b = 0; b < 8; b++) to[b] = {out + header_bytes(T) + b * k_block_bytes(T), c};
  put_weights(from, to);
  Words scales[4];
  if constexpr (T == WeightType::Q4_K || T == WeightType::Q5_K) {
    put_six_bits(from, to);
  } else {
    if constexpr (T == WeightType::Q3_K)
      take_signed_six_bits(from, scales);
    else
      from.words(T == WeightType::Q2_K ? 0 : 192, scales);
    put_halves(scales, to);
  }
}

// So many elements of four columns, at most 16 bytes of each; out: their places in the first input.
template <WeightType T>
void pack_floats(const Columns& from, size_t elements, uint8_t* out) {
  constexpr size_t size = block_bytes(T), line = kPanelColumns * size;
  if (elements * size == 16) {
    Words w[4];
    from.words(0, w);
    for (size_t i = 0; i < 4; i++) {
      if constexpr (size == 4) {
        std::memcpy(out + i * line, &w[i], 16);
      } else {
        using Halves = uint16_t __attribute__((vector_size(16)));
        const Halves x = reinterpret_cast<Halves>(w[i]);
        const Halves y = __builtin_shufflevector(x, x, 0, 2, 4, 6, 1, 3, 5, 7);
        const auto pair = reinterpret_cast<uint64_t __attribute__((vector_size(16)))>(y);
        const uint64_t even = pair[0], odd = pair[1];
        std::memcpy(out + 2 * i * line, &even, 8);
        std::memcpy(out + (2 * i + 1) * line, &odd, 8);
      }
    }
    return;
  }
  for (size_t e = 0; e < elements; e++)
    for (size_t i = 0; i < 4; i++)
      std::memcpy(out + e * line + i * size, from.at[i] + e * size, size);
}

template <WeightType T>
void pack(size_t k, const uint8_t* rows, int count, uint8_t* panel) {
  constexpr size_t length = is_float(T) ? 16 / block_bytes(T) : block_length(T);
  constexpr size_t step = is_float(T) ? 16 : block_bytes(T);
  const size_t stride = row_bytes(T, k);
  // The next panel's rows follow; they are fetched while this one's are packed.
  const uint8_t* next = rows + stride * kPanelColumns;
  for (size_t i = 0, b = 0; i < k; i += length, b++) {
    for (size_t c = 0; c < kPanelColumns; c += 4, next += 4 * step) {
      for (size_t line = 0; line < 4 * step; line += 64) __builtin_prefetch(next + line, 0, 2);
      Columns from;
      for (size_t j = 0; j < 4; j++)
        from.at[j] = static_cast<int>(c + j) < count ? rows + (c + j) * stride + b * step : kAbsent;
      if constexpr (is_float(T))
        pack_floats<T>(from, k - i < length ? k - i : length,
                       panel + (i * kPanelColumns + c) * block_bytes(T));
      else if constexpr (is_super(T))
        pack_super_block<T>(from, c, panel + b * panel_block_bytes(T));
      else
        pack_block<T>(from, c, panel + b * panel_block_bytes(T));
    }
  }
}

}  // namespace

void pack_panel(WeightType type, size_t k, const uint8_t* rows, int count, uint8_t* panel) {
  switch (type) {
    case WeightType::F32:
      return pack<WeightType::F32>(k, rows, count, panel);
    case WeightType::F16:
      return pack<WeightType::F16>(k, rows, count, panel);
    case WeightType::BF16:
      return pack<WeightType::BF16>(k, rows, count, panel);
    case WeightType::Q4_0:
      return pack<WeightType::Q4_0>(k, rows, count, panel);
    case WeightType::Q4_1:
      return pack<WeightType::Q4_1>(k, rows, count, panel);
    case WeightType::Q5_0:
      return pack<WeightType::Q5_0>(k, rows, count, panel);
    case WeightType::Q5_1:
      return pack<WeightType::Q5_1>(k, rows, count, panel);
    case WeightType::Q8_0:
      return pack<WeightType::Q8_0>(k, rows, count, panel);
    case WeightType::Q2_K:
      return pack<WeightType::Q2_K>(k, rows, count, panel);
    case WeightType::Q3_K:
      return pack<WeightType::Q3_K>(k, rows, count, panel);
    case WeightType::Q4_K:
      return pack<WeightType::Q4_K>(k, rows, count, panel);
    case WeightType::Q5_K:
      return pack<WeightType::Q5_K>(k, rows, count, panel);
    case WeightType::Q6_K:
      return pack<WeightType::Q6_K>(k, rows, count, panel);
  }
}

}  // namespace cairn
