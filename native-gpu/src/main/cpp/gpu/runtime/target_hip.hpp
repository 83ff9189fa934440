// AMD: the names of gpu.hpp for hipcc.
#pragma once

#include <hip/hip_runtime.h>
// after it, for its types
#include <hip/hip_fp16.h>

#define GPU_API(name) hip##name

#include "target_card.hpp"

namespace cairn::gpu {

// The lanes of a wave run in step; what is left is the order of its memory accesses.
__device__ inline void sync_warp() {
  __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "wavefront");
  __builtin_amdgcn_wave_barrier();
}
template <class T>
__device__ inline T shuffle_xor(T v, int mask) {
  return __shfl_xor(v, mask, 32);
}
template <class T>
__device__ inline T shuffle(T v, int lane) {
  return __shfl(v, lane, 32);
}
__device__ inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__device__ inline float root(float x) { return __builtin_sqrtf(x); }
__device__ inline float nearest(float x) { return __builtin_rintf(x); }
__device__ inline float half_to_float(uint16_t h) {
  return static_cast<float>(std::bit_cast<_Float16>(h));
}
__device__ inline uint16_t float_to_half(float f) {
  return std::bit_cast<uint16_t>(static_cast<_Float16>(f));
}
// c + the dot product of four signed bytes
__device__ inline int dot4(int a, int b, int c) {
#if defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__) || defined(__gfx1103__)
  return __builtin_amdgcn_sudot4(true, a, true, b, c, false);
#elif defined(__gfx906__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) ||    \
    defined(__gfx941__) || defined(__gfx942__) || defined(__gfx1011__) || defined(__gfx1012__) ||    \
    defined(__gfx1030__) || defined(__gfx1031__) || defined(__gfx1032__) || defined(__gfx1033__) ||  \
    defined(__gfx1034__) || defined(__gfx1035__) || defined(__gfx1036__)
  return __builtin_amdgcn_sdot4(a, b, c, false);
#else
  for (int i = 0; i < 32; i += 8) c += static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i);
  return c;
#endif
}

}  // namespace cairn::gpu
