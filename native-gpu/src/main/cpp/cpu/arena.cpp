#include "arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "status.hpp"

namespace cairn {
namespace {

constexpr size_t kHuge = size_t{2} << 20;
constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

// The number after `key` in a file of "key number" lines; `otherwise` where there is none.
size_t read_field(const std::string& path, const std::string& key, size_t otherwise) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string name;
    size_t value;
    if (key.empty() ? static_cast<bool>(fields >> value)
                    : fields >> name && name == key && fields >> value)
      return value;
  }
  return otherwise;
}

size_t group_leaves(const std::string& dir, const char* limitFile, const char* usageFile,
                    const char* cacheField) {
  const size_t limit = read_field(dir + "/" + limitFile, "", kUnlimited);
  if (limit > kUnlimited / 4) return kUnlimited;
  const size_t used = read_field(dir + "/" + usageFile, "", 0);
  const size_t cache = std::min(used, read_field(dir + "/memory.stat", cacheField, 0));
  return limit > used - cache ? limit - (used - cache) : 0;
}

}  // namespace

Arena::Arena(size_t bytes, const std::string& what) : size_(aligned(bytes)) {
  mappingBytes_ = size_ + 2 * kHuge;
  mapping_ =
      mmap(nullptr, mappingBytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED)
    throw Failure(Status::MEMORY,
                  "the system refused " + std::to_string(bytes) + " bytes for " + what);
  const uintptr_t start = (reinterpret_cast<uintptr_t>(mapping_) + kHuge - 1) & ~(kHuge - 1);
  data_ = reinterpret_cast<uint8_t*>(start);
#if defined(MADV_HUGEPAGE)
  madvise(data_, size_, MADV_HUGEPAGE);
#endif
}

Arena::~Arena() { munmap(mapping_, mappingBytes_); }

uint8_t* Arena::take(size_t bytes) {
  uint8_t* p = data_ + used_;
  if (aligned(bytes) > size_ - used_)
    throw Failure(Status::MEMORY, "an arena was planned too small");
  used_ += aligned(bytes);
  return p;
}

size_t available_memory() {
  size_t least = read_field("/proc/meminfo", "MemAvailable:", kUnlimited / 1024) * 1024;
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  std::string path = "";
  while (std::getline(groups, line))
    if (line.rfind("0::", 0) == 0) path = line.substr(3);
  const std::string root = "/sys/fs/cgroup";
  for (;;) {
    least =
        std::min(least, group_leaves(root + path, "memory.max", "memory.current", "inactive_file"));
    if (path.empty() || path == "/") break;
    path.erase(path.find_last_of('/'));
  }
  return std::min(least, group_leaves(root + "/memory", "memory.limit_in_bytes",
                                      "memory.usage_in_bytes", "total_inactive_file"));
}

}  // namespace cairn
