// The tile kernel of gemm_amx.hpp over emulated tiles, bit for bit against the scalar products.
// Built twice: with plain C++ lanes, and, for machines that have them, with AVX-512 lanes.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../cpu/activation.hpp"
#include "../cpu/cpu_features.hpp"
#include "../cpu/half.hpp"
#include "../cpu/kernels/kernels.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "poison.hpp"

#define CAIRN_ISA emulated
#define CAIRN_TILES_EMULATED
#if defined(__AVX512F__)
#include "../cpu/kernels/vec_avx512.hpp"
#else
#include "../cpu/kernels/vec_scalar.hpp"
#endif
namespace cairn::emulated {

static int withoutTiles = 0;

static void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  withoutTiles++;
  kScalarKernels.gemm_blocks(type, panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
}

}  // namespace cairn::emulated
#include "../cpu/kernels/gemm_amx.hpp"

namespace {

using namespace cairn;

struct Case {
  WeightType type;
  int k, panels;
};

// Random panels in their packed layout, with room behind for what is fetched ahead.
std::vector<uint8_t> random_panels(const Case& c) {
  const size_t record = panel_block_bytes(c.type), blocks = static_cast<size_t>(c.k / 32);
  std::vector<uint8_t> w(record * blocks * static_cast<size_t>(c.panels) + 64);
  for (uint8_t& b : w) b = static_cast<uint8_t>(check::random());
  const size_t scales = c.type == WeightType::Q8_0 ? 1024 : 512;
  for (size_t at = 0; at + record <= w.size(); at += record)
    for (size_t i = 0; i < 32; i++) {
      const uint16_t h = float_to_half(check::real(-0.1f, 0.1f));
      std::memcpy(&w[at + scales + 2 * i], &h, 2);
    }
  return w;
}

void all_rows(const Case& c, int mostRows) {
  const std::vector<uint8_t> w = random_panels(c);
  const size_t ld = static_cast<size_t>(c.panels) * 32 + 16;
  std::vector<uint8_t> acts(
      activation::bytes(static_cast<size_t>(mostRows), static_cast<size_t>(c.k)) + 64, 0xff);
  uint8_t* a = acts.data() + (64 - reinterpret_cast<uintptr_t>(acts.data()) % 64) % 64;
  for (int r = 0; r < mostRows; r++) {
    const std::vector<float> x = random_floats(static_cast<size_t>(c.k));
    kScalarKernels.quantize(x.data(), c.k, a, r);
  }
  std::vector<float> expected = poisoned(static_cast<size_t>(mostRows + 1) * ld);
  kScalarKernels.gemm_blocks(c.type, w.data(), c.k / 32, a, mostRows, expected.data(), ld, 0,
                             c.panels);
  for (int rows = 1; rows <= mostRows; rows++) {
    std::vector<float> y = poisoned(expected.size());
    const int cut = check::integer(0, c.panels), before = emulated::withoutTiles;
    emulated::gemm_tiles(c.type, w.data(), c.k / 32, a, rows, y.data(), ld, 0, cut);
    emulated::gemm_tiles(c.type, w.data(), c.k / 32, a, rows, y.data(), ld, cut, c.panels);
    const size_t used = static_cast<size_t>(rows) * ld;
    CHECK(std::memcmp(y.data(), expected.data(), used * 4) == 0);
    CHECK(std::all_of(y.begin() + static_cast<std::ptrdiff_t>(used), y.end(), is_poison));
    const bool suits = rows >= emulated::least_tile_rows(c.type) && c.k % 64 == 0 && c.k >= 128;
    CHECK((emulated::withoutTiles == before) == suits);
  }
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__AVX512F__)
  if (!cairn::cpu_features().avx512Vnni) {
    std::printf("amx_test: this processor lacks AVX-512\n");
    return 77;
  }
#endif
  check::begin(argc, argv);
  set_float_mode();
  for (WeightType type : {WeightType::Q8_0, WeightType::Q4_0}) {
    all_rows({type, 192, 2}, 130);
    for (int k : {32, 64, 96, 128, 160, 576}) all_rows({type, k, 3}, 35);
  }
  return check::end("amx_test");
}
