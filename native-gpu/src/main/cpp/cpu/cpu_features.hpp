// What the processor and the operating system offer, and which kernels to run on it.
#pragma once

#include <string>

#include "kernels/kernels.hpp"

namespace cairn {

struct CpuFeatures {
  bool avx2 = false;    // with FMA and F16C
  bool avx512 = false;  // F, BW, DQ, VL
  bool avx512Vnni = false;
  bool avxVnni = false;
  bool amxInt8 = false;
};

CpuFeatures cpu_features();

// names, separated by spaces
std::string describe(const CpuFeatures& features);

// Why the AMX kernels cannot be used here; empty where they can: the processor has tiles, the system
// lets this process use them, and a small product has the bits of the scalar code. Found out once.
const std::string& amx_refusal();

// `wanted`: auto, scalar, avx2, avx512 or amx. Throws Failure(UNAVAILABLE) where the machine lacks it
// and Failure(MISUSE) for an unknown name.
const Kernels& choose_kernels(const std::string& wanted);

}  // namespace cairn
