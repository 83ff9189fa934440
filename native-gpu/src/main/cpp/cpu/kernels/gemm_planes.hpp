// Products with AVX-512 VNNI of the weight types whose bits lie in planes (formats.hpp). As many
// rows as the registers hold take the weights from the panel. For more rows, the first of them
// leave a super-block's worth of the panel unpacked to bytes in the first-level cache, where the
// others read it; the accumulators wait in the output meanwhile.
#pragma once

namespace cairn::CAIRN_ISA {

// s[half of the columns][row] += inputs 4·First.. of so many groups
template <int First, int Groups, int R, class Block>
inline __attribute__((always_inline)) void dot(const Block& w, const uint8_t* a,
                                               __m512i (&s)[2][R]) {
  unrolled<Groups>([&](auto i) __attribute__((always_inline)) {
    constexpr int g = First + i;
    const __m512i u0 = w.template weights<g>(0), u1 = w.template weights<g>(1);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const __m512i v = broadcast4(a + r * 32 + g * 4);
      s[0][r] = _mm512_dpbusd_epi32(s[0][r], u0, v);
      s[1][r] = _mm512_dpbusd_epi32(s[1][r], u1, v);
    }
  });
}

// where the sums of inputs 0..15 (i = 0) or 16..31 start, from a row's field
template <WeightType T>
inline __m512i half_start(const uint8_t* f, int i) {
  using namespace activation;
  if constexpr (T == WeightType::Q2_K) return _mm512_setzero_si512();
  const __m512i by32 = broadcast4(f + (i == 0 ? kStart6Low : kStart6High));
  return T == WeightType::Q3_K ? _mm512_srai_epi32(by32, 3) : by32;
}

// acc[half][row] after one K-block; f: the rows' place in the fields of their record
template <WeightType T, int R, class Block>
inline __attribute__((always_inline)) void add_block(const Block& w, const uint8_t* a,
                                                     const uint8_t* f, __m512 (&acc)[2][R]) {
  using namespace activation;
  __m512i s[2][R];
  __m512 t[2][R];
  if constexpr (has_halves(T)) {
    unrolled<2>([&](auto i) __attribute__((always_inline)) {
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) s[0][r] = s[1][r] = half_start<T>(f + r * 4, i);
      dot<4 * i, 4>(w, a, s);
#pragma GCC unroll 2
      for (int h = 0; h < 2; h++) {
        const __m512 scale = w.scale(i, h);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          const __m512 x = _mm512_cvtepi32_ps(s[h][r]);
          t[h][r] = i == 0 ? _mm512_mul_ps(x, scale) : _mm512_fmadd_ps(x, scale, t[h][r]);
        }
      }
    });
  } else {
#pragma GCC unroll 6
    for (int r = 0; r < R; r++)
      s[0][r] = s[1][r] =
          T == WeightType::Q5_0 ? broadcast4(f + kStart5 + r * 4) : _mm512_set1_epi32(kMagicBits);
    dot<0, 8>(w, a, s);
  }
#pragma GCC unroll 2
  for (int h = 0; h < 2; h++) {
    const __m512 d = w.d(h);
    const __m512 c =
        has_halves(T) ? _mm512_setzero_ps() : _mm512_mul_ps(d, _mm512_set1_ps(-kMagic));
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const __m512 x = has_halves(T) ? t[h][r] : _mm512_castsi512_ps(s[h][r]);
      acc[h][r] =
          _mm512_fmadd_ps(_mm512_fmadd_ps(x, d, c), broadcastf(f + kScale + r * 4), acc[h][r]);
    }
    if constexpr (has_minimum(T)) {
#pragma GCC unroll 2
      for (int i = 0; i < (has_halves(T) ? 2 : 1); i++) {
        const __m512 m = w.minimum(i, h);
        const size_t field = !has_halves(T) ? kSum : i == 0 ? kSumLow : kSumHigh;
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          const __m512 sum = broadcastf(f + field + r * 4);
          acc[h][r] = is_super(T) ? _mm512_fnmadd_ps(m, sum, acc[h][r])
                                  : _mm512_fmadd_ps(m, sum, acc[h][r]);
        }
      }
    }
  }
}

template <int R>
inline void store_rows(const __m512 (&acc)[2][R], float* y, size_t ldy) {
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy, acc[0][r]);
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy + 16, acc[1][r]);
  }
}

template <size_t Bytes>
inline void prefetch_ahead(const uint8_t* w) {
#pragma GCC unroll 16
  for (size_t i = 0; i < Bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(w) + kPrefetchAhead + i, _MM_HINT_T0);
}

template <int R>
inline void load_rows(bool first, const float* y, size_t ldy, __m512 (&acc)[2][R]) {
#pragma GCC unroll 6
  for (int r = 0; r < R; r++, y += ldy) {
    acc[0][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(y);
    acc[1][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(y + 16);
  }
}

// Where the accumulators of some rows of a tile are, and from which of its rows they start.
struct Rows {
  const uint8_t* tile;
  int r0;
  bool first;
  float* y;
  size_t ldy;
};

// Rows from `count` K-blocks of a panel, from the tile's row 0; unpacks them where `to` is given
template <WeightType T, int R, bool Unpack>
const uint8_t* packed_rows(const uint8_t* w, int count, const Rows& rows, UnpackedBlock* to) {
  using namespace activation;
  constexpr int each = static_cast<int>(block_length(T) / 32);
  const uint8_t* tile = rows.tile;
  __m512 acc[2][R];
  load_rows(rows.first, rows.y, rows.ldy, acc);
  for (int b = 0; b < count; b += each) {
    const uint8_t* header = w;
    prefetch_ahead<header_bytes(T)>(w);
    w += header_bytes(T);
    for (int i = 0; i < each; i++, w += k_block_bytes(T), tile += kRecord) {
      prefetch_ahead<k_block_bytes(T)>(w);
      const PackedBlock<T> block{header, w};
      if constexpr (Unpack)
        add_block<T>(UnpackingBlock<T>{block, to++}, tile, tile, acc);
      else
        add_block<T>(block, tile, tile, acc);
    }
  }
  store_rows(acc, rows.y, rows.ldy);
  return w;
}

template <WeightType T, int R>
void unpacked_rows(const UnpackedBlock* w, int count, const Rows& rows) {
  using namespace activation;
  const uint8_t* tile = rows.tile;
  __m512 acc[2][R];
  load_rows(rows.first, rows.y, rows.ldy, acc);
  for (int b = 0; b < count; b++, tile += kRecord)
    add_block<T>(w[b], tile + rows.r0 * kBlock, tile + rows.r0 * 4, acc);
  store_rows(acc, rows.y, rows.ldy);
}

template <WeightType T>
constexpr int kPlaneRows = has_halves(T) ? 4 : 6;

// body(integral_constant n)
template <int Most, class Body>
inline void with_count(int n, const Body& body) {
  if constexpr (Most > 1) {
    if (n < Most) return with_count<Most - 1>(n, body);
  }
  body(std::integral_constant<int, Most>{});
}

// more rows than kPlaneRows
template <WeightType T>
void many_rows(const uint8_t* w, int kBlocks, const uint8_t* acts, int rows, float* y, size_t ldy) {
  using namespace activation;
  constexpr int most = kPlaneRows<T>;
  const size_t tileBytes = static_cast<size_t>(kBlocks) * kRecord;
  UnpackedBlock blocks[8];
  for (int b = 0; b < kBlocks; b += 8) {
    const int count = kBlocks - b < 8 ? kBlocks - b : 8;
    for (int t = 0; t < rows; t += kTileRows) {
      const uint8_t* tile =
          acts + static_cast<size_t>(t / kTileRows) * tileBytes + static_cast<size_t>(b) * kRecord;
      const int m = rows - t < kTileRows ? rows - t : kTileRows;
      const int groups = (m + most - 1) / most;
      for (int g = 0, r = 0; g < groups; g++) {
        const int some = (m - r + groups - g - 1) / (groups - g);
        const Rows group{tile, r, b == 0, y + static_cast<size_t>(t + r) * ldy, ldy};
        with_count<most>(some, [&](auto n) {
          if (t + r == 0)
            w = packed_rows<T, n, true>(w, count, group, blocks);
          else
            unpacked_rows<T, n>(blocks, count, group);
        });
        r += some;
      }
    }
  }
}

template <WeightType T>
void planes_type(const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows, float* y,
                 size_t ldy, int panel0, int panel1) {
  const size_t panelBytes = panel_bytes(T, static_cast<size_t>(kBlocks) * 32);
  for (int p = panel0; p < panel1; p++) {
    const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
    float* out = y + static_cast<size_t>(p) * 32;
    if (rows > kPlaneRows<T>) {
      many_rows<T>(w, kBlocks, acts, rows, out, ldy);
    } else {
      with_count<kPlaneRows<T>>(rows, [&](auto n) {
        packed_rows<T, n, false>(w, kBlocks, Rows{acts, 0, true, out, ldy}, nullptr);
      });
    }
  }
}

static void gemm_planes(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  auto run = [&](auto t) { planes_type<t>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1); };
  for_plane_type(type, run);
}

}  // namespace cairn::CAIRN_ISA
