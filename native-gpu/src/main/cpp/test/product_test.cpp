// Products of every weight type against a double-precision reference within a bound, and bit for
// bit across instruction sets and numbers of rows. What lies around their outputs must survive.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "../cpu/activation.hpp"
#include "../cpu/half.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"
#include "poison.hpp"

namespace {

using namespace cairn;

uint16_t random_scale() {
  return static_cast<uint16_t>(0x1400 + check::integer(0, 0x0bff) + (check::integer(0, 1) << 15));
}

// Rows of a file with random contents of a type.
std::vector<uint8_t> random_rows(WeightType type, size_t k, size_t rows) {
  std::vector<uint8_t> data(rows * row_bytes(type, k));
  for (uint8_t& b : data) b = static_cast<uint8_t>(check::integer(0, 255));
  for (size_t at = 0; at < data.size(); at += block_bytes(type)) {
    if (type == WeightType::F32) {
      const float f = check::real(-1, 1);
      std::memcpy(&data[at], &f, 4);
    } else {
      const uint16_t h =
          type == WeightType::F16 ? float_to_half(check::real(-1, 1)) : random_scale();
      std::memcpy(&data[at + (type == WeightType::Q6_K ? 208 : 0)], &h, 2);
    }
  }
  return data;
}

// Element i of a row, read from the file's layout as GGUF's documentation has it.
double file_value(WeightType type, const uint8_t* row, size_t i) {
  const uint8_t* b = row + i / block_length(type) * block_bytes(type);
  uint16_t h;
  std::memcpy(&h, b + (type == WeightType::Q6_K ? 208 : 0), 2);
  const double d = static_cast<double>(half_to_float(h));
  const size_t j = i % block_length(type);
  switch (type) {
    case WeightType::F32: {
      float f;
      std::memcpy(&f, b, 4);
      return static_cast<double>(f);
    }
    case WeightType::F16:
      return d;
    case WeightType::Q8_0:
      return d * static_cast<int8_t>(b[2 + j]);
    case WeightType::Q4_0:
      return d * ((j < 16 ? b[2 + j] & 15 : b[2 + j - 16] >> 4) - 8);
    default: {
      const size_t part = j / 128, l = j % 128 % 32, quarter = j % 128 / 32;
      const uint8_t ql = b[64 * part + l + (quarter & 1 ? 32 : 0)], qh = b[128 + 32 * part + l];
      const int low = quarter >= 2 ? ql >> 4 : ql & 15,
                q = (low | ((qh >> (2 * quarter) & 3) << 4)) - 32;
      return d * static_cast<int8_t>(b[192 + 8 * part + l / 16 + 2 * quarter]) * q;
    }
  }
}

struct Packed {
  WeightType type;
  int n, k;
  std::vector<uint8_t> file;
  std::vector<uint8_t> store;  // aligned to 64 inside
  uint8_t* panels;
};

Packed pack(WeightType type, int n, int k) {
  const size_t width = static_cast<size_t>(k), count = static_cast<size_t>(n + 31) / 32;
  Packed p{type,
           n,
           k,
           random_rows(type, width, static_cast<size_t>(n)),
           std::vector<uint8_t>(count * panel_bytes(type, width) + 64),
           nullptr};
  p.panels = p.store.data() + (64 - reinterpret_cast<uintptr_t>(p.store.data()) % 64) % 64;
  for (size_t c = 0; c < count; c++)
    CHECK(pack_panel(type, width, &p.file[c * 32 * row_bytes(type, width)],
                     std::min(32, n - static_cast<int>(c) * 32),
                     p.panels + c * panel_bytes(type, width)));
  return p;
}

void packing(WeightType type) {
  const Packed p = pack(type, 45, 512);
  std::vector<float> column(512);
  for (int n = 0; n < 45; n++) {
    read_column(type, 512, p.panels + static_cast<size_t>(n / 32) * panel_bytes(type, 512), n % 32,
                column.data());
    for (size_t i = 0; i < 512; i++)
      CHECK(static_cast<double>(column[i]) ==
            static_cast<double>(static_cast<float>(
                file_value(type, &p.file[static_cast<size_t>(n) * row_bytes(type, 512)], i))));
  }
  if (is_float(type)) return;
  std::vector<uint8_t> bad(p.file);
  const uint16_t infinite = 0x7c00;
  std::memcpy(&bad[type == WeightType::Q6_K ? 208 : 0], &infinite, 2);
  std::vector<uint8_t> panel(panel_bytes(type, 512));
  CHECK(!pack_panel(type, 512, bad.data(), 32, panel.data()));
}

struct Inputs {
  std::vector<float> x;
  std::vector<uint8_t> acts;
};

Inputs inputs(int rows, int k, bool quantized) {
  Inputs in{random_floats(static_cast<size_t>(rows * k)), {}};
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

void product(WeightType type, int n, int k, int rows) {
  const Packed p = pack(type, n, k);
  const Inputs in = inputs(rows, k, !is_float(type));
  const int panels = (n + 31) / 32;
  const size_t ld = static_cast<size_t>(panels) * 32 + 16;
  std::vector<float> first;
  for (const Kernels* kernels : available_kernels()) {
    std::vector<float> y = poisoned(static_cast<size_t>(rows + 1) * ld);
    const int cut = check::integer(0, panels);
    for (auto [a, b] : {std::pair{0, cut}, std::pair{cut, panels}}) {
      if (is_float(type))
        kernels->gemm_float(type, p.panels, k, in.x.data(), static_cast<size_t>(k), rows, y.data(),
                            ld, a, b);
      else
        kernels->gemm_blocks(type, p.panels, k / 32, in.acts.data(), rows, y.data(), ld, a, b);
    }
    for (size_t i = 0; i < y.size(); i++)
      CHECK((i % ld >= ld - 16 || i >= static_cast<size_t>(rows) * ld) == is_poison(y[i]));
    if (first.empty()) first = y;
    CHECK(same(first, y));
  }
  for (int check = 0; check < 40; check++) {
    const int r = check::integer(0, rows - 1), c = check::integer(0, n - 1);
    double sum = 0, size = 0;
    for (int i = 0; i < k; i++) {
      const double t =
          file_value(type,
                     &p.file[static_cast<size_t>(c) * row_bytes(type, static_cast<size_t>(k))],
                     static_cast<size_t>(i)) *
          input_value(in, k, r, i);
      sum += t;
      size += std::fabs(t);
    }
    CHECK(
        std::fabs(static_cast<double>(first[static_cast<size_t>(r) * ld + static_cast<size_t>(c)]) -
                  sum) <= 4e-7 * size * std::sqrt(k));
  }
}

void products() {
  for (WeightType type :
       {WeightType::F32, WeightType::F16, WeightType::Q8_0, WeightType::Q4_0, WeightType::Q6_K}) {
    packing(type);
    for (int rows = 1; rows <= 33; rows++) {
      const int unit = type == WeightType::Q6_K ? 256 : is_float(type) ? 1 : 32;
      const int k =
          is_float(type) ? check::integer(1, 200) : unit * check::integer(1, unit == 256 ? 2 : 8);
      product(type, check::integer(1, 100), k, rows);
    }
  }
}

// A row's bits do not depend on the rows beside it.
void rows_alone() {
  const Packed p = pack(WeightType::Q8_0, 64, 96);
  const Inputs in = inputs(33, 96, true);
  for (const Kernels* kernels : available_kernels()) {
    std::vector<float> all(33 * 64);
    kernels->gemm_blocks(p.type, p.panels, 3, in.acts.data(), 33, all.data(), 64, 0, 2);
    for (int r = 0; r < 33; r++) {
      std::vector<uint8_t> acts(activation::bytes(1, 96));
      std::vector<float> one(64);
      kernels->quantize(&in.x[static_cast<size_t>(r * 96)], 96, acts.data(), 0);
      kernels->gemm_blocks(p.type, p.panels, 3, acts.data(), 1, one.data(), 64, 0, 2);
      CHECK(std::memcmp(one.data(), &all[static_cast<size_t>(r * 64)], 256) == 0);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  products();
  rows_alone();
  return check::end("product_test");
}
