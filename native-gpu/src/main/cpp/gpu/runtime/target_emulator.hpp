// The emulator: the names of gpu.hpp for a C++ compiler. For tests: each thread of a block is a
// fiber, and blocks run one after the other.
#pragma once

#include <source_location>

#include "../../cpu/half.hpp"
#include "emulator.hpp"

#define GPU_KERNEL static void
#define GPU_DEVICE
#define GPU_BOUNDS(threads)
#define GPU_SHARED(type, name, count)  \
  static const char name##Site = 0;    \
  const cairn::gpu::emulator::Shared<type> name = \
      cairn::gpu::emulator::shared<type>(&name##Site, #name, count)
#define GPU_LAUNCH(kernel, grid, threads, stream, ...)                           \
  cairn::gpu::emulator::enqueue(stream, {#kernel, grid, static_cast<int>(threads), \
                                         cairn::gpu::emulator::bound(kernel, __VA_ARGS__)})
#define GPU_API(name) emu##name
#define GPU_UNROLL

namespace cairn::gpu {

using Site = std::source_location;

inline int thread() { return emulator::current().thread; }
inline int threads() { return emulator::running().threads; }
inline int block() { return emulator::running().block; }
inline int block_y() { return emulator::running().blockY; }
inline int blocks() { return static_cast<int>(emulator::running().grid.x); }
inline void sync_block(const Site& site = Site::current()) { emulator::barrier(site.line()); }
inline void sync_warp(const Site& site = Site::current()) { emulator::meet_warp(site.line()); }
template <class T>
inline T shuffle_xor(T v, int mask, const Site& site = Site::current()) {
  return emulator::exchange(v, thread() % 32 ^ mask, site.line());
}
template <class T>
inline T shuffle(T v, int lane, const Site& site = Site::current()) {
  return emulator::exchange(v, lane, site.line());
}
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float root(float x) { return __builtin_sqrtf(x); }
inline float nearest(float x) { return __builtin_rintf(x); }
inline float half_to_float(uint16_t h) { return cairn::half_to_float(h); }
inline uint16_t float_to_half(float f) { return cairn::float_to_half(f); }
template <class T>
inline T atomic_add(T* p, T v) {
  const T old = *p;
  *p = old + v;
  return old;
}
inline uint32_t atomic_or(uint32_t* p, uint32_t v) {
  const uint32_t old = *p;
  *p = old | v;
  return old;
}
inline uint32_t atomic_exchange(uint32_t* p, uint32_t v) {
  const uint32_t old = *p;
  *p = v;
  return old;
}
inline int dot4(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8)
    c += static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i);
  return c;
}

}  // namespace cairn::gpu
