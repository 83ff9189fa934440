// Products of every weight type against a double-precision reference within a bound, and bit for
// bit across instruction sets and numbers of rows. What lies around their outputs must survive.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../cpu/activation.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"
#include "packed.hpp"
#include "poison.hpp"

namespace {

using namespace cairn;

struct Inputs {
  std::vector<float> x;
  std::vector<uint8_t> acts;
};

Inputs inputs(int rows, int k, bool quantized, float size) {
  Inputs in{random_floats(static_cast<size_t>(rows * k), size), {}};
  if (!quantized) return in;
  in.acts.assign(activation::bytes(static_cast<size_t>(rows), static_cast<size_t>(k)), 0x5a);
  for (int r = 0; r < rows; r++)
    kScalarKernels.quantize(&in.x[static_cast<size_t>(r * k)], k, in.acts.data(), r);
  return in;
}

// The value that the kernel is given for input i of row r: after quantization where there is one.
double input_value(const Inputs& in, int k, int r, int i) {
  if (in.acts.empty()) return static_cast<double>(in.x[static_cast<size_t>(r * k + i)]);
  const uint8_t* rec =
      in.acts.data() + static_cast<size_t>(r / 16 * (k / 32) + i / 32) * activation::kRecord;
  const float d = reinterpret_cast<const float*>(rec + activation::kScale)[r % 16];
  return static_cast<double>(d) * reinterpret_cast<const int8_t*>(rec)[r % 16 * 32 + i % 32];
}

// One output against the sum in double precision; each block adds a few roundings of what it adds.
void within_bound(const Packed& p, const Inputs& in, int r, int c, float actual) {
  const uint8_t* row =
      &p.file[static_cast<size_t>(c) * row_bytes(p.type, static_cast<size_t>(p.k))];
  double sum = 0, size = 0;
  for (int i = 0; i < p.k; i++) {
    const FileValue w = file_value(p.type, row, static_cast<size_t>(i));
    const double x = input_value(in, p.k, r, i);
    sum += w.sum() * x;
    size += (std::fabs(w.scaled) + std::fabs(w.shift)) * std::fabs(x);
  }
  CHECK(std::fabs(static_cast<double>(actual) - sum) <= 4e-7 * size * std::sqrt(p.k) + 1e-36);
}

void multiply(const Kernels& kernels, const Packed& p, const Inputs& in, int rows, float* y,
              size_t ld, int panel0, int panel1) {
  if (is_float(p.type))
    kernels.gemm_float(p.type, p.panels, p.k, in.x.data(), static_cast<size_t>(p.k), rows, y, ld,
                       panel0, panel1);
  else
    kernels.gemm_blocks(p.type, p.panels, p.k / 32, in.acts.data(), rows, y, ld, panel0, panel1);
}

void product(WeightType type, int n, int k, int rows, Scales scales, float size) {
  const Packed p = pack(type, n, k, scales);
  const Inputs in = inputs(rows, k, !is_float(type), size);
  const int panels = (n + 31) / 32;
  const size_t ld = static_cast<size_t>(panels) * 32 + 16;
  std::vector<float> first;
  for (const Kernels* kernels : available_kernels()) {
    std::vector<float> y = poisoned(static_cast<size_t>(rows + 1) * ld);
    const int cut = check::integer(0, panels);
    multiply(*kernels, p, in, rows, y.data(), ld, 0, cut);
    multiply(*kernels, p, in, rows, y.data(), ld, cut, panels);
    for (size_t i = 0; i < y.size(); i++)
      CHECK((i % ld >= ld - 16 || i >= static_cast<size_t>(rows) * ld) == is_poison(y[i]));
    if (first.empty()) first = y;
    CHECK(same(first, y));
  }
  for (int check = 0; check < 40; check++) {
    const int r = check::integer(0, rows - 1), c = check::integer(0, n - 1);
    within_bound(p, in, r, c, first[static_cast<size_t>(r) * ld + static_cast<size_t>(c)]);
  }
}

#if defined(CAIRN_GPU_SUITE)
constexpr int kMostRows = 33, kMostColumns = 40;
#else
constexpr int kMostRows = 130, kMostColumns = 100;
#endif

int random_width(WeightType type) {
  const int unit = static_cast<int>(block_length(type));
  const int most = unit == 1 ? rounds(200) : unit == 256 ? 3 : rounds(20);
  return unit * check::integer(1, most);
}

void products(WeightType type) {
  for (int rows = 1; rows <= kMostRows; rows++) {
    if (rows > 34 && rows % 16 > 2 && rows != 63) continue;
    product(type, check::integer(1, kMostColumns), random_width(type), rows, Scales::ORDINARY, 1);
  }
  for (int rows : {1, 2, 3, 4, 7, 17}) {
    product(type, 40, random_width(type), rows, Scales::EXTREME, 1);
    product(type, 40, random_width(type), rows, Scales::EXTREME, 0x1p-118f);
    product(type, 40, random_width(type), rows, Scales::EXTREME, 0);
  }
}

// A row's bits do not depend on the rows beside it.
void rows_alone(WeightType type) {
  const int k = rounds(2) * 256;
  const Packed p = pack(type, 64, k);
  const Inputs in = inputs(33, k, !is_float(type), 1);
  for (const Kernels* kernels : available_kernels()) {
    std::vector<float> all(33 * 64);
    multiply(*kernels, p, in, 33, all.data(), 64, 0, 2);
    for (int r = 0; r < 33; r++) {
      const auto begin = in.x.begin() + r * k;
      Inputs alone{{begin, begin + k}, std::vector<uint8_t>(activation::bytes(1, static_cast<size_t>(k)))};
      kernels->quantize(alone.x.data(), k, alone.acts.data(), 0);
      std::vector<float> one(64);
      multiply(*kernels, p, alone, 1, one.data(), 64, 0, 2);
      CHECK(std::memcmp(one.data(), &all[static_cast<size_t>(r * 64)], 256) == 0);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  for (WeightType type : kAllTypes) {
    products(type);
    rows_alone(type);
  }
  return check::end("product_test");
}
