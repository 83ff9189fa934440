// The few operations on AMX tiles that gemm_amx.hpp is made of, each for tile set P (0 or 1): sums C
// of rows by 16 columns, activations A of rows by 32 bytes, weights B of 8 by 64 bytes. With
// CAIRN_TILES_EMULATED they are plain C++, so that any machine can test the kernel.
#pragma once

#include <cstdint>
#include <cstring>

#if !defined(CAIRN_TILES_EMULATED)
#include <immintrin.h>
#endif

namespace cairn::CAIRN_ISA {

// Four multiplications of a group, eight groups of a block.
inline constexpr int kTileWeightRows = 8;

#if defined(CAIRN_TILES_EMULATED)

struct TileFile {
  int rows;
  int32_t c[2][16][16];
  int8_t a[2][16][32];
  int8_t b[2][kTileWeightRows][64];
};

inline thread_local TileFile tiles;

inline void tiles_configure(int rows) {
  std::memset(&tiles, 0x5a, sizeof tiles);
  tiles.rows = rows;
}
inline void tiles_release() { tiles.rows = 0; }

template <int P>
inline void tile_load_a(const uint8_t* a) {
  std::memcpy(tiles.a[P], a, static_cast<size_t>(tiles.rows) * 32);
}
template <int P>
inline void tile_load_b(const uint8_t* b) {
  std::memcpy(tiles.b[P], b, sizeof tiles.b[P]);
}
template <int P>
inline void tile_zero() {
  std::memset(tiles.c[P], 0, sizeof tiles.c[P]);
}
template <int P>
inline void tile_multiply() {
  for (int r = 0; r < tiles.rows; r++)
    for (int c = 0; c < 16; c++)
      for (int k = 0; k < 32; k++)
        tiles.c[P][r][c] += tiles.a[P][r][k] * tiles.b[P][k / 4][c * 4 + k % 4];
}
template <int P>
inline void tile_store(int32_t* to) {
  std::memcpy(to, tiles.c[P], static_cast<size_t>(tiles.rows) * 64);
}

#else

struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

// The compiler's intrinsic names only the first bytes of the configuration as read, and tile loads
// name no memory at all: hence the barriers.
inline void tiles_configure(int rows) {
  TileConfig config;
  for (int t = 0; t < 8; t++) {
    config.rows[t] = static_cast<uint8_t>(t < 6 ? rows : kTileWeightRows);
    config.rowBytes[t] = t == 4 || t == 5 ? 32 : 64;
  }
  asm volatile("" ::"r"(&config) : "memory");
  _tile_loadconfig(&config);
  asm volatile("" ::: "memory");
}
inline void tiles_release() { _tile_release(); }

// C tiles are 0 and 1, A tiles 4 and 5, B tiles 6 and 7.
template <int P>
inline void tile_load_a(const uint8_t* a) {
  if constexpr (P == 0)
    _tile_loadd(4, a, 32);
  else
    _tile_loadd(5, a, 32);
}
template <int P>
inline void tile_load_b(const uint8_t* b) {
  if constexpr (P == 0)
    _tile_loadd(6, b, 64);
  else
    _tile_loadd(7, b, 64);
}
template <int P>
inline void tile_zero() {
  if constexpr (P == 0)
    _tile_zero(0);
  else
    _tile_zero(1);
}
template <int P>
inline void tile_multiply() {
  if constexpr (P == 0)
    _tile_dpbssd(0, 4, 6);
  else
    _tile_dpbssd(1, 5, 7);
}
template <int P>
inline void tile_store(int32_t* to) {
  if constexpr (P == 0)
    _tile_stored(0, to, 64);
  else
    _tile_stored(1, to, 64);
}

#endif

}  // namespace cairn::CAIRN_ISA
