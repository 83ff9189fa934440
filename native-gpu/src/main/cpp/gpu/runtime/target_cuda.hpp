// NVIDIA: the names of gpu.hpp for nvcc.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define GPU_API(name) cuda##name

#include "target_card.hpp"

namespace cairn::gpu {

__device__ inline void sync_warp() { __syncwarp(); }
template <class T>
__device__ inline T shuffle_xor(T v, int mask) {
  return __shfl_xor_sync(0xffffffffu, v, mask, 32);
}
template <class T>
__device__ inline T shuffle(T v, int lane) {
  return __shfl_sync(0xffffffffu, v, lane, 32);
}
__device__ inline float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ inline float root(float x) { return __fsqrt_rn(x); }
__device__ inline float nearest(float x) { return rintf(x); }
__device__ inline float half_to_float(uint16_t h) { return __half2float(__ushort_as_half(h)); }
__device__ inline uint16_t float_to_half(float f) { return __half_as_ushort(__float2half_rn(f)); }
// c + the dot product of four signed bytes
__device__ inline int dot4(int a, int b, int c) { return __dp4a(a, b, c); }

}  // namespace cairn::gpu
