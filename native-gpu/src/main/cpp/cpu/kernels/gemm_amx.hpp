// Products of Q8_0 and Q4_0 weights on AMX tiles: 16 rows by 16 columns by one block of 32 inputs.
//
// The blocks of all (panel, row tile, column half) of a call form one sequence that a software
// pipeline runs through and never drains. At step t it stores the sums of block t − 2, multiplies
// block t, and converts block t − 3: a store right after its product would wait for it. Sums are
// converted as everywhere (docs/NUMERICS.md), by adding the bits of 12582912 as integers, for a
// conversion instruction runs at half speed beside tiles.
//
// Expects a vec header with load_plus_bits, and gemm_blocks, the product without tiles.
#pragma once

#include "tiles.hpp"

namespace cairn::CAIRN_ISA {

// Fewest blocks that the pipeline handles; it takes them in pairs.
inline constexpr int kTileLeastBlocks = 4;
// Blocks of a 4-bit row that fit the thread's buffer of unpacked weights.
inline constexpr int kTileMostUnpacked = 512;
// Bytes that weights are fetched ahead, into the second-level cache.
inline constexpr size_t kTileAhead = 34816;

#if defined(CAIRN_TILES_EMULATED)
inline void fetch_far(const uint8_t*) {}
inline int32_t* hidden(int32_t* p) { return p; }
inline void unpacked_barrier() {}
#else
// An asm statement, for gcc drops lambdas that do nothing but prefetch.
inline void fetch_far(const uint8_t* p) { asm volatile("prefetcht1 %0" ::"m"(*p)); }
// The same pointer; the compiler then keeps one base register, not an address for every element.
inline int32_t* hidden(int32_t* p) {
  asm volatile("" : "+r"(p));
  return p;
}
inline void unpacked_barrier() { asm volatile("" ::: "memory"); }
#endif

// Where the sums of one block belong: its weights' 16 scales and its activations' scales.
struct TileScales {
  const uint8_t* weights;
  const uint8_t* rows;
};

template <int R>
struct TileSums {
  F acc[R];

  inline __attribute__((always_inline)) void clear() {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) acc[r] = set1(0.0f);
  }
  // acc = fma(RN(sum · dw), da, acc)
  inline __attribute__((always_inline)) void convert(const int32_t* sums, TileScales at) {
    const F dw = load_half(reinterpret_cast<const uint16_t*>(at.weights));
    const F start = mul(dw, set1(-activation::kMagic));
    const float* da = reinterpret_cast<const float*>(at.rows);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
      acc[r] = fma(fma(load_plus_bits(sums + r * 16, activation::kMagicBits), dw, start),
                   set1(da[r]), acc[r]);
  }
  inline __attribute__((always_inline)) void put(float* y, size_t ldy, int rows) const {
    if (rows == R) {
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) store(y + static_cast<size_t>(r) * ldy, acc[r]);
      return;
    }
    alignas(64) float all[R * 16];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) store(all + r * 16, acc[r]);
    for (int r = 0; r < rows; r++)
      __builtin_memcpy(y + static_cast<size_t>(r) * ldy, all + r * 16, 64);
  }
};

// Signed bytes of a 4-bit panel, 1024 a block, in the order of an 8-bit one.
inline void unpack_panel(const uint8_t* w, int kBlocks, uint8_t* out) {
  for (int b = 0; b < kBlocks; b++, w += 576)
    for (int h = 0; h < 2; h++, out += 512)
      for (int i = 0; i < 256; i++) {
        const uint8_t v = w[h * 256 + i];
        out[i] = static_cast<uint8_t>((v & 15) - 8);
        out[256 + i] = static_cast<uint8_t>((v >> 4) - 8);
      }
}

struct TileProduct {
  const uint8_t* panels;
  int kBlocks;
  const uint8_t* acts;
  int rows;
  float* y;
  size_t ldy;
};

// Rows in tiles of R; R is 16 where there is more than one tile.
template <WeightType T, int R>
void tile_panels(const TileProduct& g, int panel0, int panel1) {
  using namespace activation;
  constexpr size_t record = panel_block_bytes(T), scales = T == WeightType::Q8_0 ? 1024 : 512;
  constexpr size_t step = T == WeightType::Q8_0 ? record : 1024;
  constexpr int lines[2] = {static_cast<int>(record / 128 + 1), static_cast<int>(record / 128)};
  alignas(64) static thread_local uint8_t
      unpacked[T == WeightType::Q4_0 ? kTileMostUnpacked * 1024 : 64];
  alignas(64) int32_t store[512] = {};
  int32_t* slots = hidden(store);
  const size_t panelBytes = static_cast<size_t>(g.kBlocks) * record;
  const size_t tileBytes = static_cast<size_t>(g.kBlocks) * kRecord;

  TileSums<R> sums;
  sums.clear();
  // the three blocks that are in the pipe when a column half begins
  TileScales last{g.panels + scales, g.acts + kScale};
  float* lastY = nullptr;
  int lastRows = 0;
  auto finish = [&]() __attribute__((always_inline)) {
    sums.put(lastY, g.ldy, lastRows);
    sums.clear();
  };
  auto next = [](TileScales s, size_t blocks) __attribute__((always_inline)) {
    return TileScales{s.weights + blocks * record, s.rows + blocks * kRecord};
  };

  tile_zero<0>();
  tile_zero<1>();
  for (int p = panel0; p < panel1; p++) {
    const uint8_t* panel = g.panels + static_cast<size_t>(p) * panelBytes;
    const uint8_t* weights = panel;
    if constexpr (T == WeightType::Q4_0) {
      unpack_panel(panel, g.kBlocks, unpacked);
      unpacked_barrier();
      weights = unpacked;
    }
    for (int r = 0; r < g.rows; r += kTileRows)
      for (int h = 0; h < 2; h++) {
        const uint8_t* a = g.acts + static_cast<size_t>(r / kTileRows) * tileBytes;
        const uint8_t* b = weights + h * 512;
        const uint8_t* ahead = panel + kTileAhead + (h == 0 ? 0 : lines[0] * 64);
        const bool fetch = r == 0;
        TileScales at{panel + scales + h * 32, a + kScale};
        auto multiply = [&]<int P>() __attribute__((always_inline)) {
          tile_store<P>(slots + P * 256);
          tile_load_a<P>(a);
          tile_load_b<P>(b);
          tile_zero<P>();
          tile_multiply<P>();
          a += kRecord;
          b += step;
          if (fetch) {
#pragma GCC unroll 16
            for (int i = 0; i < lines[0]; i++) fetch_far(ahead + i * 64);
            ahead += record;
          }
        };
        multiply.template operator()<0>();
        sums.convert(slots + 256, last);
        multiply.template operator()<1>();
        sums.convert(slots, next(last, 1));
        multiply.template operator()<0>();
        sums.convert(slots + 256, next(last, 2));
        finish();
        multiply.template operator()<1>();
        sums.convert(slots, at);
        for (int t = kTileLeastBlocks; t < g.kBlocks; t += 2) {
          multiply.template operator()<0>();
          sums.convert(slots + 256, next(at, 1));
          multiply.template operator()<1>();
          sums.convert(slots, next(at, 2));
          at = next(at, 2);
        }
        last = next(at, 1);
        lastY = g.y + static_cast<size_t>(r) * g.ldy + static_cast<size_t>(p * 32 + h * 16);
        lastRows = g.rows - r < R ? g.rows - r : R;
      }
  }
  sums.convert(slots + 256, last);
  tile_store<0>(slots);
  tile_store<1>(slots + 256);
  sums.convert(slots, next(last, 1));
  sums.convert(slots + 256, next(last, 2));
  finish();
}

template <WeightType T>
void tile_rows(const TileProduct& g, int panel0, int panel1) {
  const int tile = g.rows > 12 ? 16 : g.rows > 8 ? 12 : 8;
  tiles_configure(tile);
  switch (tile) {
    case 8:
      tile_panels<T, 8>(g, panel0, panel1);
      break;
    case 12:
      tile_panels<T, 12>(g, panel0, panel1);
      break;
    default:
      tile_panels<T, 16>(g, panel0, panel1);
      break;
  }
  tiles_release();
}

// Fewest rows for which tiles are the faster way.
constexpr int least_tile_rows(WeightType type) { return type == WeightType::Q8_0 ? 5 : 8; }

constexpr bool suits_tiles(WeightType type, int kBlocks, int rows) {
  return (type == WeightType::Q8_0 || (type == WeightType::Q4_0 && kBlocks <= kTileMostUnpacked)) &&
         rows >= least_tile_rows(type) && kBlocks >= kTileLeastBlocks && kBlocks % 2 == 0;
}

static void gemm_tiles(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                       int rows, float* y, size_t ldy, int panel0, int panel1) {
  if (!suits_tiles(type, kBlocks, rows))
    return gemm_blocks(type, panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
  if (panel0 >= panel1) return;
  const TileProduct g{panels, kBlocks, acts, rows, y, ldy};
  if (type == WeightType::Q8_0)
    tile_rows<WeightType::Q8_0>(g, panel0, panel1);
  else
    tile_rows<WeightType::Q4_0>(g, panel0, panel1);
}

}  // namespace cairn::CAIRN_ISA
