// Draws down the order of sampling that stop before its end: top-k, top-p and min-p. The most likely
// tokens are sorted while they are few. Where they are many, tokens are put in bands of logits whose
// weights are summed, and only the bands in which a walk stops are sorted (cpu/weight_bands.hpp).
#pragma once

#include "../../cpu/math.hpp"
#include "token_keys.hpp"

namespace cairn::gpu {

inline constexpr int kMostSorted = 2048;  // keys; more are put in bands
inline constexpr int kBands = 1024;
// Bands go so far below the largest logit, in units of temperature; the last has the rest.
inline constexpr float kBandDepth = 32.0f;

// A row of finite logits, the largest, and 1 / temperature.
struct OrderedRow {
  const float* logits;
  int n;
  float most, temperature, inverse;

  GPU_DEVICE double weight(uint64_t key) const {
    return static_cast<double>(exponential((logit_of(key) - most) * inverse));
  }
};

// How far down the order tokens are kept.
struct Cut {
  int most;
  double share, total;  // the share is of this; negative: of the weight of the first `most`
  float least;

  GPU_DEVICE bool walks() const { return share < 1.0 || least > 0.0f; }
};

// The walk of the definition over sorted keys, by one thread; −1 where they end before it does.
GPU_DEVICE inline int walk_keys(const OrderedRow& row, const uint64_t* keys, int count, bool all,
                                const Cut& cut, double u) {
  int kept = cut.most;
  double total = cut.total;
  if (total < 0.0) {
    if (kept > count) {
      if (!all) return -1;
      kept = count;
    }
    total = 0.0;
    for (int i = 0; i < kept; i++) total += row.weight(keys[i]);
  }
  if (cut.walks()) {
    double mass = 0.0;
    int n = 0;
    for (; n < kept; n++) {
      if (n == count) {
        if (!all) return -1;
        break;
      }
      const double w = row.weight(keys[n]);
      if (n > 0 && (static_cast<float>(w) < cut.least || (cut.share < 1.0 && mass >= cut.share * total)))
        break;
      mass += w;
    }
    kept = n;
    total = mass;
  }
  const double target = u * total;
  double mass = 0.0;
  int i = 0;
  for (; i + 1 < kept; i++) {
    mass += row.weight(keys[i]);
    if (mass > target) break;
  }
  return token_of(keys[i]);
}

// Walks over bands, by one thread: each goes on until it has ended or needs a band to be opened.
template <class Counts, class Masses>
struct BandWalk {
  struct Place {
    int count = 0;
    double mass = 0.0;
  };

  const OrderedRow& row;
  const Cut& cut;
  const double u;
  const float perUnit;
  const bool clipped;
  Counts counts;
  Masses masses;

  // the open band: its keys in order
  const uint64_t* keys;
  int open = -1, members = 0;

  enum Walk { TOTAL, KEPT, TOKEN } doing = TOTAL;
  int band = 0, deepest = 0, token = -1;
  Place place{};  // before the band
  double total = 0.0;
  Place kept{};

  GPU_DEVICE void begin(Walk next) {
    doing = next;
    band = 0;
    place = {};
  }
  GPU_DEVICE Place end() const { return {place.count + counts[band], place.mass + masses[band]}; }
  GPU_DEVICE bool pass(bool wanted) {
    if (!wanted) return false;
    place = end();
    deepest = band > deepest ? band : deepest;
    band++;
    return true;
  }

  // A band that has to be opened before this is called again; −1 at the end, with the token, or
  // with −1 where the sums could depend on the order of their summands.
  GPU_DEVICE int advance() {
    if (doing == TOTAL) {
      if (cut.total >= 0.0) {
        total = cut.total;
      } else {
        if (!sum_first()) return band;
        total = place.mass;
        kept = place;
      }
      begin(KEPT);
    }
    if (doing == KEPT) {
      if (cut.walks()) {
        if (!keep()) return band;
        kept = place;
      }
      if (!exact()) return -1;
      begin(TOKEN);
    }
    return find() ? -1 : band;
  }

  GPU_DEVICE bool is_open() {
    deepest = band > deepest ? band : deepest;
    return open == band;
  }

  GPU_DEVICE bool sum_first() {
    while (place.count < cut.most && band < kBands) {
      if (pass(place.count + counts[band] <= cut.most)) continue;
      if (!is_open()) return false;
      for (int i = 0; place.count < cut.most; i++, place.count++) place.mass += row.weight(keys[i]);
    }
    return true;
  }

  GPU_DEVICE bool keep() {
    const double bound = cut.share < 1.0 ? cut.share * total : 1e300;
    // Weights of bands that end before this are more than the least.
    double safe = 1e300;
    if (cut.least > 0.0f)
      safe = (-math::log(static_cast<double>(cut.least)) - 0.001) * static_cast<double>(perUnit) - 1.0;
    while (band < kBands) {
      if (counts[band] == 0) {
        band++;
        continue;
      }
      if (pass(end().count <= cut.most && end().mass < bound && static_cast<double>(band) < safe)) continue;
      if (!is_open()) return false;
      for (int i = 0; i < members; i++) {
        const double w = row.weight(keys[i]);
        if (place.count == cut.most ||
            (place.count > 0 && (static_cast<float>(w) < cut.least || place.mass >= bound)))
          return true;
        place.count++;
        place.mass += w;
      }
      band++;
    }
    return true;
  }

  GPU_DEVICE bool find() {
    const double target = u * kept.mass;
    while (band < kBands) {
      if (counts[band] == 0) {
        band++;
        continue;
      }
      if (pass(end().count < kept.count && end().mass <= target)) continue;
      if (!is_open()) return false;
      for (int i = 0; i < members; i++) {
        place.count++;
        place.mass += row.weight(keys[i]);
        token = token_of(keys[i]);
        if (place.mass > target || place.count == kept.count) return true;
      }
      band++;
    }
    return true;
  }

  // Every weight down to the deepest band is a multiple of the unit in the last place of the
  // smallest; while their sum is less than 2^53 such units, sums in any order are exact.
  GPU_DEVICE bool exact() const {
    if (clipped && deepest == kBands - 1) return false;
    double sum = 0.0;
    for (int b = 0; b <= deepest; b++) sum += masses[b];
    const double depth = perUnit > 0.0f ? static_cast<double>(deepest + 1) / static_cast<double>(perUnit) : 0.0;
    return sum < 0.49 * math::exp(-depth) * (1 << 30);
  }
};

// Of a block, in shared memory.
template <class Counts, class Masses, class Parts, class Numbers>
struct DrawShared {
  Counts counts;    // [kBands]
  Masses masses;    // [kBands]
  Parts parts;      // [kRowWarps]
  Numbers numbers;  // [2]
};
template <class Counts, class Masses, class Parts, class Numbers>
GPU_DEVICE DrawShared<Counts, Masses, Parts, Numbers> draw_shared(Counts counts, Masses masses, Parts parts,
                                                                  Numbers numbers) {
  return {counts, masses, parts, numbers};
}

// −1 where the bits of the definition are not certain.
template <class Shared>
GPU_DEVICE int draw_by_bands(const OrderedRow& row, const Cut& cut, double u, uint64_t* keys,
                             const Shared& shared) {
  auto distance = [&](float logit) { return (row.most - logit) * row.inverse; };
  float mine = 0.0f;
  for (int i = thread(); i < row.n; i += kRowThreads) {
    const float x = distance(row.logits[i]);
    mine = x > mine ? x : mine;
  }
  // distances are not negative: their bits have their order
  const uint64_t least = block_least(~static_cast<uint64_t>(std::bit_cast<uint32_t>(mine)), shared.parts);
  const float range = std::bit_cast<float>(static_cast<uint32_t>(~least));
  const bool clipped = range > kBandDepth;
  const float perUnit = range > 0.0f ? static_cast<float>(kBands) / (clipped ? kBandDepth : range) : 0.0f;
  auto band_of = [&](float logit) {
    const float at = distance(logit) * perUnit;
    return static_cast<int>(at < static_cast<float>(kBands - 1) ? at : static_cast<float>(kBands - 1));
  };
  for (int b = thread(); b < kBands; b += kRowThreads) {
    shared.counts[b] = 0;
    shared.masses[b] = 0.0;
  }
  sync_block();
  for (int i = thread(); i < row.n; i += kRowThreads) {
    const int band = band_of(row.logits[i]);
    atomic_add(&shared.counts[band], 1);
    atomic_add(&shared.masses[band],
               static_cast<double>(exponential((row.logits[i] - row.most) * row.inverse)));
  }
  BandWalk<decltype(shared.counts), decltype(shared.masses)> walk{
      row, cut, u, perUnit, clipped, shared.counts, shared.masses, keys};
  for (;;) {
    sync_block();
    if (thread() == 0) shared.numbers[1] = walk.advance();
    sync_block();
    const int band = shared.numbers[1];
    if (band < 0) break;
    walk.members = gather(
        row.logits, row.n, [&](float logit) { return band_of(logit) == band; }, keys, shared.numbers, row.n);
    walk.open = band;
  }
  sync_block();
  if (thread() == 0) shared.numbers[1] = walk.token;
  sync_block();
  return shared.numbers[1];
}

// The token at u of what the cut keeps; every thread of the block gets it.
template <class Shared>
GPU_DEVICE int draw_in_order(const OrderedRow& row, const Cut& cut, double u, uint64_t* keys,
                             const Shared& shared) {
  auto walked = [&](int count) {
    if (thread() == 0) shared.numbers[1] = walk_keys(row, keys, count, count == row.n, cut, u);
    sync_block();
    return shared.numbers[1];
  };
  // down to growing distances from the largest logit: the usual draw sorts a few hundred tokens
  for (int distance = 4; distance <= 32; distance *= 2) {
    const float floor = row.most - static_cast<float>(distance) * row.temperature;
    const int count = gather(
        row.logits, row.n, [&](float logit) { return logit >= floor; }, keys, shared.numbers, kMostSorted);
    if (count > kMostSorted) break;
    const int token = walked(count);
    if (token >= 0) return token;
  }
  if (row.n > kMostSorted) {
    const int token = draw_by_bands(row, cut, u, keys, shared);
    if (token >= 0) return token;
  }
  return walked(gather(row.logits, row.n, [](float) { return true; }, keys, shared.numbers, row.n));
}

}  // namespace cairn::gpu
