#include "cpu_features.hpp"

#include "status.hpp"

#if defined(CAIRN_X86)
#include <cpuid.h>
#endif

namespace cairn {

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
  if (!automatic && wanted != "avx2" && wanted != "avx512")
    throw Failure(Status::MISUSE, "instruction set '" + wanted +
                                      "' is unknown; expected auto, scalar, avx2 or avx512");
#if defined(CAIRN_X86)
  const CpuFeatures f = cpu_features();
  if (f.avx512Vnni && wanted != "avx2") return kAvx512Kernels;
  if (f.avx2 && wanted != "avx512") return kAvx2Kernels;
#endif
  if (automatic) return kScalarKernels;
  throw Failure(Status::UNAVAILABLE,
                "instruction set " + wanted + " was asked for and this processor lacks " +
                    (wanted == "avx512" ? "AVX-512 with VNNI" : "AVX2 with FMA and F16C"));
}

}  // namespace cairn
