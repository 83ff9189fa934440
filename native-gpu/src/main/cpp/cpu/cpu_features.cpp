#include "cpu_features.hpp"

#include "status.hpp"

#if defined(CAIRN_X86)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "activation.hpp"
#endif

namespace cairn {
namespace {

#if defined(CAIRN_X86)

// Asks the system to save and restore tiles for this process.
bool tiles_permitted() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// A small product of each type on tiles has the bits of the scalar code.
bool tiles_agree() {
  constexpr int kInputs = 192, kRows = 23, kColumns = 64;
  alignas(64) static uint8_t acts[activation::bytes(kRows, kInputs)];
  uint32_t state = 1;
  auto byte = [&] {
    state = state * 1664525u + 1013904223u;
    return static_cast<uint8_t>(state >> 24);
  };
  for (int r = 0; r < kRows; r++) {
    float x[kInputs];
    for (float& v : x) v = static_cast<float>(byte()) - 100.0f;
    kScalarKernels.quantize(x, kInputs, acts, r);
  }
  for (WeightType type : {WeightType::Q8_0, WeightType::Q4_0}) {
    const size_t record = panel_block_bytes(type);
    std::vector<uint8_t> store(2 * panel_bytes(type, kInputs) + 64);
    uint8_t* panels = store.data() + (64 - reinterpret_cast<uintptr_t>(store.data()) % 64) % 64;
    for (size_t i = 0; i < 2 * panel_bytes(type, kInputs); i++) {
      const bool scale = i % record >= record - 64;
      panels[i] = scale && i % 2 == 1 ? 0x2c : byte();
    }
    for (int rows : {7, kRows}) {
      float expected[kRows * kColumns] = {}, y[kRows * kColumns] = {};
      kScalarKernels.gemm_blocks(type, panels, kInputs / 32, acts, rows, expected, kColumns, 0, 2);
      kAmxKernels.gemm_blocks(type, panels, kInputs / 32, acts, rows, y, kColumns, 0, 2);
      if (std::memcmp(expected, y, sizeof y) != 0) return false;
    }
  }
  return true;
}

std::string find_amx_refusal() {
  const CpuFeatures f = cpu_features();
  if (!f.amxInt8 || !f.avx512Vnni) return "this processor lacks AMX tiles for int8";
  if (!tiles_permitted())
    return std::string("the system does not let this process use AMX tiles: ") +
           std::strerror(errno);
  if (!tiles_agree()) return "AMX tiles do not give the bits of the scalar code on this machine";
  return "";
}

#else

std::string find_amx_refusal() { return "this build has no AMX kernels"; }

#endif

}  // namespace

const std::string& amx_refusal() {
  static const std::string refusal = find_amx_refusal();
  return refusal;
}

CpuFeatures cpu_features() {
  CpuFeatures f;
#if defined(CAIRN_X86)
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
  const bool fma = c >> 12 & 1, f16c = c >> 29 & 1, osxsave = c >> 27 & 1;
  if (!osxsave) return f;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  const bool ymm = (low & 6) == 6, zmm = (low & 0xe6) == 0xe6, tiles = (low & 0x60000) == 0x60000;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return f;
  f.avx2 = ymm && fma && f16c && (b >> 5 & 1);
  f.avx512 = f.avx2 && zmm && (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
  f.avx512Vnni = f.avx512 && (c >> 11 & 1);
  f.amxInt8 = tiles && (d >> 24 & 1) && (d >> 25 & 1);
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) f.avxVnni = f.avx2 && (a >> 4 & 1);
#endif
  return f;
}

std::string describe(const CpuFeatures& f) {
  std::string s;
  auto name = [&](bool has, const char* text) {
    if (has) s += (s.empty() ? "" : " ") + std::string(text);
  };
  name(f.avx2, "avx2");
  name(f.avx512, "avx512");
  name(f.avx512Vnni, "avx512-vnni");
  name(f.avxVnni, "avx-vnni");
  name(f.amxInt8, "amx-int8");
  return s;
}

const Kernels& choose_kernels(const std::string& wanted) {
  const bool automatic = wanted == "auto";
  if (wanted == "scalar") return kScalarKernels;
  if (!automatic && wanted != "avx2" && wanted != "avx512" && wanted != "amx")
    throw Failure(Status::MISUSE, "instruction set '" + wanted +
                                      "' is unknown; expected auto, scalar, avx2, avx512 or amx");
#if defined(CAIRN_X86)
  const CpuFeatures f = cpu_features();
  if ((automatic || wanted == "amx") && amx_refusal().empty()) return kAmxKernels;
  if (f.avx512Vnni && (automatic || wanted == "avx512")) return kAvx512Kernels;
  if (f.avx2 && (automatic || wanted == "avx2")) return kAvx2Kernels;
#endif
  if (automatic) return kScalarKernels;
  throw Failure(Status::UNAVAILABLE,
                "instruction set " + wanted + " was asked for and " +
                    (wanted == "amx"      ? amx_refusal()
                     : wanted == "avx512" ? "this processor lacks AVX-512 with VNNI"
                                          : "this processor lacks AVX2 with FMA and F16C"));
}

}  // namespace cairn
