// A random matrix of a weight type, as a file holds it and packed.
#pragma once

#include <algorithm>
#include <vector>

#include "../cpu/formats.hpp"
#include "check.hpp"
#include "file_values.hpp"

struct Packed {
  cairn::WeightType type;
  int n, k;
  std::vector<uint8_t> file;
  std::vector<uint8_t> store;  // aligned to 64 inside
  uint8_t* panels;
};

inline Packed pack(cairn::WeightType type, int n, int k, Scales scales = Scales::ORDINARY) {
  const size_t width = static_cast<size_t>(k), count = static_cast<size_t>(n + 31) / 32;
  Packed p{type,
           n,
           k,
           random_rows(type, width, static_cast<size_t>(n), scales),
           std::vector<uint8_t>(count * cairn::panel_bytes(type, width) + 64),
           nullptr};
  p.panels = p.store.data() + (64 - reinterpret_cast<uintptr_t>(p.store.data()) % 64) % 64;
  for (size_t c = 0; c < count; c++)
    cairn::pack_panel(type, width, &p.file[c * 32 * cairn::row_bytes(type, width)],
                      std::min(32, n - static_cast<int>(c) * 32),
                      p.panels + c * cairn::panel_bytes(type, width));
  return p;
}
