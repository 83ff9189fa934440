// Times steps of the engine over a random model of a realistic shape: decode at several batches and
// contexts, and prefill. Prints JSON lines; the read rate of the memory is measured in the same run.
//   cairn_bench_step [--shape 135m|1b|DIM,LAYERS,HEADS,KV,FFN,VOCABULARY] [--type Q8_0|Q4_0|…|Q6_K]
//                    [--isa NAME] [--threads N] [--steps N] [--rounds N] [--temperature T]
//                    [--kv F16|F32|Q8_0] [--pin true|false] [--weights packed|mapped]
//                    [--cases all|CONTEXTxBATCH|pCHUNK]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "../cpu/cpu_features.hpp"
#include "../cpu/engine.hpp"
#include "../cpu/read_rate.hpp"
#include "random_model.hpp"

namespace {

using namespace cairn;

constexpr int kBlock = 32, kContext = 1024, kSlots = 16, kBatch = 512;
constexpr int kBlocksPerSlot = kContext / kBlock;

struct Options {
  bench::Shape shape;
  std::string shapeName = "135m", typeName = "Q8_0", isa = "auto", cases = "all";
  WeightType type = WeightType::Q8_0;
  int threads = 1, steps = 12, rounds = 3;
  float temperature = 0;
  KvType kvType = KvType::F16;
  bool pin = false;
  WeightStore weights = WeightStore::PACKED;

  bool wants(const std::string& name) const { return cases == "all" || cases == name; }
};

[[noreturn]] void refuse(const std::string& option, const std::string& value) {
  std::fprintf(stderr, "%s has the value '%s', which is not supported\n", option.c_str(),
               value.c_str());
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--shape") {
      o.shapeName = value;
      bench::Shape& s = o.shape;
      if (value == "1b")
        s = {2048, 22, 32, 4, 5632, 32000, false};
      else if (value != "135m" &&
               std::sscanf(value.c_str(), "%d,%d,%d,%d,%d,%d", &s.dim, &s.layers, &s.heads,
                           &s.kvHeads, &s.feedForward, &s.vocabulary) != 6)
        refuse(name, value);
    } else if (name == "--type") {
      o.typeName = value;
      const std::map<std::string, WeightType> types{
          {"Q8_0", WeightType::Q8_0}, {"Q4_0", WeightType::Q4_0}, {"Q4_1", WeightType::Q4_1},
          {"Q5_0", WeightType::Q5_0}, {"Q5_1", WeightType::Q5_1}, {"Q2_K", WeightType::Q2_K},
          {"Q3_K", WeightType::Q3_K}, {"Q4_K", WeightType::Q4_K}, {"Q5_K", WeightType::Q5_K},
          {"Q6_K", WeightType::Q6_K}};
      const auto type = types.find(value);
      if (type == types.end()) refuse(name, value);
      o.type = type->second;
    } else if (name == "--isa") {
      o.isa = value;
    } else if (name == "--threads") {
      o.threads = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--steps") {
      o.steps = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--rounds") {
      o.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--temperature") {
      o.temperature = static_cast<float>(std::atof(value.c_str()));
    } else if (name == "--kv") {
      o.kvType = value == "F32" ? KvType::F32 : value == "Q8_0" ? KvType::Q8_0 : KvType::F16;
    } else if (name == "--pin") {
      o.pin = value == "true";
    } else if (name == "--weights") {
      o.weights = value == "mapped" ? WeightStore::MAPPED : WeightStore::PACKED;
    } else if (name == "--cases") {
      o.cases = value;
    } else {
      refuse("the command line", name);
    }
  }
  return o;
}

class Sequences {
 public:
  Sequences(Engine& engine, const Options& o) : engine_(engine), options_(o) {}

  void open(int slot, int length) {
    SlotSpec spec;
    for (int i = 0; i < length; i++)
      spec.tokens.push_back((i * 7919 + slot * 31) % options_.shape.vocabulary);
    spec.promptLength = length;
    spec.sampling.temperature = options_.temperature;
    spec.sampling.topK = options_.temperature > 0 ? 40 : 0;
    spec.seed = static_cast<uint64_t>(slot);
    engine_.open_slot(slot, spec);
  }
  void close(int slot) { engine_.free_slot(slot); }

  ChunkJob chunk(int slot, int start, int count) const {
    ChunkJob c{slot, start, count, true, false, (start + kBlock - 1) / kBlock, {}};
    for (int b = c.firstBlock; b * kBlock < start + count; b++)
      c.blocks.push_back(slot * kBlocksPerSlot + b);
    return c;
  }

  // milliseconds of one step
  double run(std::vector<ChunkJob> chunks) {
    engine_.submit(1, std::move(chunks));
    const auto job = engine_.await();
    return static_cast<double>(job->endNanos - job->startNanos) * 1e-6;
  }

  // the shortest step of a decode that begins at `context`
  double decode(int batch, int context, int steps) {
    double best = 1e30;
    for (int s = 0; s < batch; s++) {
      open(s, context);
      run({chunk(s, 0, context)});
    }
    for (int i = 0; i < steps; i++) {
      std::vector<ChunkJob> chunks;
      for (int s = 0; s < batch; s++) chunks.push_back(chunk(s, context + i, 1));
      best = std::min(best, run(std::move(chunks)));
    }
    for (int s = 0; s < batch; s++) close(s);
    return best;
  }

  double prefill(int length, int chunkTokens) {
    open(0, length);
    double sum = 0;
    for (int at = 0; at < length; at += chunkTokens) {
      ChunkJob c = chunk(0, at, std::min(chunkTokens, length - at));
      c.sample = at + chunkTokens >= length;
      sum += run({c});
    }
    close(0);
    return sum;
  }

 private:
  Engine& engine_;
  const Options& options_;
};

void bench_all(const Options& o) {
  const bench::RandomModel model(o.shape, o.type);
  EngineConfig config;
  config.threads = o.threads;
  config.maxSlots = kSlots;
  config.maxContext = kContext;
  config.kvBlocks = kSlots * kBlocksPerSlot;
  config.blockTokens = kBlock;
  config.maxBatchTokens = kBatch;
  config.kvType = o.kvType;
  config.pinThreads = o.pin;
  config.weights = o.weights;
  Engine engine(model.desc(), config, choose_kernels(o.isa), [](int64_t, int64_t) { return true; });
  Sequences sequences(engine, o);
  // case → shortest milliseconds; rounds interleave the cases, for the machine is seldom idle
  std::map<std::pair<int, int>, double> decode;
  std::map<int, double> prefill;
  double rate = 0;  // GB a second
  for (int round = 0; round < o.rounds; round++) {
    rate = std::max(rate, streaming_read_rate(o.threads) * 1e-9);
    for (int context : {64, 512})
      for (int batch : {1, 4, 16}) {
        if (!o.wants(std::to_string(context) + "x" + std::to_string(batch))) continue;
        double& best = decode.try_emplace({context, batch}, 1e30).first->second;
        best = std::min(best, sequences.decode(batch, context, o.steps));
      }
    for (int chunk : {64, 512}) {
      if (!o.wants("p" + std::to_string(chunk))) continue;
      double& best = prefill.try_emplace(chunk, 1e30).first->second;
      best = std::min(best, sequences.prefill(512, chunk));
    }
  }
  const double one = decode[{64, 1}], bytes = static_cast<double>(engine.weight_bytes() + engine.mapped_bytes());
  const std::string head = "{\"shape\":\"" + o.shapeName + "\",\"type\":\"" + o.typeName +
                           "\",\"isa\":\"" + choose_kernels(o.isa).name +
                           "\",\"threads\":" + std::to_string(o.threads) + ",\"weights\":\"" +
                           (o.weights == WeightStore::MAPPED ? "mapped" : "packed") + "\"";
  std::printf("%s,\"weight_mb\":%.1f,\"read_gb_s_best\":%.2f}\n", head.c_str(), bytes * 1e-6, rate);
  for (const auto& [key, ms] : decode)
    std::printf(
        "%s,\"decode_context\":%d,\"batch\":%d,\"step_ms\":%.3f,\"tok_s\":%.1f,\"over_batch_1\":"
        "%.2f,\"share_of_read_rate\":%.3f}\n",
        head.c_str(), key.first, key.second, ms, key.second / ms * 1e3,
        key.second * decode[{key.first, 1}] / ms, bytes / ms * 1e-6 / rate);
  for (const auto& [chunk, ms] : prefill)
    std::printf("%s,\"prefill\":512,\"chunk\":%d,\"ms\":%.2f,\"tok_s\":%.1f,\"over_batch_1\":%.2f}\n",
                head.c_str(), chunk, ms, 512 / ms * 1e3, 512 / ms * one);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench_all(parse(argc, argv));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
