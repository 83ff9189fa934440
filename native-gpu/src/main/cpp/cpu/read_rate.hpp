// How fast memory can be read from one end to the other: the ceiling of decoding, which reads every
// weight once a step.
#pragma once

namespace cairn {

// Bytes a second of the fastest of several passes over memory that no cache holds, all threads
// together; each reads 1, 2, 3 or 4 streams at a time, with and without prefetching.
double streaming_read_rate(int threads);

}  // namespace cairn
