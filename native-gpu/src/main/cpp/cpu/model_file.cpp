#include "model_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "status.hpp"

namespace cairn {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Failure(Status::MODEL, message); }

}  // namespace

ModelFile::ModelFile(const std::string& path, int64_t bytes, int64_t modifiedMillis)
    : path_(path),
      fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      bytes_(static_cast<size_t>(bytes)) {
  if (fd_ < 0) refuse("cannot open model file " + path_ + ": " + std::strerror(errno));
  struct stat s;
  std::string change;
  if (fstat(fd_, &s) != 0) {
    change = std::strerror(errno);
  } else if (s.st_size != bytes) {
    change =
        "it has " + std::to_string(s.st_size) + " bytes, expected " + std::to_string(bytes);
  } else {
    const int64_t millis =
        static_cast<int64_t>(s.st_mtim.tv_sec) * 1000 + s.st_mtim.tv_nsec / 1000000;
    if (millis != modifiedMillis)
      change = "its modification time is " + std::to_string(millis) + " ms, expected " +
               std::to_string(modifiedMillis);
  }
  if (!change.empty()) {
    close(fd_);
    refuse("model file " + path_ + " changed since it was read: " + change);
  }
}

ModelFile::~ModelFile() {
  if (mapping_ != nullptr) munmap(mapping_, bytes_);
  close(fd_);
}

void ModelFile::read(int64_t offset, void* to, size_t bytes) const {
  auto* p = static_cast<uint8_t*>(to);
  while (bytes > 0) {
    const ssize_t n = pread(fd_, p, bytes, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      refuse("model file " + path_ + " cannot be read at byte " + std::to_string(offset) + ": " +
             (n == 0 ? "it ends there" : std::strerror(errno)));
    p += n;
    offset += n;
    bytes -= static_cast<size_t>(n);
  }
}

const uint8_t* ModelFile::map() {
  if (mapping_ == nullptr) {
    void* mapping = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd_, 0);
    if (mapping == MAP_FAILED)
      throw Failure(Status::MEMORY, "model file " + path_ + " cannot be mapped: " +
                                        std::strerror(errno));
    mapping_ = mapping;
    madvise(mapping_, bytes_, MADV_WILLNEED);
  }
  return static_cast<const uint8_t*>(mapping_);
}

}  // namespace cairn
