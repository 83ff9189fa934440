// Matrix instructions: 16 rows of A times 16 columns of B over 16 inputs, int8 with exact sums. Which
// numbers a lane of the wave holds differs by target; a word is four inputs, of a row of A or of a
// column of B. MatrixUnit names the layouts:
//   MMA   NVIDIA, mma.m16n8k16 for columns 0..7 and 8..15
//   MFMA  CDNA, v_mfma_i32_16x16x16i8, waves of 64
//   WMMA  RDNA 3, v_wmma_i32_16x16x16_iu8, both halves of the wave hold A and B
#pragma once

#include "../runtime/gpu.hpp"

#if defined(GPU_CUDA) && (!defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800)
#define GPU_MATRIX_MMA
#elif defined(GPU_HIP) && (defined(__gfx908__) || defined(__gfx90a__))
#define GPU_MATRIX_MFMA
#elif defined(GPU_HIP) && (defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__))
#define GPU_MATRIX_WMMA
#endif

namespace cairn::gpu::matrix {

inline constexpr int kTile = 16;
// registers of a lane, at most
inline constexpr int kOperands = 4, kResults = 8;

struct Place {
  int row, column;
};

#if defined(GPU_MATRIX_MMA)

inline constexpr bool kAvailable = true;
GPU_DEVICE constexpr int wave() { return 32; }
GPU_DEVICE constexpr int operands() { return 2; }
GPU_DEVICE constexpr int results() { return 8; }
// row of A or column of B, and its word, that a lane's register i holds
GPU_DEVICE inline Place operand(int lane, int i) { return {lane / 4 + 8 * i, lane % 4}; }
GPU_DEVICE inline Place result(int lane, int i) {
  return {lane / 4 + i / 2 % 2 * 8, lane % 4 * 2 + i % 2 + i / 4 * 8};
}
// d += a · b
GPU_DEVICE inline void multiply(const int* a, const int* b, int* d) {
  GPU_UNROLL
  for (int half = 0; half < 2; half++) {
    int* r = d + 4 * half;
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
        "{%0,%1,%2,%3};"
        : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3])
        : "r"(a[0]), "r"(a[1]), "r"(b[half]));
  }
}

#elif defined(GPU_MATRIX_MFMA)

inline constexpr bool kAvailable = true;
GPU_DEVICE constexpr int wave() { return 64; }
GPU_DEVICE constexpr int operands() { return 1; }
GPU_DEVICE constexpr int results() { return 4; }
GPU_DEVICE inline Place operand(int lane, int) { return {lane % 16, lane / 16}; }
GPU_DEVICE inline Place result(int lane, int i) { return {lane / 16 * 4 + i, lane % 16}; }
GPU_DEVICE inline void multiply(const int* a, const int* b, int* d) {
  using Four = int __attribute__((ext_vector_type(4)));
  Four sum = {d[0], d[1], d[2], d[3]};
  sum = __builtin_amdgcn_mfma_i32_16x16x16i8(a[0], b[0], sum, 0, 0, 0);
  for (int i = 0; i < 4; i++) d[i] = sum[i];
}

#elif defined(GPU_MATRIX_WMMA)

inline constexpr bool kAvailable = true;
GPU_DEVICE constexpr int wave() { return 32; }
GPU_DEVICE constexpr int operands() { return 4; }
GPU_DEVICE constexpr int results() { return 8; }
GPU_DEVICE inline Place operand(int lane, int i) { return {lane % 16, i}; }
GPU_DEVICE inline Place result(int lane, int i) { return {2 * i + lane / 16, lane % 16}; }
GPU_DEVICE inline void multiply(const int* a, const int* b, int* d) {
  using Four = int __attribute__((ext_vector_type(4)));
  using Eight = int __attribute__((ext_vector_type(8)));
  const Four x = {a[0], a[1], a[2], a[3]}, y = {b[0], b[1], b[2], b[3]};
  Eight sum = {d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]};
  sum = __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32(true, x, true, y, sum, false);
  for (int i = 0; i < 8; i++) d[i] = sum[i];
}

#elif defined(GPU_EMU)

inline constexpr bool kAvailable = true;
inline bool is(emulator::MatrixUnit unit) { return emulator::settings().matrix == unit; }
inline int wave() { return emulator::settings().wave; }
inline int operands() {
  return is(emulator::MatrixUnit::MMA) ? 2 : is(emulator::MatrixUnit::MFMA) ? 1 : 4;
}
inline int results() { return is(emulator::MatrixUnit::MFMA) ? 4 : 8; }
inline Place operand(int lane, int i) {
  if (is(emulator::MatrixUnit::MMA)) return {lane / 4 + 8 * i, lane % 4};
  if (is(emulator::MatrixUnit::MFMA)) return {lane % 16, lane / 16};
  return {lane % 16, i};
}
inline Place result(int lane, int i) {
  if (is(emulator::MatrixUnit::MMA))
    return {lane / 4 + i / 2 % 2 * 8, lane % 4 * 2 + i % 2 + i / 4 * 8};
  if (is(emulator::MatrixUnit::MFMA)) return {lane / 16 * 4 + i, lane % 16};
  return {2 * i + lane / 16, lane % 16};
}
// The registers of lanes that hold a word of a row or a column.
inline int held(int offset, int index, int word) {
  if (is(emulator::MatrixUnit::MMA))
    return emulator::wave_slot(index % 8 * 4 + word)[offset + index / 8];
  if (is(emulator::MatrixUnit::MFMA)) return emulator::wave_slot(word * 16 + index)[offset];
  return emulator::wave_slot(index)[offset + word];
}
inline void multiply(const int* a, const int* b, int* d,
                     const std::source_location& site = std::source_location::current()) {
  const int lane = thread() % wave();
  int* mine = emulator::wave_slot(lane);
  for (int i = 0; i < operands(); i++) {
    mine[i] = a[i];
    mine[kOperands + i] = b[i];
  }
  emulator::meet_wave(site.line());
  for (int i = 0; i < results(); i++) {
    const Place at = result(lane, i);
    for (int word = 0; word < 4; word++)
      d[i] = dot4(held(0, at.row, word), held(kOperands, at.column, word), d[i]);
  }
  emulator::turn_slots();
}

#else

// Products of many rows are computed like those of few.
inline constexpr bool kAvailable = false;
GPU_DEVICE constexpr int wave() { return 32; }
GPU_DEVICE constexpr int operands() { return 1; }
GPU_DEVICE constexpr int results() { return 1; }
GPU_DEVICE inline Place operand(int, int) { return {0, 0}; }
GPU_DEVICE inline Place result(int, int) { return {0, 0}; }
GPU_DEVICE inline void multiply(const int*, const int*, int*) {}

#endif

}  // namespace cairn::gpu::matrix
